// Part `size`: what is stored in flash. Bundles of every profile, and the code of the host firmware.

import { buildBundle, buildNative } from "../lib/native_build.ts";
import { mustRun } from "../lib/run.ts";
import { measuredProfiles } from "./device.ts";
import type { Figure, Part } from "./figure.ts";
import { heapIsMissing } from "./heap.ts";

export const sizePart: Part = {
  name: "size",
  title: "bytes of bundles and firmware",
  async *measure(say) {
    const figure = (key: string, value: number, method: string): Figure => ({
      key: `size.${key}`,
      value,
      unit: "B",
      method,
      better: "lower",
    });
    for (const profile of measuredProfiles()) {
      say(`size: ${profile}`);
      const built = await buildBundle({ profile });
      yield figure(`${profile}.bundleBytes`, built.bundle.length, "header and bytecode, as it is sent");
      yield figure(`${profile}.scriptBytes`, built.scriptBytes, "the minified script before it is compiled");
    }
    const missing = await heapIsMissing();
    if (missing !== undefined) say(`size of the 32-bit firmware is left out: ${missing}`);
    for (const m32 of missing === undefined ? [false, true] : [false]) {
      const { hearth } = await buildNative({ m32 });
      const bits = m32 ? "32" : "64";
      const text = await textBytes(hearth);
      yield figure(`host${bits}TextBytes`, text, `code and constants of the ${bits}-bit host firmware, -Os (size)`);
    }
  },
};

/** The `text` column of binutils' size. */
async function textBytes(program: string): Promise<number> {
  const printed = await mustRun("Measuring the firmware", ["size", program]);
  const text = Number(printed.split("\n")[1]?.trim().split(/\s+/)[0]);
  if (!(text > 0)) throw new Error(`size printed: ${printed}`);
  return text;
}
