// A simulation's clock that follows real time, for a radio that talks with other programs.

import type { Stage } from "../sim/air_bridge.ts";
import type { SimClock } from "../sim/clock.ts";

/** Finer than any time of the protocols. */
const TICK_MS = 2;

export class RealStage implements Stage {
  readonly #clock: SimClock;
  readonly #warp: number;
  readonly #timer: ReturnType<typeof setInterval>;
  #holds = 0;
  #lastMs = performance.now();

  /** `warp`: virtual seconds per real second, the same as that of whom it talks with. */
  constructor(clock: SimClock, warp: number) {
    this.#clock = clock;
    this.#warp = warp;
    this.#timer = setInterval(() => this.#advance(), TICK_MS);
  }

  act(act: () => void): void {
    this.#advance();
    act();
  }

  hold(): () => void {
    this.#advance();
    this.#holds++;
    return () => {
      this.#holds--;
      this.#lastMs = performance.now();
    };
  }

  /** Resolves when so much virtual time has gone by. */
  passed(ms: number): Promise<void> {
    return new Promise((done) => this.#clock.after(ms * 1000, done));
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #advance(): void {
    if (this.#holds > 0) return;
    const nowMs = performance.now();
    const passedMs = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    this.#clock.advanceTo(this.#clock.nowUs + passedMs * this.#warp * 1000);
  }
}
