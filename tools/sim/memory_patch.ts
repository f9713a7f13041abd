// A patch's operations as an in-memory chip carries them out, written from docs/WIRE.md ("Patch"). The chips' own is native/patch.c.

const OUTPUT_MAX = 16_384;

/** The bytes that operations make, from the byte `at` of a body of `length` on; `made` has what is before them, and may have more. Undefined when
 * they are none. */
export function patched(
  base: Uint8Array,
  made: Uint8Array,
  at: number,
  length: number,
  operations: Uint8Array,
): Uint8Array | undefined {
  const end = Math.min(length, at + OUTPUT_MAX);
  const out = new Uint8Array(end);
  out.set(made.subarray(0, at));
  let to = at;
  let cursor = at;
  let distance = 0;
  let next = 0;
  const number = () => {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 28; scale *= 128) {
      const byte = operations[next++];
      if (byte === undefined) return Number.NaN;
      value += (byte & 127) * scale;
      if (byte < 128) return value < 2 ** 32 ? value : Number.NaN;
    }
    return Number.NaN;
  };
  while (next < operations.length) {
    const first = operations[next++] as number;
    let literal = (first >> 3) & 7;
    let copied = first & 7;
    if (literal === 7) literal += number();
    if (copied === 7) copied += number();
    copied += [0, 3, 3, 2][first >> 6] as number;
    if (first >> 6 === 1) {
      const step = number();
      cursor += step % 2 === 1 ? -(step + 1) / 2 : step / 2;
    }
    if (first >> 6 === 2) distance = number();
    if (!(to + literal + copied <= end && next + literal <= operations.length && Number.isFinite(cursor + distance)))
      return undefined;
    out.set(operations.subarray(next, next + literal), to);
    next += literal;
    to += literal;
    cursor += literal;
    const back = first >> 6 >= 2;
    if (back && (distance < 1 || distance > to)) return undefined;
    if (!back && copied > 0 && (cursor < 0 || cursor + copied > base.length)) return undefined;
    for (let done = 0; done < copied; done++, to++, cursor++)
      out[to] = (back ? out[to - distance] : base[cursor]) as number;
  }
  return out.slice(at, to);
}
