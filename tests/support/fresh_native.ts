// Gives a test a chip of its own in memory and makes its `native` the global one.

import { Board } from "../../tools/sim/board.ts";
import { SimClock } from "../../tools/sim/clock.ts";
import { MemoryChip, type MemoryChipOptions } from "../../tools/sim/memory_native.ts";
import { MemoryNet } from "../../tools/sim/memory_net.ts";

/** Address of the chip in the in-memory network. */
export const CHIP_ADDRESS = "10.0.0.2";

/** A powered chip whose `native` is the global one, also after it restarts. `chip.run(ms)` moves time. */
export function freshNative(options: Partial<MemoryChipOptions> = {}): MemoryChip {
  const board = options.board ?? new Board(new SimClock());
  board.network.ip = CHIP_ADDRESS;
  const chip = new MemoryChip({
    net: new MemoryNet(board.clock),
    ...options,
    board,
    onBoot: (native) => {
      (globalThis as { native?: Native }).native = native;
      options.onBoot?.(native);
    },
  });
  chip.start();
  return chip;
}
