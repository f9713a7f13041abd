// Part `edits`: what an update sends after a change of one line, over a corpus of such changes, and what it sends where nothing is known of the device.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { HEADER_BYTES } from "../lib/bundle.ts";
import { buildBundle } from "../lib/native_build.ts";
import { bundlePatch, NO_BASE } from "../lib/patch_frames.ts";
import { ROOT } from "../lib/paths.ts";
import { dropVariant, variantOf } from "../sim/variants.ts";
import { median, type Part } from "./figure.ts";

/** Of a device on the network. */
const CHUNK_BYTES = 2048;
export const EDITED_PROFILES = ["energy", "relay", "scale_manager", "h2o"];
/** Parts of every profile; what is early in the program moves most. */
const CORE = ["loop", "link", "mqtt", "config", "appliance"].map((name) => `device/${name}.ts`);

export interface EditSize {
  profile: string;
  file: string;
  edit: string;
  /** Content of the frames that bring it. */
  bytes: number;
}

const CLASS = /^(export )?class .*\{$/;
const STATEMENT = /^ {4}(const|if|this|native|return)\b/;
const CALL = /^ {4}(this|native)\.[\w.]+\(.*\);$/;
const CONSTANT = /^((?:export )?const [A-Z_]+ = )([\d_]+);$/;

/** Changes of one line: the line that each is about, and what stands there then. */
const EDITS: Record<string, readonly [RegExp, (line: string) => string[]]> = {
  "a new field": [CLASS, (line) => [line, "  freshCounter = 0;"]],
  "a new method": [CLASS, (line) => [line, "  freshMethod(): number { return native.now() + 1; }"]],
  "a new text and call": [STATEMENT, (line) => ['    native.log("a text that was not there before");', line]],
  "a new function": [
    STATEMENT,
    (line) => [`    native.log(((from: number) => \`\${from} ms are fresh\`)(native.now()));`, line],
  ],
  "a deleted line": [CALL, () => []],
  "another constant": [CONSTANT, (line) => [line.replace(CONSTANT, (_, head, value) => `${head}${value}7;`)]],
};

/** Makes the changes one after the other, in the profile's own files and those of the core. Some find no line in a file, some change nothing. */
export async function* measureEdits(profile: string, core: readonly string[] = CORE): AsyncGenerator<EditSize> {
  const root = await variantOf(profile, "edits", []);
  try {
    const build = async () =>
      (await buildBundle({ profile, root, store: join(root, "store"), out: join(root, "bundle.bin") })).bundle;
    const before = await build();
    for (const file of [...core, ...ownFiles(profile)]) {
      const path = join(root, file);
      const source = await Bun.file(path).text();
      for (const [edit, [place, replace]] of Object.entries(EDITS)) {
        const lines = source.split("\n");
        const at = lines.findIndex((line) => place.test(line));
        if (at < 0) continue;
        await Bun.write(path, lines.toSpliced(at, 1, ...replace(lines[at] as string)).join("\n"));
        const after = await build();
        if (Buffer.compare(before, after) !== 0) yield { profile, file, edit, bytes: patchBytes(before, after) };
      }
      await Bun.write(path, source);
    }
  } finally {
    dropVariant(root);
  }
}

function ownFiles(profile: string): string[] {
  const names = readdirSync(join(ROOT, "profiles", profile)).filter((name) =>
    /^(?!config|boot_pins).*\.ts$/.test(name),
  );
  return names.sort().map((name) => `profiles/${profile}/${name}`);
}

function patchBytes(base: Uint8Array, bundle: Uint8Array): number {
  return bundlePatch(base.subarray(HEADER_BYTES), bundle, CHUNK_BYTES).reduce(
    (sum, { operations }) => sum + operations.length,
    0,
  );
}

export const editsPart: Part = {
  name: "edits",
  title: "bytes that an update sends after a change of one line",
  async *measure(say) {
    const sizes: EditSize[] = [];
    for (const profile of EDITED_PROFILES) {
      say(`edits: ${profile}`);
      for await (const size of measureEdits(profile)) sizes.push(size);
    }
    const worst = sizes.reduce((one, other) => (other.bytes > one.bytes ? other : one));
    const figure = (key: string, value: number, method: string) =>
      ({ key: `edits.${key}`, value, unit: "B", method, better: "lower" }) as const;
    const corpus = `${sizes.length} changes of a line in ${EDITED_PROFILES.join(", ")} and ${CORE.length} files of the core`;
    yield figure("maxBytes", worst.bytes, `the most of ${corpus}: ${worst.edit} in ${worst.file} of ${worst.profile}`);
    yield figure("medianBytes", median(sizes.map(({ bytes }) => bytes)), "median of the same");
    const { bundle } = await buildBundle({ profile: "energy" });
    yield figure("wholeBytes", bundle.length, "energy's bundle as it is");
    yield figure(
      "unknownBytes",
      patchBytes(NO_BASE, bundle),
      "the same to a device of which nothing is known: compressed",
    );
  },
};
