// What every machine that can run a bundle has in common (host firmware, in-memory, later QEMU and boards): power, reset and the board it sits on.

import type { Board } from "./board.ts";

export interface Machine {
  readonly board: Board;
  /** Switches power on: boots with reset reason power on. */
  powerOn(): Promise<void>;
  /** Cuts the power at once. */
  powerCut(): Promise<void>;
  /** Presses the reset button (same reset reason as power on, RTC memory kept). */
  pressReset(): Promise<void>;
  /** Ends for good and frees everything. */
  close(): Promise<void>;
}
