// Bundles with the framework and nothing on it: the smallest that boot, come to the broker and are updated as all are.

import { join } from "node:path";
import { profileBundle } from "../../tools/sim/firmware.ts";
import { dropVariant, type Edit, variantOf } from "../../tools/sim/variants.ts";

export interface SmallBundle {
  /** bundle.bin */
  bytes: Uint8Array;
  /** First 16 hex digits of its hash. */
  name: string;
}

/** A bundle of profile energy that says `text` at its start, which also makes it another one, with `edits` in the framework. */
export async function smallBundle(text: string, ...edits: Edit[]): Promise<SmallBundle> {
  const root = await variantOf("energy", `small-${text}`, edits);
  await Bun.write(
    join(root, "profiles", "energy", "main.ts"),
    'import { Appliance } from "../../device/appliance.ts";\nimport { TOKENS } from "./config.ts";\n' +
      `const appliance = new Appliance("energy", TOKENS);\nappliance.run(() => appliance.log.line("${text}"));\n`,
  );
  const bytes = await profileBundle("energy", root).finally(() => dropVariant(root));
  return { bytes, name: Buffer.from(bytes.subarray(16, 24)).toString("hex") };
}
