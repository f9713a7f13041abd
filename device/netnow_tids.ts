// The tids (and equal-sized marks) seen a moment ago: what comes again within that time is a replay. Bounded: while it is full nothing
// new is believed, because forgetting early is what an attacker who replays many frames would want.

import { ID_LENGTH } from "./netnow_codec.ts";

export const TID_MS = 2000;
export const TIDS_MAX = 32;

export type TidVerdict = "new" | "replay" | "full";

export class TidCache {
  /** A ring of TIDS_MAX tids, the oldest at `head`. */
  private readonly tids: Uint8Array;
  private readonly times: number[];
  private head: number;

  constructor() {
    this.tids = new Uint8Array(TIDS_MAX * ID_LENGTH);
    this.times = [];
    this.head = 0;
  }

  /** Remembers the tid unless it is a replay. Times are those of the loop's clock, in the order of reception. */
  see(tid: Uint8Array, nowMs: number): TidVerdict {
    while (this.times.length > 0 && nowMs - (this.times[0] as number) > TID_MS) {
      this.times.shift();
      this.head = (this.head + 1) % TIDS_MAX;
    }
    for (let index = 0; index < this.times.length; index++) if (this.is(tid, this.place(index))) return "replay";
    if (this.times.length === TIDS_MAX) return "full";
    this.tids.set(tid, this.place(this.times.length));
    this.times.push(nowMs);
    return "new";
  }

  private place(index: number): number {
    return ((this.head + index) % TIDS_MAX) * ID_LENGTH;
  }

  private is(tid: Uint8Array, at: number): boolean {
    for (let index = 0; index < ID_LENGTH; index++) if (tid[index] !== this.tids[at + index]) return false;
    return true;
  }
}
