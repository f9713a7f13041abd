// What a bundle is sent as: golden bytes, and that what the frames make is the new body, whatever the two are.

import { expect, test } from "bun:test";
import { encodeBundle } from "../../tools/lib/bundle.ts";
import { bundlePatch, NO_BASE, PATCH_OUTPUT_MAX, patchFrames } from "../../tools/lib/patch_frames.ts";
import { patched } from "../../tools/sim/memory_patch.ts";
import { pattern } from "../support/link_bench.ts";

/** The body that frames make on a device. */
function made(base: Uint8Array, body: Uint8Array, chunk: number): Uint8Array {
  const out = new Uint8Array(body.length);
  let reached = 0;
  for (const { at, end, operations } of patchFrames(base, body, chunk)) {
    expect(at).toBe(reached);
    expect(operations.length).toBeLessThanOrEqual(chunk);
    expect(end - at).toBeLessThanOrEqual(PATCH_OUTPUT_MAX);
    const bytes = patched(base, out, at, body.length, operations);
    expect(bytes?.length).toBe(end - at);
    out.set(bytes as Uint8Array, at);
    reached = end;
  }
  expect(reached).toBe(body.length);
  return out;
}

function sent(base: Uint8Array, body: Uint8Array): number {
  return patchFrames(base, body, 2048).reduce((sum, { operations }) => sum + operations.length, 0);
}

test("a byte that changed, bytes that moved, and bytes that come again, as golden bytes", () => {
  const base = pattern(64);
  const changed = base.slice();
  changed[20] = 0xee;
  const operations = (body: Uint8Array) => [...(patchFrames(base, body, 2048)[0]?.operations ?? [])];
  expect(operations(changed)).toEqual([0x07, 13, 0x0f, 36, 0xee]);
  const moved = Uint8Array.of(1, 2, 3, ...base.subarray(32), ...base.subarray(0, 32));
  expect(operations(moved)).toEqual([0x5f, 22, 58, 1, 2, 3, 0x47, 22, 127]);
  const again = Uint8Array.of(1, 2, 3, 1, 2, 3, 1, 2, 3, 9, 3, 9, 3, 9);
  expect([...(patchFrames(NO_BASE, again, 2048)[0]?.operations ?? [])]).toEqual([0x9b, 3, 1, 2, 3, 0x89, 2, 9]);
});

/** Repeats from its seed. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * below);
  };
}

test("any two bodies", () => {
  const next = random(7);
  for (let round = 0; round < 40; round++) {
    const base = pattern(next(20_000));
    const pieces: Uint8Array[] = [];
    for (let count = next(20); count > 0; count--) {
      const from = next(base.length);
      const noise = Uint8Array.from({ length: next(80) }, () => next(256));
      pieces.push(base.subarray(from, from + next(6000)), noise, new Uint8Array(next(300)).fill(next(3)));
    }
    const body = Buffer.concat(pieces);
    expect(Buffer.compare(made(base, body, round % 2 === 0 ? 2048 : 64), body)).toBe(0);
  }
});

test("bytes without any order are sent as they are, with less than one in a hundred beside", () => {
  const next = random(3);
  const body = Uint8Array.from({ length: 20_000 }, () => next(256));
  expect(Buffer.compare(made(NO_BASE, body, 1024), body)).toBe(0);
  expect(sent(NO_BASE, body)).toBeLessThan(20_200);
});

test("a short body, and none", () => {
  for (const length of [0, 1, 2, 3, 4]) expect(made(NO_BASE, pattern(length), 64)).toEqual(pattern(length));
});

test("the same patch is searched for once", () => {
  const [engineId, apiHash] = ["0011223344556677", "8899aabbccddeeff"];
  const bundle = encodeBundle(pattern(5000), { profile: "test", version: "1", engineId, apiHash, bootPins: [] });
  expect(bundlePatch(NO_BASE, bundle, 2048)).toBe(bundlePatch(NO_BASE, bundle.slice(), 2048));
  expect(bundlePatch(NO_BASE, bundle, 1024)).not.toBe(bundlePatch(NO_BASE, bundle, 2048));
});
