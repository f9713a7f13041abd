// A Hall-effect flow meter: a turbine that gives pulses at a rate proportional to the flow, in even halves.

import type { Board } from "../board.ts";

const STEP_US = 100_000;

export class FlowMeter {
  /** Units that have gone through. */
  total = 0;
  /** Told of the units that go through, as they do. */
  onFlow: (units: number) => void = () => {};
  readonly #pulsesPerUnit: number;
  readonly #board: Board;
  readonly #pin: number;
  #fraction = 0;
  #perMinute = 0;
  #noiseHz = 0;
  #turning = false;

  /** `pulseRate`: pulses per second at one unit per minute. */
  constructor(board: Board, pin: number, pulseRate: number) {
    this.#board = board;
    this.#pin = pin;
    this.#pulsesPerUnit = pulseRate * 60;
  }

  /** Units (litres) per minute. */
  get perMinute(): number {
    return this.#perMinute;
  }

  set perMinute(value: number) {
    this.#perMinute = value;
    this.#turn();
  }

  /** Pulses per second that come although no water flows (a loose wire). */
  set noiseHz(value: number) {
    this.#noiseHz = value;
    this.#turn();
  }

  /** Steps as long as there is something to count. */
  #turn(): void {
    if (this.#turning || (this.#perMinute === 0 && this.#noiseHz === 0)) return;
    this.#turning = true;
    this.#board.clock.after(STEP_US, () => this.#step());
  }

  #step(): void {
    const units = (this.#perMinute * STEP_US) / 60e6;
    this.total += units;
    this.onFlow(units);
    this.#fraction += units * this.#pulsesPerUnit + (this.#noiseHz * STEP_US) / 1e6;
    const count = Math.floor(this.#fraction);
    this.#fraction -= count;
    if (count > 0) this.#board.pulses(this.#pin, count, (STEP_US / count / 2) * 1000);
    this.#turning = false;
    this.#turn();
  }
}
