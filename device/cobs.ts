// Consistent Overhead Byte Stuffing (Cheshire and Baker, 1999): bytes without a zero, so that a zero can stand between frames. Pure.

const FULL = 255;

/** The encoded bytes, between two zeros. */
export function cobsEncode(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length + Math.floor(bytes.length / 254) + 3);
  out.set(bytes, 2);
  let code = 1;
  // Where the bytes end; the array is zero from there on, so that the last block ends like any other.
  let end = bytes.length + 2;
  for (;;) {
    const next = out.indexOf(0, code + 1);
    if (next - code >= FULL) {
      out[code] = FULL;
      code += FULL;
      if (code === end) break;
      out.copyWithin(code + 1, code, end++);
    } else {
      out[code] = next - code;
      if (next === end) break;
      code = next;
    }
  }
  return out.subarray(0, end + 1);
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
