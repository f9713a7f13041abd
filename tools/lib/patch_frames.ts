// A bundle's body as operations (docs/WIRE.md, "Patch"): what the device has already, in the bundle that it runs or earlier in the new one, is copied there,
// the rest is sent. What to copy is patch_search.ts's, sending put_stream.ts's.

import { createHash } from "node:crypto";
import { HEADER_BYTES } from "./bundle.ts";
import { AGAIN_MIN, type Bytes, FAR_MIN, FIELD_MAX, type Run, searchRuns, zigzag } from "./patch_search.ts";

/** What `hello` says of a device that takes these operations. */
export const PATCH_VERSION = 2;
/** Where the bundle that a device runs is not known. */
export const NO_BASE = new Uint8Array(0);
/** Most bytes of a body that one frame makes. A device would take 16384, but writes a frame in one turn of its loop: so it is a sector of flash. */
export const PATCH_OUTPUT_MAX = 4096;
/** What an operation takes at most beside its literal: the first byte, two lengths and a step. */
const OPERATION_MAX = 12;

const HERE = 0;
const FAR = 1;
const BACK = 2;
const AGAIN = 3;

export interface PatchFrame {
  /** The bytes of the body that it makes, from `at` up to `end`. */
  at: number;
  end: number;
  /** The frame's content. */
  operations: Uint8Array;
}

/** Patches that are kept: a fleet is updated from few bundles to few. */
const KEPT_MAX = 8;
const kept = new Map<string, PatchFrame[]>();

/** Frames that make the body of `bundle` where the body `base` runs. */
export function bundlePatch(base: Bytes, bundle: Uint8Array, chunk: number): PatchFrame[] {
  const sum = ({ buffer, byteOffset, byteLength }: Bytes) =>
    createHash("sha256")
      .update(new Uint8Array(buffer, byteOffset, byteLength))
      .digest("hex");
  const key = `${sum(base)} ${sum(bundle)} ${chunk}`;
  const frames = kept.get(key) ?? patchFrames(base, bundle.subarray(HEADER_BYTES), chunk);
  kept.delete(key);
  kept.set(key, frames);
  for (const oldest of kept.keys()) if (kept.size > KEPT_MAX) kept.delete(oldest);
  return frames;
}

/** Frames that make `body`, each with at most `chunk` bytes; `base` is the body that the device runs, or nothing. */
export function patchFrames(base: Bytes, body: Uint8Array, chunk: number): PatchFrame[] {
  const writer = new FrameWriter(body, chunk);
  for (const run of searchRuns(base, body)) writer.add(run);
  return writer.finish();
}

class FrameWriter {
  readonly #body: Uint8Array;
  readonly #chunk: number;
  readonly #frames: PatchFrame[] = [];
  #bytes: number[] = [];
  #at = 0;
  /** What is made by the operations so far, and the literal bytes behind that which belong to the next one. */
  #end = 0;
  #literal = 0;
  /** As the device has them: both begin anew with each frame. */
  #cursor = 0;
  #distance = 0;

  constructor(body: Uint8Array, chunk: number) {
    this.#body = body;
    this.#chunk = chunk;
  }

  add({ length, from, distance }: Run): void {
    for (let done = 0; done < length; ) {
      if (this.#room() <= 0) this.#next();
      let part = Math.min(length - done, PATCH_OUTPUT_MAX - (this.#end + this.#literal - this.#at));
      if (from !== undefined && this.#copyBase(from + done, part)) {
        done += part;
        continue;
      }
      if (distance !== undefined && this.#copyBack(distance, part)) {
        done += part;
        continue;
      }
      // A copy that the frame's end has made too short is sent.
      part = Math.min(part, this.#room());
      this.#literal += part;
      done += part;
    }
  }

  finish(): PatchFrame[] {
    this.#next();
    return this.#frames;
  }

  /** Bytes of a literal that find room. */
  #room(): number {
    return Math.min(
      this.#chunk - this.#bytes.length - this.#literal - OPERATION_MAX,
      PATCH_OUTPUT_MAX - (this.#end + this.#literal - this.#at),
    );
  }

  #copyBase(from: number, length: number): boolean {
    const step = from - this.#cursor - this.#literal;
    if (step !== 0 && length < FAR_MIN) return false;
    if (step === 0) this.#operation(HERE, length);
    else this.#operation(FAR, length - FAR_MIN, zigzag(step));
    this.#end += length;
    this.#cursor = from + length;
    return true;
  }

  #copyBack(distance: number, length: number): boolean {
    if (length < (distance === this.#distance ? AGAIN_MIN : FAR_MIN)) return false;
    if (distance === this.#distance) this.#operation(AGAIN, length - AGAIN_MIN);
    else this.#operation(BACK, length - FAR_MIN, distance);
    this.#distance = distance;
    this.#end += length;
    this.#cursor += length;
    return true;
  }

  /** With the literal before it. */
  #operation(source: number, length: number, place?: number): void {
    const [literal, copied] = [Math.min(this.#literal, FIELD_MAX), Math.min(length, FIELD_MAX)];
    this.#bytes.push((source << 6) | (literal << 3) | copied);
    if (literal === FIELD_MAX) this.#number(this.#literal - FIELD_MAX);
    if (copied === FIELD_MAX) this.#number(length - FIELD_MAX);
    if (place !== undefined) this.#number(place);
    for (const end = this.#end + this.#literal; this.#end < end; this.#end++)
      this.#bytes.push(this.#body[this.#end] as number);
    this.#cursor += this.#literal;
    this.#literal = 0;
  }

  #number(value: number): void {
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.#bytes.push((rest % 128) | 128);
    this.#bytes.push(rest);
  }

  #next(): void {
    if (this.#literal > 0) this.#operation(HERE, 0);
    if (this.#end > this.#at)
      this.#frames.push({ at: this.#at, end: this.#end, operations: Uint8Array.from(this.#bytes) });
    this.#bytes = [];
    this.#at = this.#cursor = this.#end;
    this.#distance = 0;
  }
}
