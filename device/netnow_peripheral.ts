// The peripheral of ESP-NOW version 2: pairs with a central, learns the network time from it, and sends it data.

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
  PING,
  same,
  TIME,
  timeMinus,
  timePlus,
  WAKEUP,
} from "./netnow_codec.ts";
import { NetnowCounts } from "./netnow_counts.ts";
import { BROADCAST, macBytes, type NetnowRadio } from "./netnow_radio.ts";
import { TidCache } from "./netnow_tids.ts";

export const CHANNELS = 13;
export const CHANNEL_MS = 5000;
export const PAIR_MS = 1000;
export const WAKEUP_MS = 5000;
export const WAKEUP_CONFIRM_MS = 1000;
/** After so many wakeups without an answer each one goes out on the next channel: the central's may have changed. */
export const WAKEUPS_HERE = 4;
export const STEP_MAX_MS = 120_000;
export const TIME_TOLERANCE_MS = 1000;
export const PING_MS = 10_000;
export const PING_CONFIRM_MS = 5000;

const SPACE = "netnow";
const PAIR_FILE = "pair.txt";

export class NetnowPeripheral {
  /** Told of each payload that the central sends to all, with its RSSI in dBm. */
  onBack: (payload: Uint8Array, rssi: number) => void;
  /** Told when the time becomes known. */
  onReady: () => void;
  /** The central's MAC, undefined while unpaired. */
  manager: string | undefined;
  channel: number;
  /** The last time believed, and when it was received; undefined while the time is unknown. */
  private time: Uint8Array | undefined;
  private timeAtMs: number;
  private readonly tids: TidCache;
  /** The tid of the last wakeup or ping; a confirm of it counts until `askedUntilMs`. */
  private asked: Uint8Array;
  private askedUntilMs: number;
  private pingedMs: number;
  private wakeups: number;
  private readonly ask: Task;
  private readonly hop: Task;

  constructor(
    private readonly loop: Loop,
    private readonly radio: NetnowRadio,
    private readonly keys: NetnowKeys,
    private readonly longRange: boolean,
    readonly counts = new NetnowCounts(),
  ) {
    this.tids = new TidCache();
    this.onBack = () => {};
    this.onReady = () => {};
    this.timeAtMs = this.askedUntilMs = this.wakeups = this.channel = 0;
    this.pingedMs = -Infinity;
    this.asked = new Uint8Array(0);
    this.ask = loop.task(() => this.askAgain(), true, "netnow ask");
    this.hop = loop.task(() => this.nextChannel(), true, "netnow channel");
    radio.onFrame = (mac, frame, rssi, atMs) => this.take(mac, frame, rssi, atMs);
    if (native.fileSize(PAIR_FILE) >= 0) this.forget();
    this.manager = native.nvsGet(SPACE, "manager");
    if (this.manager !== undefined && macBytes(this.manager) === undefined) this.manager = undefined;
    const channel = Number(native.nvsGet(SPACE, "channel"));
    if (this.manager === undefined || !(channel >= 1 && channel <= CHANNELS)) this.pair();
    else this.wake(channel);
  }

  /** True when the time is known, so that data can be sent. */
  get ready(): boolean {
    return this.time !== undefined;
  }

  /** Forgets the central and looks for one. */
  pair(): void {
    this.forget();
    this.manager = this.time = undefined;
    this.tune(1);
    this.hop.every(CHANNEL_MS);
    this.ask.every(PAIR_MS);
    this.askAgain();
  }

  /** Says nothing any more by itself. */
  stop(): void {
    this.ask.stop();
    this.hop.stop();
  }

  /** Sends data to the central. False when it is not paired, the time is unknown or the radio has no room; then `done` is not
   * called. `done` tells whether the central's radio acknowledged it. The central takes the same `tid` once within TID_MS, so that
   * what was not acknowledged can be sent again. Throws on more than DATA_MAX bytes. */
  send(payload: Uint8Array, done?: (acknowledged: boolean) => void, tid = native.random(ID_LENGTH)): boolean {
    if (this.time === undefined) return false;
    return this.post(DATA, tid, payload, undefined, done);
  }

  private forget(): void {
    native.nvsRemove(SPACE, "manager");
    native.nvsRemove(SPACE, "channel");
    native.fileRemove(PAIR_FILE);
  }

  private wake(channel: number): void {
    this.hop.stop();
    this.tune(channel);
    this.wakeups = 0;
    this.ask.every(WAKEUP_MS);
    this.askAgain();
  }

  private tune(channel: number): void {
    this.channel = channel;
    native.espnowOn(channel, this.longRange);
  }

  private nextChannel(): void {
    this.tune((this.channel % CHANNELS) + 1);
  }

  private askAgain(): void {
    if (this.manager === undefined) {
      this.post(PAIR, new Uint8Array(ID_LENGTH), new Uint8Array(0));
      return;
    }
    if (this.wakeups++ >= WAKEUPS_HERE) this.nextChannel();
    this.expect(WAKEUP_CONFIRM_MS);
    this.post(WAKEUP, this.asked, new Uint8Array(0));
  }

  private expect(ms: number): void {
    this.asked = native.random(ID_LENGTH);
    this.askedUntilMs = this.loop.now() + ms;
  }

  /** To the central; what asks for one goes to all. */
  private post(
    type: number,
    tid: Uint8Array,
    payload: Uint8Array,
    time?: Uint8Array,
    done?: (acknowledged: boolean) => void,
  ): boolean {
    const mac = type === PAIR ? BROADCAST : macBytes(this.manager ?? "");
    if (mac === undefined) return false;
    const make = () =>
      encodeFrame(this.keys, {
        type,
        subtype: 0,
        time: time ?? (type === DATA ? this.timeAt(this.loop.now()) : new Uint8Array(ID_LENGTH)),
        tid,
        payload,
      });
    return this.radio.send(mac, make, done);
  }

  /** The network time at `atMs` of the loop's clock, as far as it is known. */
  private timeAt(atMs: number): Uint8Array {
    return this.time === undefined ? new Uint8Array(ID_LENGTH) : timePlus(this.time, Math.round(atMs - this.timeAtMs));
  }

  /** A frame came; `atMs` is the moment of its reception. */
  take(mac: string, frame: Uint8Array, rssi: number, atMs: number): void {
    const packet = decodeFrame(this.keys, frame);
    if (typeof packet === "string") {
      this.counts.refuse(packet);
      return;
    }
    if (!this.counts.judge(this.refusal(mac, packet, atMs))) return;
    if (this.manager === undefined) this.adopt(mac);
    this.trust(packet, atMs);
    if (packet.subtype === BACK) this.onBack(packet.payload, rssi);
  }

  /** Why the time in a packet is not to be believed, or undefined. */
  private refusal(mac: string, packet: Packet, atMs: number): string | undefined {
    if (packet.type !== TIME) return "role";
    if (this.manager !== undefined && mac !== this.manager) return "stranger";
    const verdict = this.tids.see(packet.tid, atMs);
    if (verdict !== "new") return verdict;
    if (this.manager === undefined) return undefined;
    if (packet.subtype === CONFIRM && atMs <= this.askedUntilMs && same(packet.payload, this.asked)) {
      this.asked = new Uint8Array(0);
      return undefined;
    }
    if (this.time === undefined) return "unasked";
    const stepMs = timeMinus(packet.time, this.time);
    if (stepMs === 0) return "replay";
    const aheadMs = stepMs - (atMs - this.timeAtMs);
    if (stepMs > 0 && stepMs < STEP_MAX_MS && Math.abs(aheadMs) <= TIME_TOLERANCE_MS) return undefined;
    this.ping(packet.time, atMs);
    return stepMs < 0 ? "past" : "future";
  }

  /** Asks the central whether the time that it seems to claim is its own; at most once in PING_MS. */
  private ping(time: Uint8Array, atMs: number): void {
    if (atMs - this.pingedMs < PING_MS) return;
    this.pingedMs = atMs;
    this.expect(PING_CONFIRM_MS);
    this.post(PING, this.asked, new Uint8Array(0), time);
  }

  private adopt(mac: string): void {
    this.hop.stop();
    this.manager = mac;
    // Both or none after a power cut: a channel without a manager is unpaired.
    native.nvsSet(SPACE, "channel", String(this.channel));
    native.nvsSet(SPACE, "manager", mac);
  }

  private trust(packet: Packet, atMs: number): void {
    const first = this.time === undefined;
    this.time = packet.time;
    this.timeAtMs = atMs;
    if (!first) return;
    this.ask.stop();
    if (native.nvsGet(SPACE, "channel") !== String(this.channel)) native.nvsSet(SPACE, "channel", String(this.channel));
    this.onReady();
  }
}
