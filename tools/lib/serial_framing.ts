// Link frames beside text on a serial console (docs/WIRE.md, "Serial console"): encoding, and taking a stream apart. Pure but for state.

import { cobsDecode, cobsEncode } from "../../device/cobs.ts";

/** No frame of a device is longer; what is between two zeros and longer is none. */
export const FRAME_MAX = 70_000;

/** A frame as it goes over the wire: zero, COBS of content and CRC-32, zero. */
export function encodeSerialFrame(content: Uint8Array): Uint8Array {
  const body = Buffer.alloc(content.length + 4);
  body.set(content);
  body.writeUInt32BE(Bun.hash.crc32(content), content.length);
  return cobsEncode(body);
}

/** The content of what stood between two zeros, or undefined when it is no frame. */
export function decodeSerialFrame(encoded: Uint8Array): Uint8Array | undefined {
  const bytes = Buffer.from(encoded);
  const length = cobsDecode(bytes, bytes.length) - 4;
  if (length < 3 || bytes.readUInt32BE(length) !== Bun.hash.crc32(bytes.subarray(0, length))) return undefined;
  return new Uint8Array(bytes.subarray(0, length));
}

export interface SplitterEvents {
  frame(content: Uint8Array): void;
  text(bytes: Uint8Array): void;
  /** Bytes that are neither. */
  junk(bytes: Uint8Array): void;
}

/** Takes what comes from a device apart, whatever pieces it comes in. */
export class SerialSplitter {
  readonly #on: SplitterEvents;
  /** What has come since the last zero; undefined outside of frames. */
  #frame: Uint8Array[] | undefined;
  #length = 0;

  constructor(on: SplitterEvents) {
    this.#on = on;
  }

  push(bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.length > 0) {
      const zero = rest.indexOf(0);
      const piece = zero < 0 ? rest : rest.subarray(0, zero);
      if (this.#frame === undefined) {
        if (piece.length > 0) this.#on.text(piece);
        if (zero >= 0) this.#begin();
      } else {
        this.#frame.push(piece.slice());
        this.#length += piece.length;
        if (zero >= 0) this.#end();
        else if (this.#length > FRAME_MAX) this.settle();
      }
      if (zero < 0) return;
      rest = rest.subarray(zero + 1);
    }
  }

  /** True inside of what may be a frame. */
  get pending(): boolean {
    return this.#frame !== undefined;
  }

  /** Nothing has come for a while: what has begun is no frame. */
  settle(): void {
    const held = this.#taken();
    if (held.length > 0) this.#noFrame(held);
  }

  #begin(): void {
    this.#frame = [];
    this.#length = 0;
  }

  #end(): void {
    const held = this.#taken();
    const content = held.length === 0 ? undefined : decodeSerialFrame(held);
    if (content !== undefined) {
      this.#on.frame(content);
      return;
    }
    if (held.length > 0) this.#noFrame(held);
    this.#begin(); // the zero that ended it may as well begin the next one
  }

  #taken(): Uint8Array {
    const held = Buffer.concat(this.#frame ?? []);
    this.#frame = undefined;
    return held;
  }

  #noFrame(held: Uint8Array): void {
    if (isText(held)) this.#on.text(held);
    else this.#on.junk(held);
  }
}

/** Log lines, after a zero that came from nowhere. */
function isText(bytes: Uint8Array): boolean {
  try {
    return !/[\0-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]/.test(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return false;
  }
}
