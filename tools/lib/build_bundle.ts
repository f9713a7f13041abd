// A profile's sources -> bundle.bin: bundler, bytecode compiler and header in a row, and the artifact store's entry.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { apiHash, readApi } from "./api.ts";
import { storeArtifact } from "./artifacts.ts";
import { type BootPin, type BundleHeader, bundleName, decodeHeader, encodeBundle } from "./bundle.ts";
import { bundleScript } from "./bundler.ts";
import { UsageError, UserError } from "./errors.ts";
import { type ModuleCost, moduleCosts } from "./module_costs.ts";
import { BUILD, ROOT } from "./paths.ts";
import { run } from "./run.ts";

/** What compiles scripts: the program and the engine that it was built with. */
export interface Compiler {
  hearthc: string;
  engineId: string;
}

export interface BundleOptions {
  /** Folder name under profiles/; also what the header says. */
  profile: string;
  /** Entry file, when it is not profiles/PROFILE/main.ts. Its folder may go into the bundle, as device/ may. */
  entry?: string | undefined;
  /** At most 16 characters; default: the version in package.json. */
  version?: string | undefined;
  /** Ordinary bytecode, which a device copies into its heap, instead of a program image. */
  plain?: boolean | undefined;
  /** Where bundle.bin goes; default build/bundles/PROFILE/bundle.bin. */
  out?: string | undefined;
  /** The checkout, normally this one. */
  root?: string | undefined;
  /** The artifact store, normally this checkout's. */
  store?: string | undefined;
}

export interface BuiltBundle {
  header: BundleHeader;
  /** bundle.bin's content. */
  bundle: Uint8Array;
  /** Its name in the artifact store: first 16 hex digits of the body's SHA-256. */
  name: string;
  /** Path of bundle.bin. */
  path: string;
  /** Its folder in the artifact store. */
  artifact: string;
  sourceBytes: number;
  scriptBytes: number;
  functions: number;
  /** Why it is ordinary bytecode although an image was asked for; normally undefined. */
  notInFlash: string | undefined;
  /** What each source file costs. */
  modules: ModuleCost[];
}

/** Builds a bundle. Throws a UserError that says what is wrong with the sources. Same sources, same bytes. */
export async function compileBundle(compiler: Compiler, options: BundleOptions): Promise<BuiltBundle> {
  const root = options.root ?? ROOT;
  const entry = options.entry ?? join(root, "profiles", options.profile, "main.ts");
  if (!existsSync(entry)) throw new UsageError(`There is no ${entry}. ${profilesHint(root)}`);
  const script = await bundleScript(entry, root);
  const { body, functions, notInFlash } = await compileScript(compiler.hearthc, script.code, options.plain === true);
  const version = options.version ?? versionOf(root);
  const fields = {
    profile: options.profile,
    version,
    engineId: compiler.engineId,
    apiHash: apiHash(readApi(join(root, "device", "native.d.ts"))),
    bootPins: await bootPinsOf(dirname(entry)),
  };
  let bundle: Uint8Array;
  try {
    bundle = encodeBundle(body, fields);
  } catch (thrown) {
    if (thrown instanceof RangeError) throw new UserError(`The bundle's header: ${thrown.message}.`);
    throw thrown;
  }
  const header = decodeHeader(bundle);
  if (typeof header === "string") throw new Error(header);
  const name = bundleName(header);
  const { profile, engineId, apiHash: api } = fields;
  const meta = { name, profile, version, engineId, apiHash: api, bodyBytes: body.length };
  const artifact = storeArtifact({ bundle, script: script.code, map: script.map, functions, meta }, options.store);
  const path = options.out ?? join(root, "build", "bundles", options.profile, "bundle.bin");
  writeWhole(path, bundle);
  const count = (JSON.parse(functions) as { functions: unknown[] }).functions.length;
  const scriptBytes = Buffer.byteLength(script.code);
  const modules = moduleCosts(functions, script.map, body.length);
  const { sourceBytes } = script;
  return { header, bundle, name, path, artifact, sourceBytes, scriptBytes, functions: count, notInFlash, modules };
}

interface Compiled {
  body: Uint8Array;
  /** The map of its functions. */
  functions: string;
  notInFlash: string | undefined;
}

/** The bytes of a script's image, by itself. */
export async function imageBytes(hearthc: string, code: string): Promise<number> {
  return (await compileScript(hearthc, code, false)).body.length;
}

async function compileScript(hearthc: string, code: string, plain: boolean): Promise<Compiled> {
  mkdirSync(BUILD, { recursive: true });
  const scratch = mkdtempSync(join(BUILD, "compile-"));
  try {
    const [script, body, map] = ["bundle.js", "body.bin", "functions.json"].map((file) => join(scratch, file)) as [
      string,
      string,
      string,
    ];
    writeFileSync(script, code);
    const result = await run([hearthc, ...(plain ? ["--plain"] : []), script, body, map, "bundle.js"]);
    if (result.code !== 0) throw new UserError(`The bytecode compiler refused the script: ${result.stderr.trim()}`);
    const notInFlash = result.stderr.trim() || undefined;
    return { body: new Uint8Array(readFileSync(body)), functions: readFileSync(map, "utf8"), notInFlash };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The export `bootPins` of boot_pins.ts beside the entry; none when there is no such file. */
async function bootPinsOf(folder: string): Promise<BootPin[]> {
  const path = join(folder, "boot_pins.ts");
  if (!existsSync(path)) return [];
  // The query keeps a build in the same process from getting what the file said before.
  const module = (await import(`${path}?${Bun.hash(readFileSync(path))}`)) as { bootPins?: BootPin[] };
  if (!Array.isArray(module.bootPins)) throw new UserError(`${path} must export the array bootPins.`);
  return module.bootPins;
}

function versionOf(root: string): string {
  return (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string }).version;
}

/** Replaces the file at once: whoever reads it gets the old or the new one. The same content keeps the file's time. */
function writeWhole(path: string, bytes: Uint8Array): void {
  if (existsSync(path) && readFileSync(path).equals(bytes)) return;
  mkdirSync(dirname(path), { recursive: true });
  const scratch = `${path}.${process.pid}.new`;
  writeFileSync(scratch, bytes);
  renameSync(scratch, path);
}

function profilesHint(root: string): string {
  const folder = join(root, "profiles");
  const names = existsSync(folder)
    ? readdirSync(folder).filter((name) => existsSync(join(folder, name, "main.ts")))
    : [];
  return names.length === 0 ? "" : `Profiles: ${names.sort().join(", ")}.`;
}
