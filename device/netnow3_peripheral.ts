// The peripheral of ESP-NOW version 3: finds a central by its beacons and pairs with it, tells it that it is awake, and sends it data until
// that is confirmed.

import { keyBytes } from "./config.ts";
import { hex } from "./link.ts";
import type { Loop, Task } from "./loop.ts";
import { DATA_MAX, type NetnowKeys, same } from "./netnow_codec.ts";
import { NetnowCounts } from "./netnow_counts.ts";
import { CHANNEL_MS, CHANNELS, WAKEUP_MS, WAKEUPS_HERE } from "./netnow_peripheral.ts";
import { macBytes, type NetnowRadio, ownMac } from "./netnow_radio.ts";
import {
  ANSWER3,
  BACK3,
  BEACON3,
  basePoint,
  CHALLENGE_LENGTH,
  CONFIRM3,
  DATA3,
  encodePairing,
  groupKey,
  join,
  numberOf,
  openPairing,
  POINT_LENGTH,
  pairKey,
  REQUEST3,
  read32,
  seal,
  transcript,
  unseal,
  VERSION3,
  WAKEUP3,
} from "./netnow3_codec.ts";
import { Netnow3Numbers } from "./netnow3_numbers.ts";

/** What is not confirmed by then was not received, as far as the sender knows. */
export const CONFIRM_MS = 500;
/** After so many frames in a row without a confirm a new session begins: a central that has restarted takes no old one. */
export const RENEW_AFTER = 3;
/** After so many the central counts as lost. */
export const LOST_AFTER = 12;
/** After so many wakeups, those on all channels among them, a beacon of any central of the group is answered. */
export const WAKEUPS_ALONE = WAKEUPS_HERE + CHANNELS;

const SPACE = "netnow";
const PAIR = "pair3";
const CHANNEL = "channel";
const PAIR_FILE = "pair.txt";

export class Netnow3Peripheral {
  /** Told of each payload that the central sends, with its RSSI in dBm. */
  onBack: (payload: Uint8Array, rssi: number) => void;
  /** Told when the central has confirmed that it hears this device. */
  onReady: () => void;
  /** Told when there is a new pair. */
  onPaired: () => void;
  /** The central's MAC, undefined while unpaired. */
  manager: string | undefined;
  channel: number;
  ready: boolean;
  private key: Uint8Array;
  private readonly group: Uint8Array;
  private readonly numbers: Netnow3Numbers;
  private readonly mac: string;
  /** The number of the frame that waits for its confirm; empty: none does. */
  private asked: Uint8Array;
  /** Who wants to know of that frame. */
  private done: ((confirmed: boolean) => void) | undefined;
  /** The number of the newest frame of the central in this boot. */
  private session: number;
  private count: number;
  /** The last message's tid and number, which stays the same when it is sent again. */
  private tid: Uint8Array | undefined;
  private origin: Uint8Array;
  private missed: number;
  private wakeups: number;
  /** The pairing under way: with whom, what both have seen of it, and the secret scalar. */
  private asking: string;
  private seen: Uint8Array;
  private scalar: Uint8Array;
  private readonly late: Task;
  private readonly ask: Task;
  private readonly hop: Task;

  /** Nothing is sent before `wake`, `pair` or a beacon. */
  constructor(
    loop: Loop,
    private readonly radio: NetnowRadio,
    keys: NetnowKeys,
    private readonly longRange: boolean,
    readonly counts = new NetnowCounts(),
  ) {
    this.onBack = this.onReady = this.onPaired = () => {};
    this.group = groupKey(keys);
    this.numbers = new Netnow3Numbers();
    this.mac = ownMac();
    this.ready = false;
    this.channel = this.missed = this.wakeups = this.session = this.count = 0;
    this.asked = this.origin = this.seen = this.scalar = this.key = new Uint8Array(0);
    this.asking = "";
    this.done = this.tid = undefined;
    this.late = loop.task(() => this.settle(false), true, "netnow confirm");
    this.ask = loop.task(() => this.wakeup(), true, "netnow ask");
    this.hop = loop.task(() => this.nextChannel(), true, "netnow channel");
    radio.onFrame = (mac, frame, rssi) => {
      if (!this.take(mac, frame, rssi)) this.counts.refuse("tag");
    };
    const kept = (native.nvsGet(SPACE, PAIR) ?? "").split(" ");
    const key = keyBytes(kept[1] ?? "");
    this.manager = key !== undefined && macBytes(kept[0] as string) !== undefined ? kept[0] : undefined;
    if (key !== undefined) this.key = key;
  }

  /** Looks for the central that it is paired with, or for one to pair with. */
  start(): void {
    if (native.fileSize(PAIR_FILE) >= 0 || this.manager === undefined) this.pair();
    else this.wake(Number(native.nvsGet(SPACE, CHANNEL)));
  }

  /** Forgets the central and looks for one. */
  pair(): void {
    native.nvsRemove(SPACE, PAIR);
    native.fileRemove(PAIR_FILE);
    this.manager = undefined;
    this.ready = false;
    this.ask.stop();
    this.tune(1);
    this.hop.every(CHANNEL_MS);
  }

  /** Stays where the radio is, and goes on to listen. */
  stay(): void {
    this.hop.stop();
  }

  /** Sends data to the central. False when it is not ready, the frame before is not done or the radio has no room; then `done` is not
   * called. `done` tells whether the central has taken it. A message with the same `tid` as the one before is that one again: the central
   * hands it on once. Throws on more than DATA_MAX bytes. */
  send(payload: Uint8Array, done?: (confirmed: boolean) => void, tid?: Uint8Array): boolean {
    if (payload.length > DATA_MAX) throw new Error(`payload of ${payload.length} bytes`);
    if (!this.ready || this.asked.length > 0) return false;
    const number = this.numbers.next();
    const again = tid !== undefined && this.tid !== undefined && same(tid, this.tid);
    const origin = again ? this.origin : number;
    if (!this.post(DATA3, number, join([origin, payload]))) return false;
    this.tid = tid;
    this.origin = origin;
    this.done = done;
    return true;
  }

  /** False when it is no frame of version 3, or does not verify as one. */
  take(mac: string, frame: Uint8Array, rssi: number): boolean {
    if (frame[0] !== VERSION3) return false;
    if (frame[1] === BEACON3) return this.answerBeacon(mac, frame);
    if (frame[1] === ANSWER3) return this.adopt(mac, frame);
    const plain = mac === this.manager ? unseal(this.key, true, frame) : undefined;
    if (plain === undefined) return false;
    this.counts.judge(this.handle(frame, plain, rssi));
    return true;
  }

  /** Why a frame that verified is refused, or undefined. */
  private handle(frame: Uint8Array, plain: Uint8Array, rssi: number): string | undefined {
    const number = numberOf(frame);
    const session = read32(number, 0);
    const count = read32(number, 4);
    const newer = session > this.session || (session === this.session && count > this.count);
    // The number of a frame of this boot in it proves that a confirm is new; from then on it is the numbers that do.
    if (frame[1] === CONFIRM3) {
      if (this.asked.length === 0 || !same(plain, this.asked)) return "unasked";
    } else if (frame[1] !== BACK3) return "type";
    else if (!this.ready) return "unasked";
    else if (!newer) return "replay";
    if (newer) {
      this.session = session;
      this.count = count;
    }
    if (frame[1] === BACK3) this.onBack(plain, rssi);
    else this.settle(true);
    return undefined;
  }

  private wake(channel: number): void {
    this.ready = false;
    this.hop.stop();
    this.tune(channel >= 1 && channel <= CHANNELS ? channel : 1);
    this.wakeups = this.missed = 0;
    this.ask.every(WAKEUP_MS);
    this.wakeup();
  }

  private tune(channel: number): void {
    this.channel = channel;
    native.espnowOn(channel, this.longRange);
  }

  private nextChannel(): void {
    this.tune((this.channel % CHANNELS) + 1);
  }

  private wakeup(): void {
    if (this.wakeups++ >= WAKEUPS_HERE) this.nextChannel();
    if (this.asked.length === 0) this.post(WAKEUP3, this.numbers.next(), new Uint8Array(0));
  }

  private post(type: number, number: Uint8Array, plain: Uint8Array): boolean {
    const frame = seal(this.key, false, type, number, plain);
    if (!this.radio.send(macBytes(this.manager as string) as Uint8Array, () => frame)) return false;
    this.asked = number;
    this.late.once(CONFIRM_MS);
    return true;
  }

  /** The frame that waited is confirmed, or was for too long. */
  private settle(confirmed: boolean): void {
    const done = this.done;
    this.late.stop();
    this.asked = new Uint8Array(0);
    this.done = undefined;
    if (confirmed) {
      this.missed = 0;
      if (!this.ready) this.confirmed();
    } else {
      if (++this.missed % RENEW_AFTER === 0) this.numbers.renew();
      if (this.ready && this.missed >= LOST_AFTER) this.wake(this.channel);
    }
    done?.(confirmed);
  }

  private confirmed(): void {
    this.ready = true;
    this.ask.stop();
    this.asking = "";
    if (native.nvsGet(SPACE, CHANNEL) !== String(this.channel)) native.nvsSet(SPACE, CHANNEL, String(this.channel));
    this.onReady();
  }

  /** Asks the central of a beacon for a pair, unless there is one that answers. */
  private answerBeacon(mac: string, frame: Uint8Array): boolean {
    if (this.manager !== undefined && (this.ready || this.wakeups < WAKEUPS_ALONE)) return true;
    const challenge = openPairing(this.group, frame, CHALLENGE_LENGTH, native.encodeText(mac));
    if (challenge === undefined) return false;
    if (this.hop.active) this.hop.every(CHANNEL_MS);
    this.asking = mac;
    this.scalar = native.random(POINT_LENGTH);
    const point = native.x25519(this.scalar, basePoint()) as Uint8Array;
    this.seen = transcript(mac, this.mac, challenge, point);
    const request = encodePairing(this.group, REQUEST3, join([challenge, point]), native.encodeText(mac + this.mac));
    this.radio.send(macBytes(mac) as Uint8Array, () => request);
    return true;
  }

  private adopt(mac: string, frame: Uint8Array): boolean {
    if (mac !== this.asking) return false;
    const point = openPairing(this.group, frame, POINT_LENGTH, this.seen);
    const secret = point && native.x25519(this.scalar, point);
    if (point === undefined || secret === undefined) return false;
    this.asking = "";
    this.key = pairKey(this.group, secret, this.seen, point);
    this.manager = mac;
    this.asked = new Uint8Array(0);
    this.session = this.count = 0;
    this.counts.accepted++;
    native.nvsSet(SPACE, PAIR, `${mac} ${hex(this.key)}`);
    this.onPaired();
    this.wake(native.espnowChannel());
    return true;
  }
}
