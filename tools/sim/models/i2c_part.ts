// What every part on an I2C bus can suffer: no acknowledge, a bus held low, noise on what it says. What it says is its model's.

import type { I2cModel } from "../board.ts";
import { repeatable } from "../random.ts";

/** nack: absent, or without power. stuck: it holds the bus. noise: about one byte read in four has a wrong bit. */
export type I2cFault = "none" | "nack" | "stuck" | "noise";
export const I2C_FAULTS: readonly I2cFault[] = ["none", "nack", "stuck", "noise"];

export abstract class I2cPart implements I2cModel {
  fault: I2cFault = "none";
  /** Transfers that were acknowledged. */
  transfers = 0;
  readonly #random = repeatable(1);

  transfer(written: Uint8Array, readLength: number): Uint8Array | "nack" | "stuck" {
    if (this.fault === "nack" || this.fault === "stuck") return this.fault;
    const read = this.exchange(written, readLength);
    if (read === "nack") return read;
    this.transfers++;
    if (this.fault === "noise")
      for (let at = 0; at < read.length; at++)
        if (this.#random() < 0.25) read[at] = (read[at] as number) ^ (1 << Math.floor(this.#random() * 8));
    return read;
  }

  /** One transfer without faults; what is read is the caller's. */
  protected abstract exchange(written: Uint8Array, readLength: number): Uint8Array | "nack";
}
