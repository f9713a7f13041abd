// An HDC1080 humidity and temperature sensor, after Texas Instruments' datasheet (SNAS672A): a write of pointer 0 or 1 starts a
// measurement, and the part does not acknowledge a read before it is done.

import type { SimClock } from "../clock.ts";
import { I2cPart } from "./i2c_part.ts";

const TEMPERATURE = 0x00;
const HUMIDITY = 0x01;
const CONFIGURATION = 0x02;
const RESET_CONFIGURATION = 0x1000;
const BOTH = 0x1000;
const SOFT_RESET = 0x8000;
/** Conversion times in microseconds (7.5): temperature by TRES, humidity by HRES. */
const TEMPERATURE_US = [6350, 3650];
const HUMIDITY_US = [6500, 3850, 2500, 2500];
const TEMPERATURE_BITS = [14, 11];
const HUMIDITY_BITS = [14, 11, 8, 8];

export class Hdc1080Model extends I2cPart {
  /** -40..125 °C. */
  celsius = 21;
  /** 0..100 % */
  humidity = 45;
  readonly #clock: SimClock;
  #configuration = RESET_CONFIGURATION;
  #pointer = 0;
  #readyUs = 0;
  readonly #results: [number, number] = [0, 0];

  constructor(clock: SimClock) {
    super();
    this.#clock = clock;
  }

  /** As after power-on. */
  powerOn(): void {
    this.#configuration = RESET_CONFIGURATION;
    this.#pointer = 0;
  }

  protected exchange(written: Uint8Array, readLength: number): Uint8Array | "nack" {
    if (written.length > 0) this.#pointer = written[0] as number;
    if (written.length >= 3 && this.#pointer === CONFIGURATION) {
      const value = ((written[1] as number) << 8) | (written[2] as number);
      this.#configuration = value & SOFT_RESET ? RESET_CONFIGURATION : value & 0x3700;
    }
    if (written.length === 1 && this.#pointer <= HUMIDITY) this.#measure();
    if (readLength === 0) return new Uint8Array(0);
    const converting = this.#clock.nowUs < this.#readyUs;
    if (this.#pointer <= HUMIDITY && converting) return "nack";
    const words =
      this.#pointer === TEMPERATURE && this.#configuration & BOTH ? this.#results : [this.#register(this.#pointer)];
    const bytes = words.flatMap((word) => [word >> 8, word & 0xff]);
    return Uint8Array.from({ length: readLength }, (_, at) => bytes[at] ?? 0xff);
  }

  #measure(): void {
    const temperature = (this.#configuration >> 10) & 1;
    const humidity = (this.#configuration >> 8) & 3;
    const both = (this.#configuration & BOTH) !== 0;
    let takesUs = 0;
    if (both || this.#pointer === TEMPERATURE) {
      takesUs += TEMPERATURE_US[temperature] as number;
      this.#results[0] = quantized((this.celsius + 40) / 165, TEMPERATURE_BITS[temperature] as number);
    }
    if (both || this.#pointer === HUMIDITY) {
      takesUs += HUMIDITY_US[humidity] as number;
      this.#results[1] = quantized(this.humidity / 100, HUMIDITY_BITS[humidity] as number);
    }
    this.#readyUs = this.#clock.nowUs + takesUs;
  }

  #register(pointer: number): number {
    switch (pointer) {
      case TEMPERATURE:
        return this.#results[0];
      case HUMIDITY:
        return this.#results[1];
      case CONFIGURATION:
        return this.#configuration;
      case 0xfe:
        return 0x5449;
      case 0xff:
        return 0x1050;
      default:
        return 0; // serial number
    }
  }
}

/** A share of full scale in the upper bits of a 16-bit word. */
function quantized(share: number, bits: number): number {
  const steps = 2 ** bits;
  return Math.max(0, Math.min(steps - 1, Math.round(share * steps))) << (16 - bits);
}
