// The update protocol's device side frame by frame: golden bytes, every truncation, and what must not happen.

import { beforeEach, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { CHUNK_BYTES, Link } from "../../device/link.ts";
import type { MemoryChip } from "../../tools/sim/memory_native.ts";
import { freshNative } from "../support/fresh_native.ts";
import { makeBundle, pattern } from "../support/link_bench.ts";

let chip: MemoryChip;
let link: Link;
let refusals: string[];

beforeEach(() => {
  chip = freshNative({ program: () => {} });
  refusals = [];
  link = new Link("meter", (why) => refusals.push(why));
});

const text = (value: string) => Buffer.from(value);
const frame = (type: number, id: number, ...body: Uint8Array[]) =>
  new Uint8Array(Buffer.concat([Uint8Array.of(type, id >> 8, id & 255), ...body]));
const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();
const hex = (bytes: Uint8Array | undefined) => (bytes === undefined ? "nothing" : Buffer.from(bytes).toString("hex"));
const answerJson = (bytes: Uint8Array | undefined) => JSON.parse(Buffer.from(bytes!.subarray(3)).toString());
const error = (bytes: Uint8Array | undefined) =>
  bytes?.[0] === 0xff ? `${bytes[3]} ${Buffer.from(bytes.subarray(4)).toString()}` : `no error: ${hex(bytes)}`;
const putFile = (id: number, name: string, content: Uint8Array) =>
  frame(0x10, id, u32(content.length), sha256(content), text(name));
const data = (id: number, offset: number, bytes: Uint8Array) => frame(0x12, id, u32(offset), bytes);
const commit = (id = 99) => link.handle(frame(0x13, id));

test("golden: an unknown request", () => {
  expect(hex(link.handle(frame(0x55, 0x1234)))).toBe(`ff123407${text("unknown request").toString("hex")}`);
});

test("golden: put, data, taken, commit", () => {
  expect(hex(link.handle(putFile(7, "a.txt", text("abc"))))).toBe(`810007${text('{"offset":0}').toString("hex")}`);
  expect(hex(link.handle(data(7, 0, text("abc"))))).toBe("82000700000003");
  expect(hex(commit(8))).toBe("800008");
  expect(chip.files.get("a.txt")).toEqual(new Uint8Array(text("abc")));
});

test("golden: list, hash, get, remove, reboot", () => {
  chip.files.set("a", text("abc"));
  expect(hex(link.handle(frame(3, 1)))).toBe(`810001${text('["a",3]').toString("hex")}`);
  expect(answerJson(link.handle(frame(4, 2, text("a"))))).toEqual({ size: 3, sha256: hex(sha256(text("abc"))) });
  expect(answerJson(link.handle(frame(4, 2, text("b"))))).toEqual({ size: -1 });
  expect(hex(link.handle(frame(8, 3, u32(1), text("a"))))).toBe("12000300000001" + "6263");
  expect(hex(link.handle(frame(8, 3, u32(3), text("a"))))).toBe("12000300000003");
  expect(hex(link.handle(frame(5, 4, text("a"))))).toBe("800004");
  expect(error(link.handle(frame(5, 4, text("a"))))).toBe("2 no such file");
  expect(link.rebooting).toBe(0);
  expect(hex(link.handle(frame(7, 5)))).toBe("800005");
  expect(link.rebooting).toBe(2);
  expect(hex(link.handle(frame(7, 6, Buffer.from([1]))))).toBe("800006");
  expect(link.rebooting).toBe(1);
});

test("hello and info tell what the tool needs", () => {
  const hello = answerJson(link.handle(frame(1, 1)));
  expect(hello).toMatchObject({
    link: 1,
    name: "meter",
    chunk: CHUNK_BYTES,
    window: 65536,
    bundle: { profile: "test" },
  });
  expect(answerJson(link.handle(frame(2, 1)))).toMatchObject({ id: expect.any(String), heap: expect.any(Array) });
});

test("log tells the stored reasons", () => {
  native.exceptionStore("Error: x", "at f");
  const log = answerJson(link.handle(frame(6, 1)));
  expect(JSON.parse(log.exception)).toMatchObject({ message: "Error: x" });
});

test("a get gives at most a chunk", () => {
  chip.files.set("a", pattern(5000));
  expect(link.handle(frame(8, 3, u32(0), text("a")))!.length).toBe(7 + CHUNK_BYTES);
});

test("every truncation of every request gets an answer or silence, and changes nothing", () => {
  const bundle = makeBundle(100);
  const requests = [1, 2, 3, 4, 5, 6, 8, 0x13, 0x20].map((type) => frame(type, 1, u32(0), text("a")));
  requests.push(putFile(1, "a", text("abc")), frame(0x11, 1, bundle.subarray(0, 256)), data(1, 0, text("abc")));
  for (const request of requests) {
    for (let end = 0; end < request.length; end++) {
      const answer = link.handle(request.subarray(0, end));
      if (request[0] !== 0x12) expect(answer).toBeDefined();
    }
  }
  expect([...chip.files.keys()]).toEqual([]);
  expect(error(commit())).toBe("6 nothing to commit");
});

test("data without a put, and of a put that was refused, is ignored", () => {
  expect(link.handle(data(7, 0, text("abc")))).toBeUndefined();
  expect(error(link.handle(putFile(7, "../a", text("abc"))))).toStartWith("2 bad file name");
  expect(link.handle(data(7, 0, text("abc")))).toBeUndefined();
  expect(error(commit())).toBe("6 nothing to commit");
  expect(chip.files.size).toBe(0);
});

/** What would leave the files partition, or is no name at all. */
const BAD_NAMES = [
  "../a",
  "..",
  "a/../../b",
  "/a",
  "//a",
  "a/",
  "a//b",
  "./a",
  ".a",
  "a/.b",
  "a\\b",
  "a\0b",
  "a b",
  "\u{fc}",
  "x".repeat(64),
];

test("no name leaves the files partition, whatever the request", () => {
  chip.files.set("a", text("abc"));
  for (const name of BAD_NAMES) {
    for (const request of [frame(4, 1, text(name)), frame(5, 2, text(name)), frame(8, 3, u32(0), text(name))])
      expect(error(link.handle(request))).toStartWith("2 bad file name");
    expect(error(link.handle(putFile(4, name, text("xyz"))))).toStartWith("2 bad file name");
    expect(link.handle(data(4, 0, text("xyz")))).toBeUndefined();
    expect(error(commit())).toBe("6 nothing to commit");
  }
  expect([...chip.files]).toEqual([["a", text("abc")]]);
});

test("the staging file's name is refused", () => {
  expect(error(link.handle(putFile(7, "staging", text("abc"))))).toBe("2 reserved name");
});

test("a gap in the data is an error and the put goes on where it was", () => {
  link.handle(putFile(7, "a", text("abcdef")));
  expect(error(link.handle(data(7, 3, text("def"))))).toBe("3 expected 0");
  link.handle(data(7, 0, text("abc")));
  link.handle(data(7, 3, text("def")));
  expect(hex(commit(8))).toBe("800008");
});

test("bytes that come again are left out, also when they overlap", () => {
  link.handle(putFile(7, "a", text("abcdef")));
  link.handle(data(7, 0, text("abcd")));
  expect(link.handle(data(7, 0, text("xx")))).toBeUndefined();
  link.handle(data(7, 2, text("cdef")));
  commit();
  expect(Buffer.from(chip.files.get("a")!).toString()).toBe("abcdef");
});

test("data beyond the announced size is refused", () => {
  link.handle(putFile(7, "a", text("abc")));
  expect(error(link.handle(data(7, 0, text("abcd"))))).toBe("1 beyond the end");
});

test("a commit before the end is refused and the put stays open", () => {
  link.handle(putFile(7, "a", text("abcdef")));
  link.handle(data(7, 0, text("abc")));
  expect(error(commit())).toBe("4 3 of 6 bytes");
  link.handle(data(7, 3, text("def")));
  expect(hex(commit(8))).toBe("800008");
});

test("a file that does not verify leaves the old one, and the next attempt begins anew", () => {
  chip.files.set("a", text("old"));
  link.handle(putFile(7, "a", text("abc")));
  link.handle(data(7, 0, text("abX")));
  expect(error(commit())).toBe("4 checksum differs");
  expect(refusals).toEqual(["checksum differs"]);
  expect(Buffer.from(chip.files.get("a")!).toString()).toBe("old");
  expect(answerJson(link.handle(putFile(8, "a", text("abc"))))).toEqual({ offset: 0 });
});

test("an empty file", () => {
  link.handle(putFile(7, "a", text("")));
  expect(hex(commit(8))).toBe("800008");
  expect(chip.files.get("a")?.length).toBe(0);
});

test("a file put goes on after a restart, but only for the same name, size and content", () => {
  link.handle(putFile(7, "a", text("abcdef")));
  link.handle(data(7, 0, text("abc")));
  link = new Link("meter", (why) => refusals.push(why));
  expect(answerJson(link.handle(putFile(1, "a", text("abcdef"))))).toEqual({ offset: 3 });
  expect(answerJson(link.handle(putFile(2, "a", text("abcdeX"))))).toEqual({ offset: 0 });
  expect(answerJson(link.handle(putFile(3, "b", text("abcdeX"))))).toEqual({ offset: 0 });
});

test("a bundle put goes on after a restart", () => {
  const bundle = makeBundle(5000);
  link.handle(frame(0x11, 1, bundle.subarray(0, 256)));
  link.handle(data(1, 0, bundle.subarray(256, 256 + 2048)));
  link = new Link("meter", (why) => refusals.push(why));
  expect(answerJson(link.handle(frame(0x11, 2, bundle.subarray(0, 256))))).toEqual({ offset: 2048 });
});

test("no space on the files partition", () => {
  const size = native.fileSpace() + 1;
  const refused = link.handle(frame(0x10, 1, u32(size), new Uint8Array(32), text("a")));
  expect(error(refused)).toBe("5 no space");
});

test("a medium that fails in the middle ends the put", () => {
  link.handle(putFile(7, "a", text("abc")));
  const real = native.fileWrite;
  native.fileWrite = () => {
    throw Object.assign(new Error("flash"), { code: -3 });
  };
  expect(error(link.handle(data(7, 0, text("abc"))))).toBe("5 flash");
  native.fileWrite = real;
  expect(error(commit())).toBe("6 nothing to commit");
});

test("a programmer's error is not hidden as a refusal", () => {
  native.fileList = () => {
    throw new TypeError("bug");
  };
  expect(() => link.handle(frame(3, 1))).toThrow("bug");
});

test("a bundle of another profile is refused unless the request says so", () => {
  const header = makeBundle(100, "other").subarray(0, 256);
  expect(error(link.handle(frame(0x11, 1, header)))).toBe("2 profile other on a device that runs test");
  expect(refusals).toEqual(["profile other on a device that runs test"]);
  expect(answerJson(link.handle(frame(0x11, 1, header, Uint8Array.of(1))))).toEqual({ offset: 0 });
});

test("the recovery bundle takes any profile", () => {
  chip.fixedInfo = { slot: -1, profile: "recovery" };
  expect(answerJson(link.handle(frame(0x11, 1, makeBundle(100, "other").subarray(0, 256))))).toEqual({ offset: 0 });
});

test.each([
  [-2, "slotBegin: PORT_EINVAL", "0011223344556677", "slotBegin: PORT_EINVAL"],
  [-7, "", "0011223344556677", "native API 8899aabbccddeeff on a firmware with 0000000000000000"],
  [-7, "", "ffffffffffffffff", "engine 0011223344556677 on a firmware with ffffffffffffffff"],
  [-10, "", "", "the running bundle is on trial still"],
])("a header that native refuses with %i is refused with words", (code, message, engineId, words) => {
  chip.fixedInfo = { engineId };
  native.slotBegin = () => {
    throw Object.assign(new Error(message), { code });
  };
  expect(error(link.handle(frame(0x11, 1, makeBundle(9).subarray(0, 256))))).toBe(`2 ${words}`);
  expect(refusals).toEqual([words]);
});

test("a corrupted bundle is refused at commit", () => {
  const bundle = makeBundle(1000);
  link.handle(frame(0x11, 1, bundle.subarray(0, 256)));
  const body = bundle.slice(256);
  body[500]! ^= 1;
  link.handle(data(1, 0, body));
  expect(error(commit())).toBe("4 checksum differs");
  expect(chip.slots.slots[1]).toBeUndefined();
});

test("taken comes every quarter of the window and at the end", () => {
  const content = pattern(40_000);
  link.handle(putFile(7, "a", content));
  const told: number[] = [];
  for (let at = 0; at < content.length; at += CHUNK_BYTES) {
    const answer = link.handle(data(7, at, content.subarray(at, at + CHUNK_BYTES)));
    if (answer !== undefined) told.push(Buffer.from(answer).readUInt32BE(3));
  }
  expect(told).toEqual([16384, 32768, 40000]);
});
