// A bundle's body as its difference from another one (docs/WIRE.md, "Patch"): what is in both is copied on the device, the rest is sent. Pure; sending is
// put_stream.ts's.

/** Most bytes of a body that one frame may make: a device writes them in one go. */
export const PATCH_OUTPUT_MAX = 16_384;
/** Bytes that have to be alike before something elsewhere is worth a copy, and at the place where the last copy would go on. */
const FAR_MIN = 16;
const NEAR_MIN = 4;
/** Places of the old body that are tried for the same bytes. */
const TRIES_MAX = 16;
const KEY_BYTES = 8;

export interface PatchFrame {
  /** The bytes of the body that it makes, from `at` up to `end`. */
  at: number;
  end: number;
  /** The frame's content: the operations. */
  operations: Uint8Array;
}

/** Frames that make `body` out of `base`, each with at most `chunk` bytes. */
export function patchFrames(base: Uint8Array, body: Uint8Array, chunk: number): PatchFrame[] {
  const frames: PatchFrame[] = [];
  let out = new Operations(0);
  const room = () => PATCH_OUTPUT_MAX - (out.end - out.at);
  const next = () => {
    if (out.end > out.at) frames.push({ at: out.at, end: out.end, operations: Uint8Array.from(out.bytes) });
    out = new Operations(out.end);
  };
  for (const { from, to, at } of runs(base, body)) {
    for (let done = at; done < to; ) {
      if (room() === 0 || chunk - out.bytes.length < MARGIN) next();
      let length = Math.min(to - done, room());
      if (from === undefined) length = Math.min(length, chunk - out.bytes.length - VARINT_MAX);
      if (from === undefined) out.literal(body.subarray(done, done + length));
      else out.copy(from + done - at, length);
      done += length;
    }
  }
  next();
  return frames;
}

const VARINT_MAX = 5;
/** Room that any operation finds. */
const MARGIN = 2 * VARINT_MAX + 1;

class Operations {
  readonly bytes: number[] = [];
  end: number;
  /** Where a copy goes on if nothing else is said. */
  #cursor: number;

  constructor(readonly at: number) {
    this.end = this.#cursor = at;
  }

  literal(bytes: Uint8Array): void {
    this.#number(bytes.length * 2);
    this.bytes.push(...bytes);
    this.end += bytes.length;
    this.#cursor += bytes.length;
  }

  copy(from: number, length: number): void {
    this.#number(length * 2 + 1);
    const step = from - this.#cursor;
    this.#number(step < 0 ? -step * 2 - 1 : step * 2);
    this.end += length;
    this.#cursor = from + length;
  }

  #number(value: number): void {
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.bytes.push((rest % 128) | 128);
    this.bytes.push(rest);
  }
}

interface Run {
  /** Where it is in the base; undefined: nowhere. */
  from: number | undefined;
  at: number;
  to: number;
}

/** The body as runs that are in the base and runs that are not. */
function* runs(base: Uint8Array, body: Uint8Array): Generator<Run> {
  const places = index(base);
  let literal = 0;
  let shift = 0;
  for (let at = 0; at < body.length; ) {
    let from = at + shift;
    let length = alike(base, from, body, at);
    if (length < NEAR_MIN && at + length < body.length) {
      length = 0;
      for (const place of places.get(key(body, at)) ?? []) {
        const found = alike(base, place, body, at);
        if (found > length) [from, length] = [place, found];
      }
      if (length < FAR_MIN) length = 0;
    }
    if (length === 0) {
      at++;
      continue;
    }
    if (at > literal) yield { from: undefined, at: literal, to: at };
    yield { from, at, to: at + length };
    shift = from - at;
    at += length;
    literal = at;
  }
  if (body.length > literal) yield { from: undefined, at: literal, to: body.length };
}

function index(base: Uint8Array): Map<string, number[]> {
  const places = new Map<string, number[]>();
  for (let at = 0; at + KEY_BYTES <= base.length; at++) {
    const here = places.get(key(base, at));
    if (here === undefined) places.set(key(base, at), [at]);
    else if (here.length < TRIES_MAX) here.push(at);
  }
  return places;
}

function key(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + KEY_BYTES));
}

function alike(base: Uint8Array, from: number, body: Uint8Array, at: number): number {
  let length = 0;
  if (from < 0) return 0;
  while (from + length < base.length && at + length < body.length && base[from + length] === body[at + length])
    length++;
  return length;
}
