// What every machine that can run a bundle has in common (host firmware, in-memory, QEMU): power, reset and the board it sits on.

import type { Board, ResetReason } from "./board.ts";

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

/** A machine that Bench can put on its table: one with a chip of its own that boots what is in its flash. */
export interface BenchMachine extends Machine {
  /** Where this PC reaches the device's update link. */
  readonly address: string;
  /** Folder with the chip's state. */
  readonly flashDir: string;
  /** Every reset since power came on first, in order. */
  readonly resets: ResetReason[];
  /** Set when the machine has given up; says why. */
  readonly failure: string | undefined;
  /** Milliseconds since the present boot. */
  readonly uptimeMs: number;
  readonly powered: boolean;
  /** Writes a bundle (header and body) as the permanent one. Power must be off. */
  installBundle(bundle: Uint8Array): Promise<void>;
  writeFile(name: string, content: string | Uint8Array): Promise<void>;
}
