// A central of version 2 on any air, in a few lines: answers pair requests and wakeups, so that a peripheral alone can be tested.

import {
  CONFIRM,
  decodeFrame,
  encodeFrame,
  netnowKeys,
  PAIR,
  PLAIN,
  TIME,
  timePlus,
  WAKEUP,
} from "../../device/netnow_codec.ts";
import type { Air, AirFrame, Radio } from "../../tools/sim/air.ts";
import { BROADCAST } from "../../tools/sim/air.ts";

export class StandInCentral implements Radio {
  readonly mac = "aabbccddeeff";
  readonly longRange = true;
  readonly #air: Air;
  readonly #keys;

  constructor(
    air: Air,
    psk: string,
    group: string,
    readonly channel = 1,
  ) {
    this.#air = air;
    this.#keys = netnowKeys(psk, group);
    air.add(this);
  }

  heard(frame: AirFrame): void {
    const packet = decodeFrame(this.#keys, frame.bytes);
    if (typeof packet === "string") throw new Error(`the device sent ${packet}`);
    if (packet.type === PAIR) this.#say(PLAIN, new Uint8Array(0));
    if (packet.type === WAKEUP) this.#say(CONFIRM, packet.tid);
  }

  #say(subtype: number, payload: Uint8Array): void {
    const time = timePlus(new Uint8Array(12), Math.floor(this.#air.clock.nowUs / 1000));
    const packet = { type: TIME, subtype, time, tid: native.random(12), payload };
    this.#air.send(this, BROADCAST, encodeFrame(this.#keys, packet), () => {});
  }
}
