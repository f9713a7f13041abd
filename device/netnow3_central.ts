// The central of ESP-NOW version 3: says that it is there, pairs with who knows the group's key, confirms what its peripherals send, hands
// their data on. Nothing that was recorded makes it transmit.

import type { Loop, Task } from "./loop.ts";
import { type NetnowKeys, same } from "./netnow_codec.ts";
import { NetnowCounts } from "./netnow_counts.ts";
import { BROADCAST, macBytes, type NetnowRadio, ownMac } from "./netnow_radio.ts";
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
  NUMBER_LENGTH,
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
import { forgetPeers, keepPeer, Peer3, peerKey } from "./netnow3_peers.ts";

/** A peripheral that looks for a central stays 5 s on a channel. */
export const BEACON_MS = 2000;
/** Pairings under way at once. */
const FRESH_MAX = 4;
const PAIR_FILE = "pair.txt";

export class Netnow3Central {
  /** Told of each payload with the sender's MAC (`AA:BB:...`) and RSSI in dBm. */
  onData: (payload: Uint8Array, mac: string, rssi: number) => void;
  private readonly group: Uint8Array;
  private readonly numbers: Netnow3Numbers;
  /** Those heard in this boot. */
  private peers: Peer3[];
  /** Of the last beacon, until it was used. */
  private challenge: Uint8Array;
  /** Pairs that count once a frame under their key has come: MAC and key in turn, the oldest first. */
  private readonly fresh: (string | Uint8Array)[];
  private readonly mac: string;
  private readonly beacon: Task;

  constructor(
    loop: Loop,
    private readonly radio: NetnowRadio,
    keys: NetnowKeys,
    readonly counts = new NetnowCounts(),
  ) {
    this.onData = () => {};
    if (native.fileRemove(PAIR_FILE)) forgetPeers();
    this.group = groupKey(keys);
    this.numbers = new Netnow3Numbers();
    this.peers = [];
    this.challenge = new Uint8Array(0);
    this.fresh = [];
    this.mac = ownMac();
    this.beacon = loop.task(() => this.sayBeacon(), true, "netnow beacon");
    this.beacon.every(BEACON_MS);
    radio.onFrame = (mac, frame, rssi) => {
      if (!this.take(mac, frame, rssi)) this.counts.refuse("tag");
    };
    this.sayBeacon();
  }

  /** True when frames of version 2 from there are not to be believed any more. */
  knows(mac: string): boolean {
    return peerKey(mac) !== undefined;
  }

  /** Sends `payload` (at most DATA_MAX bytes) to each peripheral that was heard since the boot, one after the other. False when the radio
   * has no room. */
  sendBack(payload: Uint8Array): boolean {
    return this.backTo(0, payload);
  }

  /** Sends `payload` to one peripheral. False when it is not paired or the radio has no room. */
  sendTo(mac: string, payload: Uint8Array): boolean {
    return this.send(mac, BACK3, payload);
  }

  private backTo(index: number, payload: Uint8Array): boolean {
    const peer = this.peers[index];
    return peer === undefined || this.send(peer.mac, BACK3, payload, () => void this.backTo(index + 1, payload));
  }

  /** False when it is no frame of version 3, or does not verify as one: then it may be one of version 2. */
  take(mac: string, frame: Uint8Array, rssi: number): boolean {
    if (frame[0] !== VERSION3) return false;
    if (frame[1] === REQUEST3) return this.pair(mac, frame);
    const plain = this.open(mac, frame);
    if (plain === undefined) return false;
    this.counts.judge(this.handle(this.peerOf(mac), frame, plain, rssi));
    return true;
  }

  private sayBeacon(): void {
    this.challenge = native.random(CHALLENGE_LENGTH);
    const frame = encodePairing(this.group, BEACON3, this.challenge, native.encodeText(this.mac));
    this.radio.send(BROADCAST, () => frame);
  }

  /** A challenge is good for one answer, and only until the next beacon. */
  private pair(mac: string, frame: Uint8Array): boolean {
    const body = openPairing(this.group, frame, CHALLENGE_LENGTH + POINT_LENGTH, native.encodeText(this.mac + mac));
    if (body === undefined) return false;
    const challenge = body.subarray(0, CHALLENGE_LENGTH);
    if (!same(challenge, this.challenge)) {
      this.counts.refuse("pair");
      return true;
    }
    this.challenge = new Uint8Array(0);
    const scalar = native.random(POINT_LENGTH);
    const secret = native.x25519(scalar, body.subarray(CHALLENGE_LENGTH));
    const point = native.x25519(scalar, basePoint());
    if (secret === undefined || point === undefined) return false;
    const seen = transcript(this.mac, mac, challenge, body.subarray(CHALLENGE_LENGTH));
    this.dropFresh(mac);
    if (this.fresh.length === 2 * FRESH_MAX) this.fresh.splice(0, 2);
    this.fresh.push(mac, pairKey(this.group, secret, seen, point));
    const answer = encodePairing(this.group, ANSWER3, point, seen);
    this.counts.accepted++;
    this.radio.send(macBytes(mac) as Uint8Array, () => answer);
    return true;
  }

  private open(mac: string, frame: Uint8Array): Uint8Array | undefined {
    const key = peerKey(mac);
    const plain = key && unseal(key, false, frame);
    const at = this.fresh.indexOf(mac);
    if (plain !== undefined || at < 0) return plain;
    const newKey = this.fresh[at + 1] as Uint8Array;
    const first = unseal(newKey, false, frame);
    if (first === undefined) return undefined;
    keepPeer(mac, newKey);
    this.dropFresh(mac);
    this.peers = this.peers.filter((peer) => peer.mac !== mac && peerKey(peer.mac) !== undefined);
    return first;
  }

  private dropFresh(mac: string): void {
    const at = this.fresh.indexOf(mac);
    if (at >= 0) this.fresh.splice(at, 2);
  }

  private peerOf(mac: string): Peer3 {
    const known = this.peers.find((each) => each.mac === mac);
    if (known !== undefined) return known;
    const peer = new Peer3(mac);
    this.peers.push(peer);
    return peer;
  }

  /** Why a frame that verified is refused, or undefined. */
  private handle(peer: Peer3, frame: Uint8Array, plain: Uint8Array, rssi: number): string | undefined {
    const number = numberOf(frame);
    const type = frame[1];
    if (!peer.advance(read32(number, 0), read32(number, 4))) return "replay";
    if (type !== WAKEUP3) {
      if (type !== DATA3 || plain.length < NUMBER_LENGTH) return "type";
      const originSession = read32(plain, 0);
      const originCount = read32(plain, 4);
      const order = peer.compareOrigin(originSession, originCount);
      if (order < 0) return "replay";
      peer.originSession = originSession;
      peer.originCount = originCount;
      if (order > 0) this.onData(plain.slice(NUMBER_LENGTH), peer.mac, rssi);
    }
    this.send(peer.mac, CONFIRM3, number);
    return undefined;
  }

  /** The frame is sealed when its turn has come, so that frames are numbered in the order in which they are sent. */
  private send(mac: string, type: number, plain: Uint8Array, done?: () => void): boolean {
    const key = peerKey(mac);
    if (key === undefined) return false;
    return this.radio.send(macBytes(mac) as Uint8Array, () => seal(key, true, type, this.numbers.next(), plain), done);
  }
}
