// Consistent Overhead Byte Stuffing (Cheshire and Baker, 1999): bytes without a zero, so that a zero can stand between frames. Pure.

const FULL = 255;

/** The most bytes that `length` bytes take when encoded. */
export function cobsMax(length: number): number {
  return length + 1 + Math.floor(length / 254);
}

/** Encodes `bytes` into `out` from `start` on, which has room for cobsMax; returns where the encoded bytes end. */
export function cobsEncode(bytes: Uint8Array, out: Uint8Array, start: number): number {
  out.set(bytes, start + 1);
  let end = start + 1 + bytes.length;
  let code = start;
  for (;;) {
    out[end] = 0; // ends the last block; past the array it is not there, and not found
    let next = out.indexOf(0, code + 1);
    if (next < 0 || next > end) next = end;
    if (next - code >= FULL) {
      out[code] = FULL;
      code += FULL;
      if (code === end) return end;
      out.copyWithin(code + 1, code, end++);
    } else {
      out[code] = next - code;
      if (next === end) return end;
      code = next;
    }
  }
}

/** Decodes the first `end` bytes in place; returns how many it were, or -1 when they are no encoded bytes. */
export function cobsDecode(bytes: Uint8Array, end: number): number {
  let to = 0;
  for (let at = 0; at < end; ) {
    const code = bytes[at] as number;
    const next = at + code;
    if (code === 0 || next > end) return -1;
    bytes.copyWithin(to, at + 1, next);
    to += code - 1;
    at = next;
    if (code < FULL && at < end) bytes[to++] = 0;
  }
  return to;
}
