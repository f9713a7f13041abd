// The serial console of an in-memory chip: what comes in waits in its Boot, what goes out is the chip's consoleOut.

import type { Boot, MemoryChip } from "./memory_native.ts";

const CONSOLE_WRITE_MAX = 1152;

export function consoleApi(chip: MemoryChip, boot: Boot): Pick<Native, "consoleRead" | "consoleWrite" | "crc32"> {
  return {
    consoleRead: (bytes, start) => {
      boot.consoleTold = false;
      const taken = boot.console.splice(0, bytes.length - start);
      bytes.set(taken, start);
      return taken.length;
    },
    consoleWrite: (bytes, start, end) => {
      const piece = bytes.slice(start, Math.min(end, start + CONSOLE_WRITE_MAX));
      return chip.consoleOut(piece) ? piece.length : 0;
    },
    crc32: (bytes, start, end) => Bun.hash.crc32(bytes.subarray(start, end)),
  };
}
