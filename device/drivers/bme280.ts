// The BME280 in forced mode: calibration, one measurement at a time, compensation. When to measure is the profile's.
// Source: Bosch BST-BME280-DS002, sections 4.2 (compensation), 5.4 (registers), 9.1 (measurement time), appendix 8.1 (double precision).

const ID = 0xd0;
const CHIP_ID = 0x60;
const CALIBRATION_T_P = 0x88; // 26 bytes
const CALIBRATION_H = 0xe1; // 7 bytes
const CTRL_HUM = 0xf2;
const CTRL_MEAS = 0xf4;
const STATUS = 0xf3;
const STATUS_MEASURING = 8;
const DATA = 0xf7; // 8 bytes: pressure, temperature, humidity
/** Oversampling x1 of everything, forced mode. */
const HUM_X1 = 1;
const MEAS_X1_FORCED = 0x25;
/** The longest measurement with oversampling x1 is 9.3 ms. */
export const BME280_CONVERT_MS = 15;
/** What a channel says that was skipped or has not been measured (section 4.2.2's reset values). */
const NONE_20 = 0x80000;
const NONE_16 = 0x8000;

export interface Bme280Reading {
  /** Degrees Celsius; undefined when the part had no value. */
  temperature: number | undefined;
  /** Percent. */
  humidity: number | undefined;
  /** hPa. */
  pressure: number | undefined;
}

export class Bme280 {
  private calibration: Bme280Calibration | undefined;

  constructor(
    private readonly bus: number,
    /** 0x76 or 0x77. */
    private readonly address: number,
  ) {
    this.calibration = undefined;
  }

  /** Reads id and calibration. False when no BME280 answers. Throws on a stuck bus. */
  begin(): boolean {
    this.calibration = undefined;
    const id = this.readFrom(ID, 1);
    if (id === undefined || id[0] !== CHIP_ID) return false;
    const first = this.readFrom(CALIBRATION_T_P, 26);
    const second = this.readFrom(CALIBRATION_H, 7);
    if (first === undefined || second === undefined) return false;
    this.calibration = decodeBme280Calibration(first, second);
    return true;
  }

  /** Starts a measurement; after BME280_CONVERT_MS it can be read. False when the part does not answer. */
  start(): boolean {
    // CTRL_HUM takes effect with the write of CTRL_MEAS behind it (section 5.4.3).
    const bytes = Uint8Array.of(CTRL_HUM, HUM_X1, CTRL_MEAS, MEAS_X1_FORCED);
    return native.i2cTransfer(this.bus, this.address, bytes, 0) !== undefined;
  }

  /** Undefined when the part does not answer or is still measuring. */
  read(): Bme280Reading | undefined {
    if (this.calibration === undefined) return undefined;
    const status = this.readFrom(STATUS, 1);
    if (status === undefined || ((status[0] as number) & STATUS_MEASURING) !== 0) return undefined;
    const data = this.readFrom(DATA, 8);
    return data === undefined ? undefined : compensateBme280(this.calibration, data);
  }

  private readFrom(register: number, length: number): Uint8Array | undefined {
    return native.i2cTransfer(this.bus, this.address, Uint8Array.of(register), length);
  }
}

/** dig_T1..T3 at 0, dig_P1..P9 at 3, dig_H1..H6 at 12 (table 16). */
export type Bme280Calibration = number[];

/** Registers 0x88..0xA1 (26 bytes) and 0xE1..0xE7 (7 bytes). */
export function decodeBme280Calibration(first: Uint8Array, second: Uint8Array): Bme280Calibration {
  const out: number[] = [];
  for (let index = 0; index < 12; index++) {
    const word = (first[2 * index] as number) | ((first[2 * index + 1] as number) << 8);
    // T1 and P1 are unsigned, all others signed.
    out.push(index === 0 || index === 3 ? word : (word << 16) >> 16);
  }
  const byte = (index: number) => second[index] as number;
  out.push(first[25] as number, (((byte(1) << 8) | byte(0)) << 16) >> 16, byte(2));
  // H4 and H5 are 12 bits wide and share a byte.
  out.push((((byte(3) << 24) >> 24) << 4) | (byte(4) & 15), (((byte(5) << 24) >> 24) << 4) | (byte(4) >> 4));
  out.push((byte(6) << 24) >> 24);
  return out;
}

/** Registers 0xF7..0xFE to values, by the double precision formulas. */
export function compensateBme280(dig: Bme280Calibration, data: Uint8Array): Bme280Reading {
  const raw = (at: number) =>
    ((data[at] as number) << 12) | ((data[at + 1] as number) << 4) | ((data[at + 2] as number) >> 4);
  const rawPressure = raw(0);
  const rawTemperature = raw(3);
  const rawHumidity = ((data[6] as number) << 8) | (data[7] as number);
  // Everything hangs on the temperature.
  if (rawTemperature === NONE_20) return { temperature: undefined, humidity: undefined, pressure: undefined };
  const fine = fineTemperature(dig, rawTemperature);
  return {
    temperature: fine / 5120,
    humidity: rawHumidity === NONE_16 ? undefined : humidityOf(dig, rawHumidity, fine),
    pressure: rawPressure === NONE_20 ? undefined : pressureOf(dig, rawPressure, fine),
  };
}

function fineTemperature(dig: Bme280Calibration, raw: number): number {
  const [t1, t2, t3] = dig as [number, number, number];
  const near = raw / 131072 - t1 / 8192;
  return (raw / 16384 - t1 / 1024) * t2 + near * near * t3;
}

function pressureOf(dig: Bme280Calibration, raw: number, fine: number): number | undefined {
  const p = (number: number) => dig[2 + number] as number;
  let var1 = fine / 2 - 64000;
  let var2 = (var1 * var1 * p(6)) / 32768;
  var2 = (var2 + var1 * p(5) * 2) / 4 + p(4) * 65536;
  var1 = ((p(3) * var1 * var1) / 524288 + p(2) * var1) / 524288;
  var1 = (1 + var1 / 32768) * p(1);
  if (var1 === 0) return undefined;
  let pascal = ((1048576 - raw - var2 / 4096) * 6250) / var1;
  pascal += ((p(9) * pascal * pascal) / 2147483648 + (pascal * p(8)) / 32768 + p(7)) / 16;
  return pascal / 100;
}

function humidityOf(dig: Bme280Calibration, raw: number, fine: number): number {
  const h = (number: number) => dig[11 + number] as number;
  const t = fine - 76800;
  let humidity = raw - (h(4) * 64 + (h(5) / 16384) * t);
  humidity *= (h(2) / 65536) * (1 + (h(6) / 67108864) * t * (1 + (h(3) / 67108864) * t));
  humidity *= 1 - (h(1) * humidity) / 524288;
  return Math.max(0, Math.min(100, humidity));
}
