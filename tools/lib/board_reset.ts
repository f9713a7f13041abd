// Resets of a board by its serial adapter's modem lines, as Espressif's boards wire them: two transistors, so that RTS alone pulls EN low
// (reset) and DTR alone pulls GPIO0 low (boot loader), and both together do nothing.

import type { ModemLines } from "./serial_port.ts";

/** EN charges through a capacitor; shorter pulses are swallowed by it on some boards. */
const RESET_MS = 100;
/** From the end of the reset until the chip has looked at GPIO0. */
const STRAP_MS = 50;

export interface Lines {
  setLines(lines: ModemLines): Promise<void>;
}

type Sleep = (ms: number) => Promise<unknown>;

/** Restarts the chip into its program. */
export async function resetToProgram(port: Lines, sleep: Sleep = Bun.sleep): Promise<void> {
  await port.setLines({ dtr: false, rts: true });
  await sleep(RESET_MS);
  await port.setLines({ dtr: false, rts: false });
}

/** Restarts the chip into the boot loader of its ROM, where esptool finds it. */
export async function resetToBootLoader(port: Lines, sleep: Sleep = Bun.sleep): Promise<void> {
  await port.setLines({ dtr: false, rts: true });
  await sleep(RESET_MS);
  await port.setLines({ dtr: true, rts: false });
  await sleep(STRAP_MS);
  await port.setLines({ dtr: false, rts: false });
}
