// The other end of ESP-NOW for tests of one role: a radio on the same air that sends packets and keeps what it hears, decoded.

import { Loop } from "../../device/loop.ts";
import { decodeFrame, encodeFrame, type NetnowKeys, netnowKeys, type Packet } from "../../device/netnow_codec.ts";
import { Air, type AirFrame, BROADCAST, type Radio } from "../../tools/sim/air.ts";
import { Board } from "../../tools/sim/board.ts";
import { SimClock } from "../../tools/sim/clock.ts";
import type { MemoryChip } from "../../tools/sim/memory_native.ts";
import { freshNative } from "./fresh_native.ts";

export const OTHER_MAC = "aabbccddeeff";
export const OTHER_MAC_TEXT = "AA:BB:CC:DD:EE:FF";

export interface Heard extends Packet {
  atMs: number;
  to: string;
  channel: number;
  /** As it was on the air. */
  frame: Uint8Array;
}

export class OtherEnd implements Radio {
  readonly mac: string;
  channel: number;
  longRange = true;
  readonly heardAll: Heard[] = [];
  readonly keys: NetnowKeys = netnowKeys("key", "group");

  constructor(
    private readonly chip: MemoryChip,
    readonly air: Air,
    channel = 1,
    mac = OTHER_MAC,
  ) {
    this.channel = channel;
    this.mac = mac;
    air.add(this);
  }

  heard(frame: AirFrame): void {
    const packet = decodeFrame(this.keys, frame.bytes);
    if (typeof packet === "string") throw new Error(`the device sent ${packet}`);
    this.heardAll.push({ ...packet, atMs: this.nowMs, to: frame.to, channel: frame.channel, frame: frame.bytes });
  }

  get nowMs(): number {
    return Math.round((this.chip.clock.nowUs - this.chip.boot.startUs) / 1000);
  }

  /** What was heard since the last look. */
  take(): Heard[] {
    return this.heardAll.splice(0);
  }

  send(packet: Partial<Packet> & { type: number }, to = BROADCAST): Uint8Array {
    const whole: Packet = {
      subtype: 0,
      time: new Uint8Array(12),
      tid: crypto.getRandomValues(new Uint8Array(12)),
      payload: new Uint8Array(0),
      ...packet,
    };
    const frame = encodeFrame(this.keys, whole);
    this.replay(frame, to);
    return frame;
  }

  replay(frame: Uint8Array, to = BROADCAST): void {
    this.air.send(this, to, frame, () => {});
  }
}

/** A chip with a loop, and the other end's radio on the same air. `prepare` comes before the boot, `start` makes the role. */
export function netnowBench(
  start: (loop: Loop) => void,
  prepare: (chip: MemoryChip) => void = () => {},
): { chip: MemoryChip; other: OtherEnd; air: Air } {
  const board = new Board(new SimClock());
  const air = new Air(board.clock);
  const chip = freshNative({ board, air });
  prepare(chip);
  const other = new OtherEnd(chip, air);
  const loop = new Loop();
  start(loop);
  loop.start();
  chip.run(0);
  return { chip, other, air };
}
