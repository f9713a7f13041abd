// A BME280 environmental sensor, after Bosch's datasheet (BST-BME280-DS002): registers, forced and normal mode with conversion times, and
// raw values found by inverting its compensation formulas (8.1, double precision) numerically.

import type { SimClock } from "../clock.ts";
import { I2cPart } from "./i2c_part.ts";

/** The calibration words; T and P as in the worked example of the BMP280 datasheet (3.12), whose formulas are the same. */
export const CALIBRATION = {
  t: [27504, 26435, -1000],
  p: [36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000],
  h: [75, 362, 0, 313, 50, 30],
} as const;

const SKIPPED_20 = 0x80000;
const SKIPPED_16 = 0x8000;
const SLEEP = 0;
const NORMAL = 3;
/** NVM copy after reset (table 1). */
const START_UP_US = 2000;
const STANDBY_US = [500, 62_500, 125_000, 250_000, 500_000, 1_000_000, 10_000, 20_000];

export class Bme280Model extends I2cPart {
  celsius = 21;
  /** 0..100 % */
  humidity = 45;
  hPa = 1013.25;
  /** Used instead of the values above: raw temperature, pressure, humidity. */
  raw: readonly [number, number, number] | undefined;
  readonly #clock: SimClock;
  readonly #registers = new Uint8Array(256);
  #pointer = 0;
  #bootedUs = 0;
  #oversampleHumidity = 0;
  #doneUs: number | undefined;

  constructor(clock: SimClock) {
    super();
    this.#clock = clock;
    this.powerOn();
  }

  /** As after power-on or reset: calibration in place, nothing measured. */
  powerOn(): void {
    const registers = this.#registers.fill(0);
    registers[0xd0] = 0x60;
    this.#storeRaw(SKIPPED_20, SKIPPED_20, SKIPPED_16);
    [...CALIBRATION.t, ...CALIBRATION.p].forEach((value, at) => {
      registers[0x88 + 2 * at] = value & 0xff;
      registers[0x89 + 2 * at] = (value >> 8) & 0xff;
    });
    const [h1, h2, h3, h4, h5, h6] = CALIBRATION.h;
    registers[0xa1] = h1;
    // Table 16: H4 and H5 share 0xE5.
    registers.set([h2 & 0xff, h2 >> 8, h3, h4 >> 4, (h4 & 15) | ((h5 & 15) << 4), h5 >> 4, h6 & 0xff], 0xe1);
    this.#oversampleHumidity = 0;
    this.#doneUs = undefined;
    this.#bootedUs = this.#clock.nowUs + START_UP_US;
  }

  protected exchange(written: Uint8Array, readLength: number): Uint8Array {
    this.#advance();
    if (written.length > 0) this.#pointer = written[0] as number;
    // 6.2.1: writes are pairs of register and value; there is no auto-increment.
    for (let at = 0; at + 1 < written.length; at += 2) this.#write(written[at] as number, written[at + 1] as number);
    return Uint8Array.from({ length: readLength }, () => this.#read(this.#pointer++ & 0xff));
  }

  #read(register: number): number {
    if (register !== 0xf3) return this.#registers[register] as number;
    return (this.#doneUs === undefined ? 0 : 8) | (this.#clock.nowUs < this.#bootedUs ? 1 : 0);
  }

  #write(register: number, value: number): void {
    if (register === 0xe0) {
      if (value === 0xb6) this.powerOn();
      return;
    }
    if (register < 0xf2 || register > 0xf5 || register === 0xf3) return;
    this.#registers[register] = value;
    if (register !== 0xf4) return;
    // 5.4.3: ctrl_hum takes effect with a write to ctrl_meas.
    this.#oversampleHumidity = (this.#registers[0xf2] as number) & 7;
    this.#doneUs = (value & 3) === SLEEP ? undefined : this.#clock.nowUs + this.#conversionUs();
  }

  #oversampling(): { t: number; p: number; h: number } {
    const times = (code: number) => (code === 0 ? 0 : 2 ** (Math.min(code, 5) - 1));
    const control = this.#registers[0xf4] as number;
    return { t: times(control >> 5), p: times((control >> 2) & 7), h: times(this.#oversampleHumidity) };
  }

  /** The longest that a measurement takes (9.1). */
  #conversionUs(): number {
    const { t, p, h } = this.#oversampling();
    return 1250 + 2300 * t + (p > 0 ? 2300 * p + 575 : 0) + (h > 0 ? 2300 * h + 575 : 0);
  }

  /** Brings measurements up to the present time. */
  #advance(): void {
    if (this.#doneUs === undefined || this.#clock.nowUs < this.#doneUs) return;
    const { t, p, h } = this.#oversampling();
    const [rawT, rawP, rawH] = this.raw ?? rawOf(this.celsius, this.hPa, this.humidity);
    this.#storeRaw(t > 0 ? rawT : SKIPPED_20, p > 0 ? rawP : SKIPPED_20, h > 0 ? rawH : SKIPPED_16);
    const control = this.#registers[0xf4] as number;
    if ((control & 3) === NORMAL) {
      const standby = STANDBY_US[(this.#registers[0xf5] as number) >> 5] as number;
      this.#doneUs = this.#clock.nowUs + standby + this.#conversionUs();
    } else {
      this.#doneUs = undefined;
      this.#registers[0xf4] = control & 0xfc;
    }
  }

  #storeRaw(t: number, p: number, h: number): void {
    const twenty = (value: number) => [value >> 12, (value >> 4) & 0xff, (value & 15) << 4];
    this.#registers.set([...twenty(p), ...twenty(t), h >> 8, h & 0xff], 0xf7);
  }
}

/** The raw values at which the datasheet's formulas give these. */
export function rawOf(celsius: number, hPa: number, humidity: number): [number, number, number] {
  const t = inverted((raw) => fineTemperature(raw) / 5120, celsius, 20, 1);
  const fine = fineTemperature(t);
  return [
    t,
    inverted((raw) => pressure(raw, fine) / 100, hPa, 20, -1),
    inverted((raw) => relativeHumidity(raw, fine), humidity, 16, 1),
  ];
}

/** The argument of `bits` bits at which a monotonic function comes nearest to a value. */
function inverted(f: (raw: number) => number, value: number, bits: number, direction: 1 | -1): number {
  let low = 0;
  let high = 2 ** bits - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((f(middle) - value) * direction < 0) low = middle;
    else high = middle;
  }
  return Math.abs(f(low) - value) < Math.abs(f(high) - value) ? low : high;
}

function fineTemperature(raw: number): number {
  const [t1, t2, t3] = CALIBRATION.t;
  return (raw / 16384 - t1 / 1024) * t2 + (raw / 131072 - t1 / 8192) ** 2 * t3;
}

/** Pascal. */
function pressure(raw: number, fine: number): number {
  const [p1, p2, p3, p4, p5, p6, p7, p8, p9] = CALIBRATION.p;
  const x = fine / 2 - 64000;
  const offset = ((x * x * p6) / 32768 + x * p5 * 2) / 4 + p4 * 65536;
  const scale = (1 + ((p3 * x * x) / 524288 + p2 * x) / 524288 / 32768) * p1;
  const p = ((1048576 - raw - offset / 4096) * 6250) / scale;
  return p + ((p9 * p * p) / 2147483648 + (p * p8) / 32768 + p7) / 16;
}

function relativeHumidity(raw: number, fine: number): number {
  const [h1, h2, h3, h4, h5, h6] = CALIBRATION.h;
  const x = fine - 76800;
  const slope = (h2 / 65536) * (1 + (h6 / 67108864) * x * (1 + (h3 / 67108864) * x));
  const h = (raw - (h4 * 64 + (h5 / 16384) * x)) * slope;
  return Math.min(100, Math.max(0, h * (1 - (h1 * h) / 524288)));
}
