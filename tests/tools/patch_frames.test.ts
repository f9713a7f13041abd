// Differences of bundles: golden bytes, and that what they make is the new body, whatever the two are.

import { expect, test } from "bun:test";
import { PATCH_OUTPUT_MAX, patchFrames } from "../../tools/lib/patch_frames.ts";
import { pattern } from "../support/link_bench.ts";

/** The reader of docs/WIRE.md, written from its text. */
function applied(base: Uint8Array, at: number, operations: Uint8Array): number[] {
  const out: number[] = [];
  let next = 0;
  let cursor = at;
  const number = () => {
    let value = 0;
    let shift = 0;
    for (;;) {
      const byte = operations[next++] as number;
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
      shift += 7;
    }
  };
  while (next < operations.length) {
    const word = number();
    const length = word >> 1;
    if (word & 1) {
      const step = number();
      cursor += step & 1 ? -((step + 1) >> 1) : step >> 1;
      out.push(...base.subarray(cursor, cursor + length));
    } else {
      out.push(...operations.subarray(next, next + length));
      next += length;
    }
    cursor += length;
  }
  return out;
}

function made(base: Uint8Array, body: Uint8Array, chunk: number): Uint8Array {
  const out: number[] = [];
  for (const { at, end, operations } of patchFrames(base, body, chunk)) {
    expect(at).toBe(out.length);
    expect(operations.length).toBeLessThanOrEqual(chunk);
    expect(end - at).toBeLessThanOrEqual(PATCH_OUTPUT_MAX);
    out.push(...applied(base, at, operations));
    expect(out.length).toBe(end);
  }
  return Uint8Array.from(out);
}

test("a byte that changed, and bytes that moved, as golden bytes", () => {
  const base = pattern(64);
  const changed = base.slice();
  changed[20] = 0xee;
  expect(patchFrames(base, changed, 2048)).toEqual([
    { at: 0, end: 64, operations: Uint8Array.of(41, 0, 2, 0xee, 87, 0) },
  ]);
  const moved = Uint8Array.of(1, 2, 3, ...base.subarray(32), ...base.subarray(0, 32));
  expect(patchFrames(base, moved, 2048)).toEqual([
    { at: 0, end: 67, operations: Uint8Array.of(6, 1, 2, 3, 65, 58, 65, 127) },
  ]);
});

test("any two bodies", () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor((seed / 2147483648) * below);
  };
  for (let round = 0; round < 60; round++) {
    const base = pattern(random(40_000));
    const pieces: Uint8Array[] = [];
    for (let count = random(20); count > 0; count--) {
      const from = random(base.length);
      pieces.push(
        base.subarray(from, from + random(6000)),
        Uint8Array.from({ length: random(80) }, () => random(256)),
      );
    }
    const body = Buffer.concat(pieces);
    expect(Buffer.compare(made(base, body, round % 2 === 0 ? 2048 : 64), body)).toBe(0);
  }
});

test("bodies without anything in common are sent whole", () => {
  const body = Uint8Array.from({ length: 5000 }, (_, at) => (at * at) >> 3);
  expect(Buffer.compare(made(new Uint8Array(0), body, 1024), body)).toBe(0);
});
