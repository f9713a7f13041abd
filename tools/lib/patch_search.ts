// Finds what of a body is somewhere already: in another body, or earlier in itself. The cheapest way as docs/WIRE.md's operations count it ("Patch"), or
// close to it; writing them is patch_frames.ts's. Pure.

/** Bytes, or numbers that are no bytes where nothing is known: nothing is alike there. */
export type Bytes = Uint8Array | Uint16Array;

/** Bytes of the body that come from one place. */
export interface Run {
  at: number;
  length: number;
  /** Where they are in the base. */
  from?: number;
  /** How far back in the body itself. Without either they are nowhere. */
  distance?: number;
}

/** Of an operation: the lengths that its first byte holds without a number behind it, and the shortest copies. */
export const FIELD_MAX = 7;
export const FAR_MIN = 3;
export const AGAIN_MIN = 2;

/** Places that are tried for the same bytes. */
const TRIES_MAX = 32;
/** A copy of so many bytes is taken without looking for a better way; shorter ones are also tried in part, up to PARTS_MAX. */
const GOOD_LENGTH = 64;
const PARTS_MAX = 32;
const HASH_BITS = 16;

const NOWHERE = 0;
const HERE = 1;
const FAR = 2;
const BACK = 3;
const AGAIN = 4;

/** Bytes of a number as unsigned LEB128. */
export function numberBytes(value: number): number {
  return value < 128 ? 1 : value < 16_384 ? 2 : value < 2_097_152 ? 3 : value < 268_435_456 ? 4 : 5;
}

/** Sign in the lowest bit. */
export function zigzag(step: number): number {
  return step < 0 ? -step * 2 - 1 : step * 2;
}

/** The body in runs, in order and without gaps. */
export function searchRuns(base: Bytes, body: Uint8Array): Run[] {
  return new Search(base, body).runs();
}

class Search {
  readonly #base: Bytes;
  readonly #body: Uint8Array;
  readonly #inBase: Places;
  readonly #inBody: Places;
  /** Of the cheapest way found to each byte: its cost, the last step of it, and the state that it leaves. */
  readonly #cost: Uint32Array;
  readonly #before: Int32Array;
  readonly #kind: Uint8Array;
  /** From a byte's place to that in the base where a copy would go on, the distance of the copy before, bytes of the literal that ends here. */
  readonly #shift: Int32Array;
  readonly #distance: Int32Array;
  readonly #literal: Int32Array;

  constructor(base: Bytes, body: Uint8Array) {
    this.#base = base;
    this.#body = body;
    this.#inBase = new Places(base);
    this.#inBody = new Places(body);
    const count = body.length + 1;
    this.#cost = new Uint32Array(count).fill(0xffffffff);
    this.#before = new Int32Array(count);
    this.#kind = new Uint8Array(count);
    this.#shift = new Int32Array(count);
    this.#distance = new Int32Array(count);
    this.#literal = new Int32Array(count);
  }

  runs(): Run[] {
    for (let at = 0; at + FAR_MIN <= this.#base.length; at++) this.#inBase.add(at);
    this.#cost[0] = 0;
    for (let at = 0; at < this.#body.length; ) at += this.#from(at);
    const runs: Run[] = [];
    for (let end = this.#body.length; end > 0; ) {
      const at = this.#before[end] as number;
      const run: Run = { at, length: end - at };
      const kind = this.#kind[end];
      if (kind === HERE || kind === FAR) run.from = at + (this.#shift[end] as number);
      else if (kind !== NOWHERE) run.distance = this.#distance[end] as number;
      const next = runs.at(-1);
      if (kind === NOWHERE && next !== undefined && next.from === undefined && next.distance === undefined) {
        next.at = at;
        next.length += run.length;
      } else runs.push(run);
      end = at;
    }
    return runs.reverse();
  }

  /** Looks at all ways that go on at `at`; returns how far the next place to look at is. */
  #from(at: number): number {
    const [base, body] = [this.#base, this.#body];
    const cost = this.#cost[at] as number;
    const shift = this.#shift[at] as number;
    const again = this.#distance[at] as number;
    const literal = (this.#literal[at] as number) + 1;
    const longer = literal === FIELD_MAX || literal === FIELD_MAX + 128 ? 1 : 0;
    if (this.#reach(at, 1, cost + 1 + longer, NOWHERE, shift, again)) this.#literal[at + 1] = literal;

    const here = alike(base, at + shift, body, at);
    this.#copies(at, here, 1, 0, HERE, shift, again);
    if (here >= GOOD_LENGTH) return here;
    let best = here;

    if (again > 0) {
      const length = alike(body, at - again, body, at);
      this.#copies(at, length, AGAIN_MIN, 0, AGAIN, shift, again);
      best = Math.max(best, length);
    }
    if (at + FAR_MIN > body.length) return 1;
    const hash = hashAt(body, at);
    for (let place = this.#inBase.last(hash), tries = TRIES_MAX, far = here; place >= 0 && tries > 0; tries--) {
      const length = alike(base, place, body, at);
      if (length > far) {
        this.#copies(at, length, FAR_MIN, numberBytes(zigzag(place - at - shift)), FAR, place - at, again);
        far = length;
      }
      place = this.#inBase.before(place);
      best = Math.max(best, far);
    }
    for (let place = this.#inBody.last(hash), tries = TRIES_MAX, back = 0; place >= 0 && tries > 0; tries--) {
      const length = alike(body, place, body, at);
      if (length > back) {
        this.#copies(at, length, FAR_MIN, numberBytes(at - place), BACK, shift, at - place);
        back = length;
      }
      place = this.#inBody.before(place);
      best = Math.max(best, back);
    }
    this.#inBody.add(at);
    return best >= GOOD_LENGTH ? best : 1;
  }

  /** A copy of `length` bytes from `at` on, and its beginnings, which may leave more for a better one. */
  #copies(at: number, length: number, min: number, numbers: number, kind: number, shift: number, distance: number) {
    const cost = (this.#cost[at] as number) + 1 + numbers;
    for (let part = min; part <= length; part++) {
      if (part > PARTS_MAX || length >= GOOD_LENGTH) part = length;
      const more = part - (kind === HERE ? 0 : min) - FIELD_MAX;
      this.#reach(at, part, cost + (more >= 0 ? numberBytes(more) : 0), kind, shift, distance);
    }
  }

  #reach(at: number, length: number, cost: number, kind: number, shift: number, distance: number): boolean {
    const end = at + length;
    if (cost >= (this.#cost[end] as number)) return false;
    this.#cost[end] = cost;
    this.#before[end] = at;
    this.#kind[end] = kind;
    this.#shift[end] = shift;
    this.#distance[end] = distance;
    this.#literal[end] = 0;
    return true;
  }
}

/** Where in some bytes three of them are, the last place first. */
class Places {
  readonly #bytes: Bytes;
  readonly #last = new Int32Array(1 << HASH_BITS).fill(-1);
  readonly #before: Int32Array;

  constructor(bytes: Bytes) {
    this.#bytes = bytes;
    this.#before = new Int32Array(bytes.length);
  }

  add(at: number): void {
    const hash = hashAt(this.#bytes, at);
    this.#before[at] = this.#last[hash] as number;
    this.#last[hash] = at;
  }

  last(hash: number): number {
    return this.#last[hash] as number;
  }

  before(place: number): number {
    return this.#before[place] as number;
  }
}

function hashAt(bytes: Bytes, at: number): number {
  const three = (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);
  return Math.imul(three, 0x9e3779b1) >>> (32 - HASH_BITS);
}

function alike(one: Bytes, from: number, other: Uint8Array, at: number): number {
  if (from < 0) return 0;
  const most = Math.min(one.length - from, other.length - at);
  let length = 0;
  while (length < most && one[from + length] === other[at + length]) length++;
  return length;
}
