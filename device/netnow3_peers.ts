// The pairs that a central has: a key for each peripheral and the last session that it took from it, in NVS; the newest numbers in RAM.

import { keyBytes } from "./config.ts";
import { hex } from "./link.ts";

/** Beyond it the pair that was made first leaves; a device of it that still lives pairs again by itself. */
export const PEERS_MAX = 32;
const KEYS = "netnow3";
const SESSIONS = "netnow3s";
/** The MACs of all pairs, each 12 hex digits and a space, the oldest pair first. */
const ALL = "all";
const ENTRY = 13;

/** What a peripheral has sent last: what is not newer is a replay. */
export class Peer3 {
  /** Session and count of the newest frame. */
  session: number;
  count: number;
  /** Of the newest message: the number of the frame in which it went out first. */
  originSession: number;
  originCount: number;

  constructor(readonly mac: string) {
    // Of the session before this boot it is not known how far it went.
    this.session = this.originSession = Number(native.nvsGet(SESSIONS, digits(mac)) ?? -1);
    this.count = this.originCount = Infinity;
  }

  /** Takes a number for that of the newest frame; false when it is not newer. A new session is in NVS before anything is made of its
   * first frame, so that no cut of power lets that frame count again. */
  advance(session: number, count: number): boolean {
    if (session < this.session || (session === this.session && count <= this.count)) return false;
    if (session > this.session) native.nvsSet(SESSIONS, digits(this.mac), String(session));
    this.session = session;
    this.count = count;
    return true;
  }

  /** Above 0 for a message that came for the first time, 0 for the newest one come again. */
  compareOrigin(session: number, count: number): number {
    return session - this.originSession || count - this.originCount;
  }
}

/** The digits of `AA:BB:...`: NVS takes keys of 15 characters. */
function digits(mac: string): string {
  return mac.split(":").join("");
}

export function peerKey(mac: string): Uint8Array | undefined {
  return keyBytes(native.nvsGet(KEYS, digits(mac)) ?? "");
}

/** Keeps a new pair. The key goes first: an old key must never meet a session that was forgotten. */
export function keepPeer(mac: string, key: Uint8Array): void {
  const name = digits(mac);
  let all = native.nvsGet(KEYS, ALL) ?? "";
  if (all.indexOf(name) < 0) {
    if (all.length >= PEERS_MAX * ENTRY) {
      forget(all.slice(0, ENTRY - 1));
      all = all.slice(ENTRY);
    }
    native.nvsSet(KEYS, ALL, `${all}${name} `);
  }
  native.nvsSet(KEYS, name, hex(key));
  native.nvsRemove(SESSIONS, name);
}

export function forgetPeers(): void {
  const all = native.nvsGet(KEYS, ALL) ?? "";
  for (let at = 0; at < all.length; at += ENTRY) forget(all.slice(at, at + ENTRY - 1));
  native.nvsRemove(KEYS, ALL);
}

function forget(name: string): void {
  native.nvsRemove(KEYS, name);
  native.nvsRemove(SESSIONS, name);
}
