// A Hall-effect flow meter: a turbine that gives pulses at a rate proportional to the flow, in even halves.

import type { Board } from "../board.ts";

const STEP_US = 100_000;

export class FlowMeter {
  /** Units (litres) per minute. */
  perMinute = 0;
  /** Set: pulses per second of this rate come although no water flows (a loose wire). */
  noiseHz = 0;
  /** Units that have gone through. */
  total = 0;
  readonly #pulsesPerUnit: number;
  #fraction = 0;

  /** `pulseRate`: pulses per second at one unit per minute. */
  constructor(board: Board, pin: number, pulseRate: number) {
    this.#pulsesPerUnit = pulseRate * 60;
    const step = (): void => {
      const units = (this.perMinute * STEP_US) / 60e6;
      this.total += units;
      this.#fraction += units * this.#pulsesPerUnit + (this.noiseHz * STEP_US) / 1e6;
      const count = Math.floor(this.#fraction);
      this.#fraction -= count;
      if (count > 0) board.pulses(pin, count, (STEP_US / count / 2) * 1000);
      board.clock.after(STEP_US, step);
    };
    board.clock.after(STEP_US, step);
  }
}
