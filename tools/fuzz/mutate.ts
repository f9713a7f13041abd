// Makes new inputs from known ones: bits, bytes, numbers, pieces, repeatable from a seed.

const LENGTH_MAX = 8192;
const STEPS_MAX = 8;
const INTERESTING = [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff];

export type Random = () => number;

/** An input that some steps lead to from one of `corpus`, or from nothing. */
export function mutate(corpus: readonly Uint8Array[], random: Random): Uint8Array {
  const below = (limit: number): number => Math.floor(random() * limit);
  const any = (): Uint8Array => corpus[below(corpus.length)] ?? new Uint8Array(0);
  let input = Buffer.from(any());
  for (let steps = 1 + below(STEPS_MAX); steps > 0; steps--) {
    const at = below(input.length + 1);
    const length = 1 + below(random() < 0.8 ? 8 : 600);
    switch (below(8)) {
      case 0: // a bit
        if (at < input.length) input[at] = (input[at] ?? 0) ^ (1 << below(8));
        break;
      case 1: // a byte
        if (at < input.length) input[at] = below(256);
        break;
      case 2: // a byte at an edge
        if (at < input.length) input[at] = INTERESTING[below(INTERESTING.length)] ?? 0;
        break;
      case 3: // a little more or less
        if (at < input.length) input[at] = (input[at] ?? 0) + below(33) - 16;
        break;
      case 4:
        input = Buffer.concat([input.subarray(0, at), input.subarray(at + length)]);
        break;
      case 5: {
        const more = Buffer.alloc(length).fill(below(2) === 0 ? below(256) : 0);
        if (below(2) === 0) for (let i = 0; i < length; i++) more[i] = below(256);
        input = Buffer.concat([input.subarray(0, at), more, input.subarray(at)]);
        break;
      }
      case 6: // a piece again, elsewhere
        input = Buffer.concat([input.subarray(0, at), input.subarray(below(at + 1)), input.subarray(at)]);
        break;
      default: {
        const other = any();
        const from = below(other.length + 1);
        input = Buffer.concat([input.subarray(0, at), other.subarray(from, from + length * 8), input.subarray(at)]);
      }
    }
    if (input.length > LENGTH_MAX) input = input.subarray(0, LENGTH_MAX);
  }
  return new Uint8Array(input);
}
