// COBS against the examples of the paper and its well-known corner cases, and against itself at every length and with every junk.

import { expect, test } from "bun:test";
import { cobsDecode, cobsEncode } from "../../device/cobs.ts";

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const hex = (value: Uint8Array) => Buffer.from(value).toString("hex");
const run = (from: number, to: number) => Uint8Array.from({ length: to - from + 1 }, (_, index) => from + index);
const join = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

function encode(plain: Uint8Array): Uint8Array {
  const out = cobsEncode(plain);
  expect([out[0], out.at(-1)]).toEqual([0, 0]);
  return out.slice(1, -1);
}

function decode(encoded: Uint8Array): Uint8Array | undefined {
  const copy = encoded.slice();
  const length = cobsDecode(copy, copy.length);
  return length < 0 ? undefined : copy.slice(0, length);
}

const GOLDEN: [name: string, plain: Uint8Array, encoded: Uint8Array][] = [
  // Cheshire and Baker, "Consistent Overhead Byte Stuffing", the example of an IP header (their figure 3).
  [
    "the paper's example",
    bytes("45 00 00 2c 4c 79 00 00 40 06 4f 37"),
    bytes("02 45 01 04 2c 4c 79 01 05 40 06 4f 37"),
  ],
  ["nothing", bytes(""), bytes("01")],
  ["a zero", bytes("00"), bytes("01 01")],
  ["two zeros", bytes("00 00"), bytes("01 01 01")],
  ["a zero between zeros", bytes("00 11 00"), bytes("01 02 11 01")],
  ["text with a zero", bytes("11 22 00 33"), bytes("03 11 22 02 33")],
  ["no zero", bytes("11 22 33 44"), bytes("05 11 22 33 44")],
  ["zeros at the end", bytes("11 00 00 00"), bytes("02 11 01 01 01")],
  ["254 bytes", run(1, 254), join(bytes("ff"), run(1, 254))],
  ["a zero and 254 bytes", run(0, 254), join(bytes("01 ff"), run(1, 254))],
  ["255 bytes", run(1, 255), join(bytes("ff"), run(1, 254), bytes("02 ff"))],
  ["254 bytes and a zero", join(run(2, 255), bytes("00")), join(bytes("ff"), run(2, 255), bytes("01 01"))],
  ["253 bytes, a zero, one more", join(run(3, 255), bytes("00 01")), join(bytes("fe"), run(3, 255), bytes("02 01"))],
];

for (const [name, plain, encoded] of GOLDEN) {
  test(`golden: ${name}`, () => {
    expect(hex(encode(plain))).toBe(hex(encoded));
    expect(hex(decode(encoded)!)).toBe(hex(plain));
  });
}

test("a last empty block behind a full one is understood, as other encoders write it", () => {
  expect(hex(decode(join(bytes("ff"), run(1, 254), bytes("01")))!)).toBe(hex(run(1, 254)));
});

test("every length up to three blocks, with few zeros, many, and none", () => {
  for (const every of [2, 100, 254, 255, 256, 1_000_000]) {
    for (let length = 0; length <= 770; length++) {
      const plain = Uint8Array.from({ length }, (_, index) => ((index + 1) % every === 0 ? 0 : (index % 255) + 1));
      const encoded = encode(plain);
      expect(encoded.includes(0)).toBe(false);
      expect(encoded.length).toBeLessThanOrEqual(length + 1 + Math.floor(length / 254));
      if (hex(decode(encoded)!) !== hex(plain)) throw new Error(`length ${length}, a zero every ${every}`);
    }
  }
});

test("every truncation is refused or shorter, and nothing is read beyond the end", () => {
  for (const [, plain, encoded] of GOLDEN) {
    for (let end = 0; end < encoded.length; end++) {
      const copy = join(encoded.subarray(0, end), new Uint8Array(300).fill(7));
      const length = cobsDecode(copy, end);
      expect(length).toBeLessThan(Math.max(1, plain.length));
      expect([...copy.subarray(end)].every((byte) => byte === 7)).toBe(true);
    }
  }
});

test("a zero or a block beyond the end is refused", () => {
  expect(decode(bytes("02 11 00 11"))).toBeUndefined();
  expect(decode(bytes("05 11 22"))).toBeUndefined();
});
