// What a device tells of a bundle that the tool does not have (docs/WIRE.md, "Blocks"): a sum of each block. Those that are somewhere in the new body can
// be copied from where the device has them. Asking is the caller's.

export const BLOCK_BYTES = 512;
export const SUM_BYTES = 6;
/** No body is longer. */
const BODY_MAX = 16 << 20;
/** In a base of which not everything is known: no byte. */
export const UNKNOWN = 0xffff;
const FACTORS = [0x01000193, 0x9e3779b1] as const;

/** The sums of whole blocks from `bytes[from]` on, as a device tells them. */
export function blockSums(bytes: Uint8Array, first: number, count: number): Uint8Array {
  const sums = new Uint8Array(count * SUM_BYTES);
  const view = new DataView(sums.buffer);
  for (let block = 0; block < count; block++) {
    const sum = new Rolling();
    for (let at = (first + block) * BLOCK_BYTES, end = at + BLOCK_BYTES; at < end; at++) sum.add(bytes[at] as number);
    view.setUint32(block * SUM_BYTES, sum.one);
    view.setUint16(block * SUM_BYTES + 4, sum.other >>> 16);
  }
  return sums;
}

/** Asks a device for its sums, in answers that begin at block `first`, until it has told all; what is known of its body then. */
export async function askKnownBase(
  ask: (first: number) => Promise<Uint8Array>,
  body: Uint8Array,
): Promise<Uint16Array> {
  const sums: Uint8Array[] = [];
  for (let first = 0; ; ) {
    const answer = Buffer.from(await ask(first));
    const length = Math.min(answer.length < 4 ? 0 : answer.readUInt32BE(0), BODY_MAX);
    sums.push(answer.subarray(4));
    const count = Math.floor((answer.length - 4) / SUM_BYTES);
    first += count;
    if (count < 1 || first >= Math.floor(length / BLOCK_BYTES)) return knownBase(length, Buffer.concat(sums), body);
  }
}

/** The body of `length` bytes that has these sums, as far as its blocks are anywhere in `body`; UNKNOWN elsewhere. */
export function knownBase(length: number, sums: Uint8Array, body: Uint8Array): Uint16Array {
  const base = new Uint16Array(length).fill(UNKNOWN);
  const view = new DataView(sums.buffer, sums.byteOffset, sums.length);
  const blocks = new Map<number, number[]>();
  for (let block = 0; (block + 1) * SUM_BYTES <= sums.length && (block + 1) * BLOCK_BYTES <= length; block++) {
    const sum = view.getUint32(block * SUM_BYTES);
    const here = blocks.get(sum);
    if (here === undefined) blocks.set(sum, [block]);
    else here.push(block);
  }
  const sum = new Rolling();
  for (let at = 0; at < body.length; at++) {
    sum.add(body[at] as number);
    if (at >= BLOCK_BYTES) sum.remove(body[at - BLOCK_BYTES] as number);
    if (at < BLOCK_BYTES - 1) continue;
    for (const block of blocks.get(sum.one) ?? [])
      if (view.getUint16(block * SUM_BYTES + 4) === sum.other >>> 16)
        base.set(body.subarray(at + 1 - BLOCK_BYTES, at + 1), block * BLOCK_BYTES);
  }
  return base;
}

/** Two polynomials modulo 2^32 over the last bytes. */
class Rolling {
  one = 0;
  other = 0;

  add(byte: number): void {
    this.one = (Math.imul(this.one, FACTORS[0]) + byte) >>> 0;
    this.other = (Math.imul(this.other, FACTORS[1]) + byte) >>> 0;
  }

  /** A byte that was added BLOCK_BYTES bytes before the last one. */
  remove(byte: number): void {
    this.one = (this.one - Math.imul(OLDEST[0], byte)) >>> 0;
    this.other = (this.other - Math.imul(OLDEST[1], byte)) >>> 0;
  }
}

/** What a byte counts for when it leaves the block. */
const OLDEST = FACTORS.map((factor) => {
  let power = 1;
  for (let count = 0; count < BLOCK_BYTES; count++) power = Math.imul(power, factor);
  return power;
}) as unknown as readonly [number, number];
