// The bundle header as docs/WIRE.md says: golden bytes, and refusal of everything that was cut or flipped.

import { expect, test } from "bun:test";
import {
  type BundleHeader,
  decodeBundle,
  decodeHeader,
  encodeBundle,
  encodeHeader,
  HEADER_BYTES,
} from "../../tools/lib/bundle.ts";

const HEADER: BundleHeader = {
  bodyLength: 0x01020304,
  sha256: "00112233445566778899aabbccddeeff".repeat(2),
  profile: "relay",
  version: "1.2.3",
  engineId: "0123456789abcdef",
  apiHash: "fedcba9876543210",
  bootPins: [
    { pin: 25, mode: 3, level: 1 },
    { pin: 4, mode: 1, level: 0 },
  ],
  sequence: 7,
};

const GOLDEN =
  "4845415254484231" + // HEARTHB1
  "01000000" +
  "04030201" +
  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff" +
  "72656c61790000000000000000000000" +
  "312e322e330000000000000000000000" +
  "0123456789abcdef" +
  "fedcba9876543210" +
  "00000000" +
  "0200" +
  `19130401${"00".repeat(28)}` +
  "0000" +
  "00".repeat(64 + 44) +
  "07000000" +
  "00000000";

test("a header has the bytes of docs/WIRE.md", () => {
  const bytes = encodeHeader(HEADER);
  expect(bytes.length).toBe(HEADER_BYTES);
  expect(Buffer.from(bytes.subarray(0, 252)).toString("hex")).toBe(GOLDEN);
  const crc = new DataView(bytes.buffer).getUint32(252, true);
  expect(crc).toBe(crc32(bytes.subarray(0, 252)));
});

test("a header decodes to what was encoded", () => {
  expect(decodeHeader(encodeHeader(HEADER))).toEqual(HEADER);
});

test("every truncation of a header is refused", () => {
  const bytes = encodeHeader(HEADER);
  for (let length = 0; length < HEADER_BYTES; length++) expect(decodeHeader(bytes.subarray(0, length))).toBeString();
});

test("every single flipped bit of a header is refused", () => {
  for (let bit = 0; bit < HEADER_BYTES * 8; bit++) {
    const bytes = encodeHeader(HEADER);
    bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(decodeHeader(bytes)).toBeString();
  }
});

test("a header with a right checksum but an unknown flag, version, mode or number of pins is refused", () => {
  for (const [offset, value] of [
    [96, 1],
    [8, 2],
    [103, 0x15],
    [103, 0x23],
    [100, 17],
    [12, 0],
  ] as const) {
    const bytes = encodeHeader({ ...HEADER, bodyLength: 5 });
    bytes[offset] = value;
    new DataView(bytes.buffer).setUint32(252, crc32(bytes.subarray(0, 252)), true);
    expect(decodeHeader(bytes)).toBeString();
  }
});

test("names that do not fit are the caller's mistake", () => {
  expect(() => encodeHeader({ ...HEADER, profile: "seventeen_letters" })).toThrow(RangeError);
  expect(() => encodeHeader({ ...HEADER, version: "" })).toThrow(RangeError);
  expect(() => encodeHeader({ ...HEADER, engineId: "12" })).toThrow(RangeError);
});

test("a bundle with any byte missing, added or changed in its body is refused", () => {
  const bundle = encodeBundle(new Uint8Array([1, 2, 3, 4]), { ...HEADER, bootPins: [] });
  expect(decodeBundle(bundle)).not.toBeString();
  expect(decodeBundle(bundle.subarray(0, -1))).toContain("3 bytes");
  expect(decodeBundle(new Uint8Array([...bundle, 0]))).toContain("5 bytes");
  const changed = bundle.slice();
  changed[HEADER_BYTES] = 9;
  expect(decodeBundle(changed)).toContain("SHA-256");
});

/** IEEE 802.3, bit by bit: written apart from the tools' own. */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}
