// Patch frames on the device: what they make, that a put goes on in the middle of one, and that a malformed one is refused and loses nothing.

import { beforeEach, expect, test } from "bun:test";
import { Link } from "../../device/link.ts";
import { blockSums } from "../../tools/lib/block_sums.ts";
import { encodeBundle } from "../../tools/lib/bundle.ts";
import { patchFrames } from "../../tools/lib/patch_frames.ts";
import type { MemoryChip } from "../../tools/sim/memory_native.ts";
import { freshNative } from "../support/fresh_native.ts";
import { LinkBench, makeBundle } from "../support/link_bench.ts";

const old = makeBundle(30_000);
const fresh = changedBundle();

function bundleOf(body: Uint8Array): Uint8Array {
  const [engineId, apiHash] = ["0011223344556677", "8899aabbccddeeff"];
  return encodeBundle(body, { profile: "test", version: "1", engineId, apiHash, bootPins: [] });
}

/** The old bundle with a byte changed here and there and some put in. */
function changedBundle(): Uint8Array {
  const body = Buffer.concat([old.subarray(256, 5000), Buffer.from("something new"), old.subarray(5000)]);
  for (let at = 0; at < body.length; at += 7001) body[at]! ^= 1;
  return bundleOf(body);
}

let chip: MemoryChip;
let link: Link;
const frame = (type: number, ...body: Uint8Array[]) => Buffer.concat([Uint8Array.of(type, 0, 1), ...body]);
const patch = (at: number, operations: Uint8Array) => frame(0x15, Uint8Array.of(0, 0, at >> 8, at), operations);
const code = (answer: Uint8Array | undefined) => (answer?.[0] === 0xff ? answer[3] : answer?.[0]);

beforeEach(() => {
  chip = freshNative({ program: () => {} });
  chip.slots.slots[0] = {
    ...{ header: old.slice(0, 256), body: old.slice(256) },
    ...{ sequence: 1, tried: 1, confirmed: true, rejected: false },
  };
  chip.run(1);
  link = new Link("meter", () => {});
  link.handle(frame(0x11, fresh.subarray(0, 256)));
});

test("frames in a row make the new body", () => {
  for (const { at, operations } of patchFrames(old.subarray(256), fresh.subarray(256), 2048))
    link.handle(patch(at, operations));
  expect(code(link.handle(frame(0x13)))).toBe(0x80);
  expect(Buffer.compare(chip.slots.slots[1]!.body, fresh.subarray(256))).toBe(0);
});

test("what is there already is passed over, wherever in an operation it ends", () => {
  const frames = patchFrames(old.subarray(256), fresh.subarray(256), 64);
  for (const have of [1, 4743, 4744, 4750, 4757, 4758, 7001, 7002, 16_000]) {
    chip.slots.slots[1] = undefined;
    link = new Link("meter", () => {});
    link.handle(frame(0x11, makeBundle(10).subarray(0, 256)));
    link.handle(frame(0x11, fresh.subarray(0, 256)));
    for (let at = 0; at < have; at += 2048)
      link.handle(
        frame(0x12, Uint8Array.of(0, 0, at >> 8, at), fresh.subarray(256 + at, 256 + Math.min(have, at + 2048))),
      );
    for (const { at, operations } of frames) link.handle(patch(at, operations));
    expect([have, code(link.handle(frame(0x13)))]).toEqual([have, 0x80]);
  }
});

test("a gap is refused and loses nothing", () => {
  const frames = patchFrames(old.subarray(256), fresh.subarray(256), 2048);
  expect(code(link.handle(patch(1, frames[0]!.operations)))).toBe(3);
  for (const { at, operations } of frames) link.handle(patch(at, operations));
  expect(code(link.handle(frame(0x13)))).toBe(0x80);
});

test.each([
  ["a number without an end", [0x07, 0x83]],
  ["a literal that is cut", [0x10, 1]],
  ["more than a frame may make", [0x0f, 0xff, 0x7f, 7]],
  ["a place before the running bundle", [0x40, 3]],
  ["a place behind it", [0x40, 0x80, 0x80, 0x08]],
  ["a distance to before the beginning", [0x88, 3, 7]],
])("%s is refused, and what was made is dropped", (_, operations) => {
  link.handle(patch(0, Uint8Array.of(0x08, 1)));
  expect(code(link.handle(patch(1, Uint8Array.from(operations))))).toBe(2);
  expect(code(link.handle(frame(0x13)))).toBe(6);
  const again = link.handle(frame(0x11, fresh.subarray(0, 256)));
  expect(JSON.parse(Buffer.from(again!.subarray(3)).toString())).toEqual({ offset: 0 });
});

test("any truncation of a frame makes a beginning or is refused, and a put that is begun again comes to its end", () => {
  const frames = patchFrames(old.subarray(256), fresh.subarray(256), 64);
  for (let length = 0; length < frames[1]!.operations.length; length++) {
    link.handle(frame(0x11, fresh.subarray(0, 256)));
    link.handle(patch(0, frames[0]!.operations));
    link.handle(patch(frames[1]!.at, frames[1]!.operations.subarray(0, length)));
  }
  link.handle(frame(0x11, fresh.subarray(0, 256)));
  for (const { at, operations } of frames) link.handle(patch(at, operations));
  expect(code(link.handle(frame(0x13)))).toBe(0x80);
});

test("where nothing is known that could be copied, the body copies from itself", () => {
  const plain = bundleOf(Buffer.from("the same words again, ".repeat(800)));
  link.handle(frame(0x11, plain.subarray(0, 256)));
  const frames = patchFrames(new Uint8Array(0), plain.subarray(256), 2048);
  expect(frames.reduce((sum, { operations }) => sum + operations.length, 0)).toBeLessThan(100);
  for (const { at, operations } of frames) link.handle(patch(at, operations));
  expect(code(link.handle(frame(0x13)))).toBe(0x80);
});

test("a file takes no patch", () => {
  link.handle(frame(0x10, Uint8Array.of(0, 0, 0, 9), new Uint8Array(32), Buffer.from("a")));
  expect(code(link.handle(patch(0, Uint8Array.of(0x08, 1))))).toBe(1);
});

test("a device tells the sums of its blocks, from the one asked for on, at most a frame's content", () => {
  link = new Link("meter", () => {}, 64);
  const length = Uint8Array.of(0, 0, 30_000 >> 8, 30_000 & 255);
  for (const [first, count] of [
    [0, 10],
    [50, 8],
    [58, 0],
  ] as const)
    expect([...link.handle(frame(0x09, Uint8Array.of(0, first)))!]).toEqual([
      ...[0x12, 0, 1],
      ...length,
      ...blockSums(old.subarray(256), first, count),
    ]);
  expect(code(link.handle(frame(0x09, Uint8Array.of(0))))).toBe(1);
});

test("a tool that does not have the running bundle finds most of it by its sums", async () => {
  const bench = new LinkBench();
  bench.chip.slots.slots[0] = chip.slots.slots[0];
  bench.chip.reset("software", { kind: "asked" }, true);
  bench.chip.run(3000);
  const client = await bench.open();
  const base = await bench.drive(client.knownBase(fresh));
  await bench.drive(client.putBundle(fresh, { base }));
  expect(client.contentSent).toBeLessThan(6000);
  expect(Buffer.compare(bench.chip.slots.slots[1]!.body, fresh.subarray(256))).toBe(0);
});

test("the client sends only what differs, and all of it when the device has another bundle than it thinks", async () => {
  for (const [base, atMost] of [
    [old.subarray(256), 400],
    [new Uint8Array(30_000).fill(1), 70_000],
  ] as const) {
    const bench = new LinkBench();
    bench.chip.slots.slots[0] = chip.slots.slots[0];
    bench.chip.reset("software", { kind: "asked" }, true);
    bench.chip.run(3000);
    const client = await bench.open();
    await bench.drive(client.putBundle(fresh, { base }));
    expect(client.contentSent).toBeLessThan(atMost);
    expect(Buffer.compare(bench.chip.slots.slots[1]!.body, fresh.subarray(256))).toBe(0);
  }
});
