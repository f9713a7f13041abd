// The artifact store: what the PC keeps about every bundle it built, in a folder named after the bundle, so that a back trace of
// a device can be read later. Bounded: the oldest bundles go.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { artifactsFolder } from "./paths.ts";

/** Bundles that the store keeps. */
export const ARTIFACTS_MAX = 50;

export interface ArtifactMeta {
  /** First 16 hex digits of the body's SHA-256. */
  name: string;
  profile: string;
  version: string;
  engineId: string;
  apiHash: string;
  bodyBytes: number;
}

export interface Artifact {
  /** Whole bundle.bin. */
  bundle: Uint8Array;
  /** The script that was compiled. */
  script: string;
  /** Its source map, JSON. */
  map: string;
  /** The compiler's map from program counters to lines of the script, JSON. */
  functions: string;
  meta: ArtifactMeta;
}

/** Stores an artifact and drops the oldest ones beyond ARTIFACTS_MAX. Returns its folder. */
export function storeArtifact(artifact: Artifact, store: string = artifactsFolder()): string {
  mkdirSync(store, { recursive: true });
  const folder = join(store, artifact.meta.name);
  const scratch = mkdtempSync(join(store, ".new-"));
  for (const [name, content] of contents(artifact)) writeFileSync(join(scratch, name), content);
  // Never half written: another process may read it at this moment.
  for (let attempt = 0; ; attempt++) {
    try {
      rmSync(folder, { recursive: true, force: true });
      renameSync(scratch, folder);
      break;
    } catch (thrown) {
      // Somebody else put the same bundle there between the two calls.
      if (attempt >= ATTEMPTS_MAX) throw thrown;
    }
  }
  const now = new Date();
  utimesSync(folder, now, now);
  prune(store);
  return folder;
}

/** Reads an artifact by its name; undefined when the store has none. */
export function loadArtifact(name: string, store: string = artifactsFolder()): Artifact | undefined {
  const folder = join(store, name);
  if (!isName(name) || !existsSync(join(folder, "meta.json"))) return undefined;
  return {
    bundle: new Uint8Array(readFileSync(join(folder, "bundle.bin"))),
    script: readFileSync(join(folder, "bundle.js"), "utf8"),
    map: readFileSync(join(folder, "bundle.js.map"), "utf8"),
    functions: readFileSync(join(folder, "functions.json"), "utf8"),
    meta: JSON.parse(readFileSync(join(folder, "meta.json"), "utf8")) as ArtifactMeta,
  };
}

const ATTEMPTS_MAX = 5;

function contents(artifact: Artifact): [string, string | Uint8Array][] {
  return [
    ["bundle.bin", artifact.bundle],
    ["bundle.js", artifact.script],
    ["bundle.js.map", artifact.map],
    ["functions.json", artifact.functions],
    ["meta.json", `${JSON.stringify(artifact.meta, null, 2)}\n`],
  ];
}

function prune(store: string): void {
  const ages: { path: string; time: number }[] = [];
  for (const name of readdirSync(store)) {
    const path = join(store, name);
    const info = statSync(path, { throwIfNoEntry: false });
    if (isName(name) && info !== undefined) ages.push({ path, time: info.mtimeMs });
  }
  ages.sort((a, b) => b.time - a.time);
  for (const { path } of ages.slice(ARTIFACTS_MAX)) rmSync(path, { recursive: true, force: true });
}

function isName(name: string): boolean {
  return /^[0-9a-f]{16}$/.test(name);
}
