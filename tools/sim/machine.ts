// What every machine that can run a bundle has in common (host firmware, in-memory, later QEMU and boards): power, reset and the board it sits on.

import type { Board } from "./board.ts";

export interface Machine {
  readonly board: Board;
  /** Switches power on: boots with reset reason power on. */
  powerOn(): Promise<void>;
  /** Cuts the power at once. */
  powerCut(): Promise<void>;
  /** Presses the reset button: like a cut of power, but at once (on the chip, too, the EN pin clears RTC memory). */
  pressReset(): Promise<void>;
  /** Ends for good and frees everything. */
  close(): Promise<void>;
}
