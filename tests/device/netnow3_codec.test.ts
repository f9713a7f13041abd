// Proves the bytes of version 3 against vectors that another implementation made from docs/WIRE.md, and that nothing else is believed.

import { beforeEach, describe, expect, test } from "bun:test";
import { netnowKeys } from "../../device/netnow_codec.ts";
import {
  ANSWER3,
  BACK3,
  BEACON3,
  basePoint,
  CONFIRM3,
  DATA3,
  encodePairing,
  groupKey,
  join,
  openPairing,
  pairKey,
  REQUEST3,
  seal,
  transcript,
  unseal,
  WAKEUP3,
} from "../../device/netnow3_codec.ts";
import { freshNative } from "../support/fresh_native.ts";
import { bytesOf, hexOf, textBytes } from "../support/hex.ts";
import vectors from "../vectors/espnow_v3.json";

const TYPES: Record<string, number> = { data: DATA3, confirm: CONFIRM3, wakeup: WAKEUP3, back: BACK3 };

const group = bytesOf(vectors.groupKey);
const key = bytesOf(vectors.pairKey);
const challenge = bytesOf(vectors.challenge);
const macs = vectors.centralMac + vectors.peripheralMac;

beforeEach(() => void freshNative());

const point = (scalar: string) => native.x25519(bytesOf(scalar), basePoint()) as Uint8Array;
const seen = () => transcript(vectors.centralMac, vectors.peripheralMac, challenge, point(vectors.peripheralScalar));
/** Each frame of pairing with the length of its body and its tag's context. */
const pairing = (): [string, string, number, Uint8Array, Uint8Array][] => [
  ["beacon", vectors.beacon, BEACON3, challenge, textBytes(vectors.centralMac)],
  ["request", vectors.request, REQUEST3, join([challenge, point(vectors.peripheralScalar)]), textBytes(macs)],
  ["answer", vectors.answer, ANSWER3, point(vectors.centralScalar), seen()],
];

test("the group's key", () => {
  expect(hexOf(groupKey(netnowKeys(vectors.psk, vectors.group)))).toBe(vectors.groupKey);
});

test("the frames of pairing, both ways", () => {
  for (const [name, frame, type, body, context] of pairing()) {
    expect([name, hexOf(encodePairing(group, type, body, context))]).toEqual([name, frame]);
    expect([name, hexOf(openPairing(group, bytesOf(frame), body.length, context))]).toEqual([name, hexOf(body)]);
  }
});

test("the pair's key, from either side", () => {
  for (const [mine, its] of [
    [vectors.centralScalar, vectors.peripheralScalar],
    [vectors.peripheralScalar, vectors.centralScalar],
  ] as const) {
    const secret = native.x25519(bytesOf(mine), point(its)) as Uint8Array;
    expect(hexOf(pairKey(group, secret, seen(), point(vectors.centralScalar)))).toBe(vectors.pairKey);
  }
});

for (const vector of vectors.frames) {
  test(`${vector.type} ${vector.session}/${vector.count}, both ways`, () => {
    const number = new Uint8Array(8);
    new DataView(number.buffer).setUint32(0, vector.session);
    new DataView(number.buffer).setUint32(4, vector.count);
    const plain = bytesOf(vector.plain);
    expect(hexOf(seal(key, vector.fromCentral, TYPES[vector.type] as number, number, plain))).toBe(vector.frame);
    const opened = unseal(key, vector.fromCentral, bytesOf(vector.frame));
    expect(opened).toBeDefined();
    expect(hexOf(opened)).toBe(vector.plain);
    expect(bytesOf(vector.frame).length).toBeLessThanOrEqual(250);
  });
}

describe("refused are", () => {
  /** Each frame and how it is opened. */
  const each = (): [Uint8Array, (frame: Uint8Array) => Uint8Array | undefined][] => [
    ...pairing().map(([, frame, , body, context]): [Uint8Array, (frame: Uint8Array) => Uint8Array | undefined] => [
      bytesOf(frame),
      (some) => openPairing(group, some, body.length, context),
    ]),
    ...vectors.frames.map((vector): [Uint8Array, (frame: Uint8Array) => Uint8Array | undefined] => [
      bytesOf(vector.frame),
      (some) => unseal(key, vector.fromCentral, some),
    ]),
  ];

  test("every truncation, and one byte too many", () => {
    for (const [frame, open] of each()) {
      for (let length = 0; length < frame.length; length++) expect(open(frame.slice(0, length))).toBeUndefined();
      expect(open(Uint8Array.of(...frame, 0))).toBeUndefined();
    }
  });

  test("every flip of one bit", () => {
    for (const [frame, open] of each())
      for (let bit = 0; bit < frame.length * 8; bit++) {
        const bad = frame.slice();
        bad[bit >> 3]! ^= 1 << (bit & 7);
        expect(open(bad)).toBeUndefined();
      }
  });

  test("a frame thrown back at who sent it", () => {
    for (const vector of vectors.frames)
      expect(unseal(key, !vector.fromCentral, bytesOf(vector.frame))).toBeUndefined();
  });

  test("a frame of pairing in other circumstances: other MACs, another challenge, another key", () => {
    const other = textBytes(vectors.peripheralMac + vectors.centralMac);
    expect(openPairing(group, bytesOf(vectors.request), 40, other)).toBeUndefined();
    const stale = transcript(vectors.centralMac, vectors.peripheralMac, bytesOf("00".repeat(8)), new Uint8Array(32));
    expect(openPairing(group, bytesOf(vectors.answer), 32, stale)).toBeUndefined();
    const foreign = groupKey(netnowKeys(vectors.psk, "other"));
    expect(openPairing(foreign, bytesOf(vectors.beacon), 8, textBytes(vectors.centralMac))).toBeUndefined();
  });
});
