// The HDC1080 humidity and temperature sensor: a measurement is started, and read when it is done. When that is, is the profile's.
// Source: TI SNAS672A, sections 8.3.1 (delays), 8.5 and 8.6 (registers).

const ADDRESS = 0x40;
const TEMPERATURE = 0x00;
const CONFIGURATION = 0x02;
/** MODE: temperature and humidity in one sequence, 14 bits each. */
const BOTH = 0x10;
/** Conversion time of the sequence at 14 bits: 6.35 ms + 6.5 ms, with a margin for the part's own tolerance. */
export const HDC1080_CONVERT_MS = 20;

export interface Hdc1080Reading {
  /** Degrees Celsius, -40..125. */
  temperature: number;
  /** Percent, 0..100. */
  humidity: number;
}

export class Hdc1080 {
  constructor(private readonly bus: number) {}

  /** Starts a measurement of both values. False when the part does not answer. Throws on a stuck bus. */
  start(): boolean {
    // The configuration comes each time: a part that lost its power measures one value only.
    return this.write([CONFIGURATION, BOTH, 0]) && this.write([TEMPERATURE]);
  }

  /** What was started, after HDC1080_CONVERT_MS; undefined when the part does not answer (it does not while it measures). */
  read(): Hdc1080Reading | undefined {
    const bytes = native.i2cTransfer(this.bus, ADDRESS, new Uint8Array(0), 4);
    return bytes === undefined ? undefined : decodeHdc1080(bytes);
  }

  private write(bytes: number[]): boolean {
    return native.i2cTransfer(this.bus, ADDRESS, Uint8Array.from(bytes), 0) !== undefined;
  }
}

/** The registers TEMPERATURE and HUMIDITY (big-endian, section 8.6.1 and 8.6.2) as values. */
export function decodeHdc1080(bytes: Uint8Array): Hdc1080Reading {
  const word = (at: number) => ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  return { temperature: (word(0) / 65536) * 165 - 40, humidity: (word(2) / 65536) * 100 };
}
