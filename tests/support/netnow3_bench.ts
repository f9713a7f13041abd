// The other end of version 3 for tests of one role: a radio that keeps what it hears, and can speak as a paired device.

import { Loop } from "../../device/loop.ts";
import { NetnowRadio } from "../../device/netnow_radio.ts";
import { seal, unseal } from "../../device/netnow3_codec.ts";
import { Air, type AirFrame, BROADCAST, type Radio } from "../../tools/sim/air.ts";
import { Board } from "../../tools/sim/board.ts";
import { SimClock } from "../../tools/sim/clock.ts";
import type { MemoryChip } from "../../tools/sim/memory_native.ts";
import { freshNative } from "./fresh_native.ts";

export const KEY3 = new Uint8Array(32).fill(7);

export function number(session: number, count: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setUint32(0, session);
  new DataView(bytes.buffer).setUint32(4, count);
  return bytes;
}

export class OtherEnd3 implements Radio {
  readonly longRange = true;
  readonly heardAll: AirFrame[] = [];
  key: Uint8Array = KEY3;

  constructor(
    readonly air: Air,
    readonly isCentral: boolean,
    public channel = 1,
    readonly mac = "aabbccddeeff",
  ) {
    air.add(this);
  }

  heard(frame: AirFrame): void {
    this.heardAll.push(frame);
  }

  /** Frames of one type since the last look, the sealed ones with their plain text. */
  take(type: number): { frame: Uint8Array; plain: Uint8Array | undefined; to: string }[] {
    const some = this.heardAll.filter(({ bytes }) => bytes[0] === 3 && bytes[1] === type);
    for (const each of some) this.heardAll.splice(this.heardAll.indexOf(each), 1);
    return some.map(({ bytes, to }) => ({ frame: bytes, plain: unseal(this.key, !this.isCentral, bytes), to }));
  }

  sealed(type: number, session: number, count: number, plain: Uint8Array = new Uint8Array(0)): Uint8Array {
    return seal(this.key, this.isCentral, type, number(session, count), plain);
  }

  say(frame: Uint8Array, to = BROADCAST): void {
    this.air.send(this, to, frame, () => {});
  }
}

/** A chip that runs one role, made by `make`, beside a stand-in for the other one. `nvs` is there before the boot. */
export function netnow3Bench<Role>(
  isCentral: boolean,
  make: (loop: Loop, radio: NetnowRadio) => Role,
  nvs: readonly (readonly [string, string])[],
  files: readonly string[] = [],
): { chip: MemoryChip; role: Role; end: OtherEnd3 } {
  const board = new Board(new SimClock());
  const air = new Air(board.clock);
  const chip = freshNative({ board, air });
  for (const [key, value] of nvs) chip.nvs.set(key, value);
  for (const file of files) chip.files.set(file, new Uint8Array(1));
  const end = new OtherEnd3(air, !isCentral);
  if (isCentral) native.espnowOn(1, true);
  const loop = new Loop();
  const role = make(loop, new NetnowRadio(loop));
  loop.start();
  chip.run(10);
  return { chip, role, end };
}
