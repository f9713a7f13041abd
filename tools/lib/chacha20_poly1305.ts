// The AEAD of RFC 8439 (ChaCha20 and Poly1305) on the PC, because Bun's node:crypto has no ChaCha20. It owns the cipher only; keys and
// nonces are the caller's. Written for streams of frames, not to resist timing attacks by code on the same machine.

export const KEY_BYTES = 32;
export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;

/** Encrypts; returns the cipher text followed by its 16-byte tag. */
export function seal(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, ad: Uint8Array): Uint8Array {
  const state = chachaState(key, nonce);
  const out = new Uint8Array(plain.length + TAG_BYTES);
  const oneTimeKey = firstBlock(state);
  applyStream(state, plain, out);
  out.set(tagOf(oneTimeKey, ad, out.subarray(0, plain.length)), plain.length);
  return out;
}

/** Decrypts what `seal` made; undefined when the tag does not verify. */
export function open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, ad: Uint8Array): Uint8Array | undefined {
  if (sealed.length < TAG_BYTES) return undefined;
  const state = chachaState(key, nonce);
  const length = sealed.length - TAG_BYTES;
  const tag = tagOf(firstBlock(state), ad, sealed.subarray(0, length));
  let difference = 0;
  for (let i = 0; i < TAG_BYTES; i++) difference |= tag[i]! ^ sealed[length + i]!;
  if (difference !== 0) return undefined;
  const plain = new Uint8Array(length);
  applyStream(state, sealed.subarray(0, length), plain);
  return plain;
}

function chachaState(key: Uint8Array, nonce: Uint8Array): Uint32Array {
  if (key.length !== KEY_BYTES || nonce.length !== NONCE_BYTES) throw new RangeError("key of 32 and nonce of 12 bytes");
  const state = new Uint32Array(16);
  state.set([0x61707865, 0x3320646e, 0x79622d32, 0x6b206574]);
  for (let i = 0; i < 8; i++) state[4 + i] = word(key, i * 4);
  for (let i = 0; i < 3; i++) state[13 + i] = word(nonce, i * 4);
  return state;
}

const block = new Uint32Array(16);
const blockBytes = new Uint8Array(64);

/** Computes the next 64 bytes of key stream into `blockBytes` and moves the counter on. */
function nextBlock(state: Uint32Array): void {
  block.set(state);
  for (let round = 0; round < 10; round++) {
    quarter(0, 4, 8, 12);
    quarter(1, 5, 9, 13);
    quarter(2, 6, 10, 14);
    quarter(3, 7, 11, 15);
    quarter(0, 5, 10, 15);
    quarter(1, 6, 11, 12);
    quarter(2, 7, 8, 13);
    quarter(3, 4, 9, 14);
  }
  for (let i = 0; i < 16; i++) putWord(blockBytes, i * 4, block[i]! + state[i]!);
  state[12]!++;
}

function quarter(ia: number, ib: number, ic: number, id: number): void {
  let a = block[ia]! | 0;
  let b = block[ib]! | 0;
  let c = block[ic]! | 0;
  let d = block[id]! | 0;
  a = (a + b) | 0;
  d ^= a;
  d = (d << 16) | (d >>> 16);
  c = (c + d) | 0;
  b ^= c;
  b = (b << 12) | (b >>> 20);
  a = (a + b) | 0;
  d ^= a;
  d = (d << 8) | (d >>> 24);
  c = (c + d) | 0;
  b ^= c;
  b = (b << 7) | (b >>> 25);
  block[ia] = a;
  block[ib] = b;
  block[ic] = c;
  block[id] = d;
}

function firstBlock(state: Uint32Array): Uint8Array {
  nextBlock(state);
  return blockBytes.slice(0, 32);
}

function applyStream(state: Uint32Array, from: Uint8Array, to: Uint8Array): void {
  for (let at = 0; at < from.length; at += 64) {
    nextBlock(state);
    const end = Math.min(64, from.length - at);
    for (let i = 0; i < end; i++) to[at + i] = from[at + i]! ^ blockBytes[i]!;
  }
}

/** The tag of RFC 8439 section 2.8: over ad and text, each padded to 16 bytes, and their lengths. */
function tagOf(oneTimeKey: Uint8Array, ad: Uint8Array, text: Uint8Array): Uint8Array {
  const padded = (length: number) => (length + 15) & ~15;
  const all = new Uint8Array(padded(ad.length) + padded(text.length) + 16);
  all.set(ad);
  all.set(text, padded(ad.length));
  putWord(all, all.length - 16, ad.length);
  putWord(all, all.length - 8, text.length);
  return poly1305(oneTimeKey, all);
}

const LIMB = 2 ** 22;
const MASK = LIMB - 1;
const PRIME = (1n << 130n) - 5n;

/**
 * Poly1305 over whole 16-byte blocks. Numbers are six limbs of 22 bits in doubles: a product of two limbs, times 20 for the
 * wrap-around (2^132 = 4 * 2^130 = 20 modulo the prime), summed six times, stays below 2^53.
 */
function poly1305(key: Uint8Array, message: Uint8Array): Uint8Array {
  const r = limbs(
    word(key, 0) & 0x0fffffff,
    word(key, 4) & 0x0ffffffc,
    word(key, 8) & 0x0ffffffc,
    word(key, 12) & 0x0ffffffc,
    0,
  );
  const h = new Float64Array(6);
  const product = new Float64Array(6);
  for (let at = 0; at < message.length; at += 16) {
    const m = limbs(word(message, at), word(message, at + 4), word(message, at + 8), word(message, at + 12), 1);
    for (let i = 0; i < 6; i++) h[i]! += m[i]!;
    for (let k = 0; k < 6; k++) {
      let low = 0;
      let high = 0;
      for (let i = 0; i <= k; i++) low += h[i]! * r[k - i]!;
      for (let i = k + 1; i < 6; i++) high += h[i]! * r[k + 6 - i]!;
      product[k] = low + high * 20;
    }
    let carry = 0;
    for (let k = 0; k < 6; k++) {
      const sum = product[k]! + carry;
      carry = Math.floor(sum / LIMB);
      h[k] = sum - carry * LIMB;
    }
    const first = h[0]! + carry * 20;
    carry = Math.floor(first / LIMB);
    h[0] = first - carry * LIMB;
    h[1]! += carry;
  }
  let value = 0n;
  for (let i = 5; i >= 0; i--) value = (value << 22n) + BigInt(h[i]!);
  value %= PRIME;
  for (let i = 0; i < 16; i++) value += BigInt(key[16 + i]!) << BigInt(8 * i);
  const tag = new Uint8Array(TAG_BYTES);
  for (let i = 0; i < 16; i++) tag[i] = Number((value >> BigInt(8 * i)) & 0xffn);
  return tag;
}

function limbs(a: number, b: number, c: number, d: number, top: number): Float64Array {
  const out = new Float64Array(6);
  out[0] = a & MASK;
  out[1] = ((a >>> 22) | (b << 10)) & MASK;
  out[2] = ((b >>> 12) | (c << 20)) & MASK;
  out[3] = (c >>> 2) & MASK;
  out[4] = ((c >>> 24) | (d << 8)) & MASK;
  out[5] = (d >>> 14) | (top << 18);
  return out;
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

function putWord(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}
