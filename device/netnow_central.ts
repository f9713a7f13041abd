// The central of ESP-NOW version 2: keeps the network time, broadcasts it, confirms what peripherals send, hands their data on.
// It only ever sends to the broadcast address, so the radio's peer table never bounds the number of peripherals.

import type { Loop, Task } from "./loop.ts";
import {
  BACK,
  CONFIRM,
  DATA,
  decodeFrame,
  encodeFrame,
  ID_LENGTH,
  type NetnowKeys,
  PAIR,
  type Packet,
  PLAIN,
  TIME,
  timeMinus,
  timePlus,
  WAKEUP,
} from "./netnow_codec.ts";
import { NetnowCounts } from "./netnow_counts.ts";
import { BROADCAST, type NetnowRadio } from "./netnow_radio.ts";
import { TidCache } from "./netnow_tids.ts";

export const TIME_PERIOD_MS = 25_000;
export const TIME_FUDGE_MS = 10_000;
/** Data and pings carry a time this near to ours. */
export const TIME_TOLERANCE_MS = 1000;
export const PAIR_ANSWER_MS = 30_000;

/** Told of each payload with the sender's MAC (`AA:BB:...`) and RSSI in dBm. */
type OnData = (payload: Uint8Array, mac: string, rssi: number) => void;

export class NetnowCentral {
  onData: OnData;
  private readonly origin: Uint8Array;
  private readonly startMs: number;
  /** The newest time that was sent, in ms since the origin. */
  private sentMs: number;
  private readonly tids: TidCache;
  private pairAnsweredMs: number;
  private readonly period: Task;
  private readonly empty: Uint8Array;

  constructor(
    private readonly loop: Loop,
    private readonly radio: NetnowRadio,
    private readonly keys: NetnowKeys,
    readonly counts = new NetnowCounts(),
  ) {
    this.tids = new TidCache();
    this.onData = () => {};
    this.origin = native.random(ID_LENGTH);
    this.origin[0] = (this.origin[0] as number) & 0x7f;
    this.startMs = loop.now();
    this.sentMs = -1;
    this.pairAnsweredMs = -Infinity;
    this.empty = new Uint8Array(0);
    this.period = loop.task(() => this.broadcast(PLAIN, this.empty), true, "netnow time");
    radio.onFrame = (mac, frame, rssi, atMs) => this.take(mac, frame, rssi, atMs);
    this.broadcast(PLAIN, this.empty);
  }

  /** Sends `payload` (at most BACK_MAX bytes) to all peripherals. False when the radio has no room. */
  sendBack(payload: Uint8Array): boolean {
    return this.broadcast(BACK, payload);
  }

  private broadcast(subtype: number, payload: Uint8Array): boolean {
    // Whatever carries the time puts off the next one that carries nothing else.
    this.period.once(TIME_PERIOD_MS, TIME_FUDGE_MS);
    return this.radio.send(BROADCAST, () =>
      encodeFrame(this.keys, { type: TIME, subtype, time: this.nextTime(), tid: native.random(ID_LENGTH), payload }),
    );
  }

  /** Strictly larger than every time before it. */
  private nextTime(): Uint8Array {
    this.sentMs = Math.max(Math.floor(this.loop.now() - this.startMs), this.sentMs + 1);
    return timePlus(this.origin, this.sentMs);
  }

  /** A frame came; `atMs` is the moment of its reception. */
  take(mac: string, frame: Uint8Array, rssi: number, atMs: number): void {
    const packet = decodeFrame(this.keys, frame);
    if (typeof packet === "string") {
      this.counts.refuse(packet);
      return;
    }
    if (!this.counts.judge(this.refusal(packet, atMs))) return;
    if (packet.type === PAIR) this.broadcast(PLAIN, this.empty);
    else this.broadcast(CONFIRM, packet.tid);
    if (packet.type === DATA) this.onData(packet.payload, mac, rssi);
  }

  /** Why a packet is not for us, or undefined. `atMs` is the moment of its reception. */
  private refusal(packet: Packet, atMs: number): string | undefined {
    if (packet.type === TIME) return "role";
    if (packet.type === PAIR) {
      if (atMs - this.pairAnsweredMs < PAIR_ANSWER_MS) return "pair";
      this.pairAnsweredMs = atMs;
      return undefined;
    }
    const verdict = this.tids.see(packet.tid, atMs);
    if (verdict !== "new") return verdict;
    if (packet.type === WAKEUP) return undefined;
    const aheadMs = timeMinus(packet.time, this.origin) - (atMs - this.startMs);
    if (Math.abs(aheadMs) <= TIME_TOLERANCE_MS) return undefined;
    return aheadMs < 0 ? "past" : "future";
  }
}
