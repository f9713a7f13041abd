// The sums of a running bundle's blocks: the numbers that the device computes, and what a tool knows of the bundle by them.

import { expect, test } from "bun:test";
import { askKnownBase, BLOCK_BYTES, blockSums, knownBase, SUM_BYTES, UNKNOWN } from "../../tools/lib/block_sums.ts";
import { NO_BASE, patchFrames } from "../../tools/lib/patch_frames.ts";
import { patched } from "../../tools/sim/memory_patch.ts";

/** body_of(1) of native/test/native_bundles.c. */
const running = body(13_522);

function body(length: number): Uint8Array {
  let state = (2654435761 + 1) >>> 0;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

const blocks = Math.floor(running.length / BLOCK_BYTES);
const sums = blockSums(running, 0, blocks);
/** Moved by 5 bytes, with something else in the middle. */
const fresh = Buffer.concat([
  Buffer.from("fresh"),
  running.subarray(0, 6000),
  Buffer.alloc(40),
  running.subarray(6100),
]);

test("sums as golden bytes, which native/test/native_patch.c has as well", () => {
  expect(Buffer.from(sums.subarray(0, 12)).toString("hex")).toBe("c25bbc3c601fdb617f874ab3");
  expect(Buffer.from(blockSums(running, 25, 1)).toString("hex")).toBe("f969b9d28a0e");
});

test("blocks are known wherever they are in the new body, and nothing else is", () => {
  const base = knownBase(running.length, sums, fresh);
  const known = base.filter((byte) => byte !== UNKNOWN).length;
  expect(known).toBe((blocks - 1) * BLOCK_BYTES); // one block has the middle in it
  expect([...base].every((byte, at) => byte === UNKNOWN || byte === running[at])).toBe(true);
});

test("what is known is copied, and what the frames make of the real bundle is the new body", () => {
  const frames = patchFrames(knownBase(running.length, sums, fresh), fresh, 2048);
  const made = new Uint8Array(fresh.length);
  for (const { at, operations } of frames)
    made.set(patched(running, made, at, fresh.length, operations) as Uint8Array, at);
  expect(Buffer.compare(made, fresh)).toBe(0);
  expect(frames.reduce((sum, { operations }) => sum + operations.length, 0)).toBeLessThan(2 * BLOCK_BYTES);
});

/** A device whose answers have room for so many sums; how often it was asked. */
async function asked(length: number, room: number): Promise<[Uint16Array, number]> {
  let count = 0;
  const base = await askKnownBase((first) => {
    count++;
    const head = Buffer.alloc(4);
    head.writeUInt32BE(length);
    const most = Math.max(0, Math.min(room, Math.floor(length / BLOCK_BYTES) - first));
    return Promise.resolve(Buffer.concat([head, blockSums(running, first, most)]));
  }, fresh);
  return [base, count];
}

test("a device is asked until it has told all: once when its answer has room, else as often as it takes", async () => {
  for (const room of [1, 7, blocks, 341]) {
    const [base, count] = await asked(running.length, room);
    expect(base).toEqual(knownBase(running.length, sums, fresh));
    expect(count).toBe(Math.ceil(blocks / room));
  }
});

test("recovery, which has no slot, and answers without sums end the asking", async () => {
  expect((await asked(0, 341))[0]).toEqual(new Uint16Array(NO_BASE));
  const [base, count] = await asked(running.length, 0);
  expect([count, base.every((byte) => byte === UNKNOWN)]).toEqual([1, true]);
  for (const answer of [[], [1, 2, 3], [0xff, 0xff, 0xff, 0xff], [0, 0, 4, 0, 1, 2]])
    expect(
      (await askKnownBase(() => Promise.resolve(Uint8Array.from(answer)), fresh)).every((byte) => byte === UNKNOWN),
    ).toBe(true);
});

test("sums of something else are found nowhere", () => {
  const other = blockSums(
    running.map((byte) => byte ^ 1),
    0,
    blocks,
  );
  expect(knownBase(running.length, other, fresh).every((byte) => byte === UNKNOWN)).toBe(true);
  expect(other.length).toBe(blocks * SUM_BYTES);
});
