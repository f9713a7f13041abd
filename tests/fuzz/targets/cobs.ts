// COBS: any bytes come back from an encoding without a zero; what is no encoding is refused, not read past its end.

import { cobsDecode, cobsEncode } from "../../../device/cobs.ts";
import { must, type ScriptTarget } from "../target.ts";

export const cobs: ScriptTarget = {
  name: "cobs",
  what: "COBS decoder and encoder",
  run(input) {
    there(input);
    // Beside it a byte that decoding must not take for its own.
    const guarded = new Uint8Array(input.length + 1).fill(0xa5);
    guarded.set(input);
    const count = cobsDecode(guarded, input.length);
    must(count >= -1 && count <= input.length, `decoded ${count} of ${input.length} bytes`);
    must(guarded[input.length] === 0xa5, "decoding wrote behind its input");
    if (count >= 0) there(guarded.slice(0, count));
  },
};

/** There and back again. */
function there(bytes: Uint8Array): void {
  const framed = cobsEncode(bytes);
  must(framed[0] === 0 && framed.at(-1) === 0, "no zeros around an encoding");
  const out = framed.slice(1, -1);
  must(out.length <= bytes.length + 1 + Math.floor(bytes.length / 254), "an encoding is longer than COBS allows");
  must(!out.includes(0), "an encoding has a zero");
  must(cobsDecode(out, out.length) === bytes.length, "another length came back");
  must(Buffer.compare(out.subarray(0, bytes.length), bytes) === 0, "other bytes came back");
}
