// The watchdog as the loop sees it: armed late in the start-up, fed once a second, stretched for declared blocking sections.

export const WATCHDOG_MS = 15_000;
export const BLOCK_MAX_MS = 120_000;

export class Watchdog {
  armed: boolean;

  constructor() {
    this.armed = false;
  }

  arm(): void {
    this.armed = true;
    this.feed();
  }

  /** The loop is alive. The first call after a blocking section ends it. */
  feed(): void {
    if (this.armed) native.watchdog(WATCHDOG_MS);
  }

  /** Declares that what follows in this turn may take up to `ms` (above 0, at most BLOCK_MAX_MS). */
  mayBlock(ms: number): void {
    if (!(ms > 0 && ms <= BLOCK_MAX_MS)) throw new Error(`a section may block for up to ${BLOCK_MAX_MS} ms`);
    if (this.armed) native.watchdog(Math.max(ms, WATCHDOG_MS));
  }
}
