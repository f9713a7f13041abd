// Whether two machines did the same: stream by stream the same values in the same order, at about the same time.

import type { Played } from "./player.ts";
import type { TraceEntry } from "./stage.ts";

/** The host firmware's sockets are real: what goes through them may come a turn of the loop later, and that is a second at most. */
export const TOLERANCE_MS = 1500;

/** What differs, in words; empty when the traces agree. What happened just before a reset, a cut of power or the end of either may be missing in
 * the other. */
export function difference(first: Played, second: Played): string[] {
  const ends = [first, second].flatMap(({ trace, ms }) => [ms, ...trace.filter(isEnd).map((each) => each.atMs)]);
  const loose = (entry: TraceEntry | undefined) =>
    entry !== undefined && ends.some((endMs) => Math.abs(endMs - entry.atMs) <= TOLERANCE_MS);
  const streams = new Set([...first.trace, ...second.trace].map((each) => each.stream));
  return [...streams].flatMap((stream) => {
    const one = first.trace.filter((each) => each.stream === stream);
    const two = second.trace.filter((each) => each.stream === stream);
    for (let here = 0, there = 0; here < one.length || there < two.length; here++, there++) {
      if (same(one[here], two[there])) continue;
      if (loose(one[here])) there--;
      else if (loose(two[there])) here--;
      else return [`${stream}: ${shown(one[here])} here, ${shown(two[there])} there (entry ${here + 1})`];
    }
    return [];
  });
}

function isEnd({ stream, value }: TraceEntry): boolean {
  return stream === "reset" || (stream === "world" && value === "power off");
}

function same(one: TraceEntry | undefined, two: TraceEntry | undefined): boolean {
  if (one === undefined || two === undefined) return false;
  return one.value === two.value && Math.abs(one.atMs - two.atMs) <= TOLERANCE_MS;
}

function shown(entry: TraceEntry | undefined): string {
  return entry === undefined ? "nothing" : `${JSON.stringify(entry.value)} at ${entry.atMs.toFixed(1)} ms`;
}
