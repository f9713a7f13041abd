// The watchdog of a firmware process: it bites when virtual time passes the deadline, or when a turn has taken so long by the process's
// own time (turn.ts) that the device's clock, which runs with a turn that is late, has passed it.

import type { Timer } from "./clock.ts";
import type { HostWorld } from "./host_world.ts";
import { processState, Turn } from "./turn.ts";

/** A turn is not late before it has taken this long, see docs/BOARD.md. */
const HANG_MS = 2000;

export class HostWatchdog {
  readonly #world: HostWorld;
  readonly #bite: () => void;
  /** On the world's clock; 0: off. */
  #deadlineUs = 0;
  #timer: Timer | undefined;
  #turn: Turn | undefined;

  constructor(world: HostWorld, bite: () => void) {
    this.#world = world;
    this.#bite = bite;
  }

  /** A new deadline on the world's clock; 0 disarms. */
  arm(deadlineUs: number): void {
    this.#deadlineUs = deadlineUs;
    if (this.#timer !== undefined) this.#timer.cancelled = true;
    this.#timer = deadlineUs === 0 ? undefined : this.#world.clock.at(deadlineUs + 1, this.#bite);
  }

  /** The process has something to do. */
  turnBegins(): void {
    this.#turn = undefined;
  }

  /** To be called often while the turn of the process lasts. */
  look(pid: number): void {
    this.#turn ??= new Turn(() => processState(pid));
    if (this.#deadlineUs === 0) return;
    const { clock, pace } = this.#world;
    const remainingMs = Math.max(0, (this.#deadlineUs - clock.nowUs) / 1000);
    const allowedMs = HANG_MS + (pace === "fast" ? 0 : remainingMs / pace);
    if (this.#turn.look() >= allowedMs) this.#bite();
  }
}
