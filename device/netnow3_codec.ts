// Version 3 of the ESP-NOW application protocol as bytes: sealed frames, the three frames of pairing, and the pair's key. Pure but for
// native's ciphers; who may say what when is netnow3_central.ts and netnow3_peripheral.ts. Source: docs/WIRE.md, chapter ESP-NOW.

import { type NetnowKeys, same } from "./netnow_codec.ts";

/** Sealed under the pair's key. */
export const DATA3 = 1;
export const CONFIRM3 = 2;
export const WAKEUP3 = 3;
export const BACK3 = 4;
/** In clear, authenticated by the group's key. */
export const BEACON3 = 16;
export const REQUEST3 = 17;
export const ANSWER3 = 18;

export const VERSION3 = 3;
/** version(1) type(1) session(4) count(4) */
const HEAD = 10;
/** Bytes of a session with its count: the number of one frame. */
export const NUMBER_LENGTH = 8;
const NUMBER_AT = 2;
const AEAD_TAG = 16;
const TAG = 16;
export const CHALLENGE_LENGTH = 8;
export const POINT_LENGTH = 32;
const BODY_AT = 2;
const LABEL = "hearth espnow 3";

/** The key of all frames of pairing: it proves that both know `espnowpsk` and `espnowgroup`. */
export function groupKey(keys: NetnowKeys): Uint8Array {
  return native.hmacSha256(keys.key, join([native.encodeText(LABEL), keys.group]));
}

/** What both sides of a pairing have seen: it goes into the answer's tag and into the key. */
export function transcript(central: string, peripheral: string, challenge: Uint8Array, point: Uint8Array): Uint8Array {
  return join([native.encodeText(central + peripheral), challenge, point]);
}

/** The pair's key: HKDF-SHA256 (RFC 5869) with the group's key as salt, the X25519 secret as input, 32 bytes. */
export function pairKey(group: Uint8Array, secret: Uint8Array, seen: Uint8Array, answerPoint: Uint8Array): Uint8Array {
  return native.hmacSha256(native.hmacSha256(group, secret), join([seen, answerPoint, new Uint8Array([1])]));
}

/** A frame of pairing; `context` is what its tag vouches for beyond its own bytes. */
export function encodePairing(group: Uint8Array, type: number, body: Uint8Array, context: Uint8Array): Uint8Array {
  const head = join([new Uint8Array([VERSION3, type]), body]);
  return join([head, pairingTag(group, head, context)]);
}

/** The body of a frame of pairing of `length` bytes, or undefined when it is none or its tag is wrong. */
export function openPairing(
  group: Uint8Array,
  frame: Uint8Array,
  length: number,
  context: Uint8Array,
): Uint8Array | undefined {
  const end = BODY_AT + length;
  if (frame.length !== end + TAG) return undefined;
  const good = same(frame.subarray(end), pairingTag(group, frame.subarray(0, end), context));
  return good ? frame.slice(BODY_AT, end) : undefined;
}

function pairingTag(group: Uint8Array, head: Uint8Array, context: Uint8Array): Uint8Array {
  return native.hmacSha256(group, join([head, context])).subarray(0, TAG);
}

/** `number` is the session and the count of this frame; a key never sees one of them twice in the same direction. */
export function seal(
  key: Uint8Array,
  fromCentral: boolean,
  type: number,
  number: Uint8Array,
  plain: Uint8Array,
): Uint8Array {
  const head = join([new Uint8Array([VERSION3, type]), number]);
  return join([head, native.aeadSeal(key, nonce(fromCentral, number), head, plain)]);
}

/** What was sealed, or undefined when it does not verify. */
export function unseal(key: Uint8Array, fromCentral: boolean, frame: Uint8Array): Uint8Array | undefined {
  if (frame.length < HEAD + AEAD_TAG) return undefined;
  return native.aeadOpen(key, nonce(fromCentral, numberOf(frame)), frame.subarray(0, HEAD), frame.subarray(HEAD));
}

/** Its session and count. */
export function numberOf(frame: Uint8Array): Uint8Array {
  return frame.slice(NUMBER_AT, HEAD);
}

/** Direction, then zeros, then the number. */
function nonce(fromCentral: boolean, number: Uint8Array): Uint8Array {
  return join([new Uint8Array([fromCentral ? 1 : 0, 0, 0, 0]), number]);
}

/** The point of RFC 7748 from which a scalar makes a public key. */
export function basePoint(): Uint8Array {
  const point = new Uint8Array(POINT_LENGTH);
  point[0] = 9;
  return point;
}

/** An unsigned number of 4 bytes. */
export function read32(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let index = at; index < at + 4; index++) value = value * 256 + (bytes[index] as number);
  return value;
}

export function join(parts: Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  length = 0;
  for (const part of parts) {
    out.set(part, length);
    length += part.length;
  }
  return out;
}
