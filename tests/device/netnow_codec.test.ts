// Proves the codec of ESP-NOW version 2 on frames that the old fleet's own code made.

import { beforeEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import {
  BACK,
  BACK_MAX,
  CONFIRM,
  DATA,
  DATA_MAX,
  decodeFrame,
  encodeFrame,
  netnowKeys,
  PAIR,
  type Packet,
  PING,
  PLAIN,
  TIME,
  timeMinus,
  timePlus,
  WAKEUP,
} from "../../device/netnow_codec.ts";
import { freshNative } from "../support/fresh_native.ts";
import { bytesOf, hexOf } from "../support/hex.ts";
import { frames } from "../vectors/espnow_v2.json";

interface Vector {
  psk: string;
  group: string;
  type: string;
  timestamp?: string;
  tid?: string;
  confirms?: string;
  payload?: string;
  plaintext: string;
  frame: string;
  length: number;
}

const vectors = frames as Vector[];
const TYPES: Record<string, [type: number, subtype: number]> = {
  data: [DATA, 0],
  ping: [PING, 0],
  pairreq: [PAIR, 0],
  wakeup: [WAKEUP, 0],
  ts: [TIME, PLAIN],
  tsconfirm: [TIME, CONFIRM],
  tsback: [TIME, BACK],
};

function packetOf(vector: Vector): Packet {
  const [type, subtype] = TYPES[vector.type] as [number, number];
  return {
    type,
    subtype,
    time: bytesOf(
      BigInt(vector.timestamp ?? "0")
        .toString(16)
        .padStart(24, "0"),
    ),
    tid: bytesOf(vector.tid ?? "00".repeat(12)),
    payload: bytesOf(vector.confirms ?? vector.payload ?? ""),
  };
}

const keysOf = (vector: Vector) => netnowKeys(vector.psk, vector.group);
const one = (type: string): Vector => vectors.find((each) => each.type === type) as Vector;
/** A frame around any block, made without the codec's encoder. */
function frameOf(keys: { key: Uint8Array }, block: Uint8Array): Uint8Array {
  const iv = bytesOf("000102030405060708090a0b0c0d0e0f");
  const sealed = Buffer.concat([iv, native.aesCbc(true, keys.key, iv, block)]);
  const pad = (value: number) => Buffer.from(keys.key.map((byte) => byte ^ value));
  const sha = (...parts: Uint8Array[]) => createHash("sha256").update(Buffer.concat(parts)).digest();
  return new Uint8Array(Buffer.concat([sealed, sha(pad(0x5c), sha(pad(0x36), sealed)).subarray(0, 12)]));
}

beforeEach(() => {
  freshNative();
});

describe("the old fleet's frames", () => {
  test("are all there", () => expect(vectors.length).toBe(24));

  for (const [index, vector] of vectors.entries()) {
    test(`${index} ${vector.type} decodes to what it says`, () => {
      expect(decodeFrame(keysOf(vector), bytesOf(vector.frame))).toEqual(packetOf(vector));
    });

    test(`${index} ${vector.type} is made again with the same IV`, () => {
      const iv = bytesOf(vector.frame).slice(0, 16);
      (native as { random: (length: number) => Uint8Array }).random = () => iv;
      expect(hexOf(encodeFrame(keysOf(vector), packetOf(vector)))).toBe(vector.frame);
    });
  }
});

describe("refusals", () => {
  test("every truncation, and one byte too many", () => {
    for (const vector of vectors) {
      const whole = bytesOf(vector.frame);
      for (let length = 0; length < whole.length; length++) {
        expect(typeof decodeFrame(keysOf(vector), whole.slice(0, length))).toBe("string");
      }
      expect(decodeFrame(keysOf(vector), Uint8Array.of(...whole, 0))).toBe("short");
    }
  });

  test("every flip of one bit", () => {
    for (const vector of vectors) {
      const keys = keysOf(vector);
      for (let bit = 0; bit < vector.length * 8; bit++) {
        const bad = bytesOf(vector.frame);
        bad[bit >> 3] = (bad[bit >> 3] as number) ^ (1 << (bit & 7));
        expect(decodeFrame(keys, bad)).toBe("hmac");
      }
    }
  });

  test("another key, another group", () => {
    const vector = one("data");
    expect(decodeFrame(netnowKeys("other", vector.group), bytesOf(vector.frame))).toBe("hmac");
    expect(decodeFrame(netnowKeys(vector.psk, "other"), bytesOf(vector.frame))).toBe("group");
  });

  for (const [name, type, at, value, reason] of [
    ["another version", "data", 0, 3, "version"],
    ["type 0", "data", 1, 0, "type"],
    ["type 6", "data", 1, 6, "type"],
    ["subtype 3 of the time", "ts", 10, 3, "type"],
  ] as const) {
    test(name, () => {
      const vector = one(type);
      const plain = bytesOf(vector.plaintext);
      plain[at] = value;
      const block = new Uint8Array((plain.length + 16) & ~15);
      block[0] = plain.length;
      block.set(plain, 1);
      expect(decodeFrame(keysOf(vector), frameOf(keysOf(vector), block))).toBe(reason);
    });
  }

  test("a length byte that is too small for the body, or larger than the block", () => {
    const vector = one("tsconfirm");
    const plain = bytesOf(vector.plaintext);
    for (const [length, good] of [
      [plain.length, true],
      [plain.length - 1, false],
      [34, false],
      [9, false],
      [0, false],
      [255, false],
    ] as const) {
      const block = new Uint8Array((plain.length + 16) & ~15);
      block.set(plain, 1);
      block[0] = length;
      const result = decodeFrame(keysOf(vector), frameOf(keysOf(vector), block));
      expect(good ? typeof result : result).toBe(good ? "object" : "length");
    }
  });

  test("junk of every length", () => {
    const keys = netnowKeys("bla", "home");
    for (let length = 0; length <= 260; length++) {
      const junk = Uint8Array.from({ length }, (_, index) => (index * 73 + length * 31) & 255);
      expect(typeof decodeFrame(keys, junk)).toBe("string");
    }
  });
});

describe("frames of ours", () => {
  const packet = (type: number, subtype: number, payload: Uint8Array): Packet => ({
    type,
    subtype,
    time: bytesOf("00112233445566778899aabb"),
    tid: bytesOf("ffeeddccbbaa998877665544"),
    payload,
  });

  test("payloads of every length come back", () => {
    const keys = netnowKeys("key", "group");
    for (let length = 0; length <= DATA_MAX; length++) {
      const sent = packet(DATA, 0, new Uint8Array(length).fill(length));
      const frame = encodeFrame(keys, sent);
      expect(frame.length).toBeLessThanOrEqual(250);
      expect(decodeFrame(keys, frame)).toEqual(sent);
    }
    const back = packet(TIME, BACK, new Uint8Array(BACK_MAX).fill(7));
    expect(decodeFrame(keys, encodeFrame(keys, back))).toEqual(back);
  });

  test("a longer payload is the programmer's error", () => {
    const keys = netnowKeys("key", "group");
    expect(() => encodeFrame(keys, packet(DATA, 0, new Uint8Array(DATA_MAX + 1)))).toThrow("plain text of 208 bytes");
    expect(() => encodeFrame(keys, packet(TIME, BACK, new Uint8Array(BACK_MAX + 1)))).toThrow();
  });

  test("each has an IV of its own", () => {
    const keys = netnowKeys("key", "group");
    const sent = packet(PING, 0, new Uint8Array(0));
    expect(hexOf(encodeFrame(keys, sent)).slice(0, 32)).not.toBe(hexOf(encodeFrame(keys, sent)).slice(0, 32));
  });
});

describe("time", () => {
  const time = (value: bigint) => bytesOf(value.toString(16).padStart(24, "0"));
  const TOP = 1n << 96n;

  test("plus carries and borrows over all bytes, modulo 2^96", () => {
    for (const start of [0n, 255n, 0xffffffffn, (1n << 64n) - 1n, TOP - 1n, 1n << 40n]) {
      for (const ms of [0, 1, 255, 256, 65_536, 4_294_967_296, -1, -256, -70_000]) {
        expect(hexOf(timePlus(time(start), ms))).toBe(hexOf(time((start + BigInt(ms) + TOP) % TOP)));
      }
    }
  });

  test("minus is exact, also across a borrow from the top", () => {
    for (const start of [0n, 255n, 1n << 88n, (1n << 95n) - 1n]) {
      for (const ms of [0, 1, 999, 120_000, 2 ** 40, 2 ** 52]) {
        expect(timeMinus(time(start + BigInt(ms)), time(start))).toBe(ms);
        expect(timeMinus(time(start), time(start + BigInt(ms)))).toBe(0 - ms);
      }
    }
    expect(timeMinus(time(1n << 95n), time(0n))).toBe(2 ** 95);
  });
});
