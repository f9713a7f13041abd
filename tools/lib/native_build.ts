// Builds the firmware for this PC with CMake: the bytecode compiler, the recovery bundles, then the firmware with it inside.
// Cheap when nothing changed; processes that ask at the same time wait for each other.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { apiHash, readApi } from "./api.ts";
import { type BuiltBundle, type BundleOptions, type Compiler, compileBundle } from "./build_bundle.ts";
import { ensureEngine } from "./fetch_engine.ts";
import { withLock } from "./lock.ts";
import { BUILD, ROOT } from "./paths.ts";
import { mustRun } from "./run.ts";

export interface NativeVariant {
  /** For 32 bits, as the chips. */
  m32?: boolean;
  /** With the address and undefined-behaviour sanitizers. */
  sanitize?: boolean;
  /** The engine collects garbage before it makes an object: what is not held is found. */
  gcAlways?: boolean;
}

export interface NativePaths {
  hearth: string;
  hearthc: string;
  /** Runs scripts with the engine, see native/compiler/engine_test.c. */
  engineTest: string;
  /** Tests of the common C code; undefined as long as there are none. */
  nativeTest: string | undefined;
  hostPortTest: string | undefined;
}

const builds = new Map<string, Promise<NativePaths>>();
let compiler: Promise<Compiler> | undefined;

/** Builds a variant once in this process and returns where the programs are. Throws a UserError with the compiler's output. */
export function buildNative(variant: NativeVariant = {}): Promise<NativePaths> {
  const folder = folderOf(variant);
  let build = builds.get(folder);
  if (build === undefined) {
    build = buildVariant(folder, variant);
    builds.set(folder, build);
  }
  return build;
}

/** The bytecode compiler alone, built once in this process: all that a bundle takes. */
export function buildCompiler(): Promise<Compiler> {
  compiler ??= (async () => {
    const engine = await ensureEngine();
    const folder = folderOf({});
    await withLock(lockOf(folder), () => make(folder, {}, engine.folder, engine.id, undefined, ["hearthc"]));
    return { hearthc: join(folder, "hearthc"), engineId: engine.id };
  })();
  return compiler;
}

/** The program that runs many scripts, see native/compiler/engine_batch.c: with our engine, or with the one that upstream released. */
export async function buildEngineBatch(unpatched: boolean): Promise<string> {
  const engine = await ensureEngine();
  const folder = unpatched ? join(BUILD, "unpatched") : folderOf({});
  const source = unpatched ? engine.pristine : engine.folder;
  await withLock(lockOf(folder), () => make(folder, {}, source, engine.id, undefined, ["engine_batch"]));
  return join(folder, "engine_batch");
}

/** Builds a profile's bundle with this checkout's compiler. */
export async function buildBundle(options: BundleOptions): Promise<BuiltBundle> {
  return await compileBundle(await buildCompiler(), options);
}

/** Paths of the bundles that a firmware falls back to. */
export interface RecoveryBundles {
  /** For devices with a network. */
  network: string;
  /** For peripherals of ESP-NOW. */
  espnow: string;
}

export async function buildRecovery(): Promise<RecoveryBundles> {
  const network = await buildBundle({ profile: "recovery" });
  const espnow = await buildBundle({ profile: "recovery_espnow" });
  return { network: network.path, espnow: espnow.path };
}

async function buildVariant(folder: string, variant: NativeVariant): Promise<NativePaths> {
  const engine = await ensureEngine();
  // The compiler is always the 64-bit one: all give the same bytes.
  const recovery = await buildRecovery();
  await withLock(lockOf(folder), () => make(folder, variant, engine.folder, engine.id, recovery, ["all"]));
  const program = (name: string) => join(folder, name);
  const optional = (name: string) => (existsSync(program(name)) ? program(name) : undefined);
  return {
    hearth: program("hearth"),
    hearthc: program("hearthc"),
    engineTest: program("engine_test"),
    nativeTest: optional("native_test"),
    hostPortTest: optional("host_port_test"),
  };
}

function folderOf(variant: NativeVariant): string {
  const name = `${variant.sanitize === true ? "asan" : "host"}${variant.m32 === true ? "32" : ""}${variant.gcAlways === true ? "_gc" : ""}`;
  return join(BUILD, name);
}

function lockOf(folder: string): string {
  return `${folder}.lock.sqlite`;
}

async function make(
  folder: string,
  variant: NativeVariant,
  engineFolder: string,
  engineId: string,
  recovery: RecoveryBundles | undefined,
  targets: readonly string[],
): Promise<void> {
  const settings = [
    `-DHEARTH_M32=${variant.m32 === true ? "ON" : "OFF"}`,
    `-DHEARTH_SANITIZE=${variant.sanitize === true ? "ON" : "OFF"}`,
    `-DHEARTH_GC_ALWAYS=${variant.gcAlways === true ? "ON" : "OFF"}`,
    `-DHEARTH_QUICKJS_DIR=${engineFolder}`,
    `-DHEARTH_ENGINE_ID=${engineId}`,
    `-DHEARTH_API_HASH=${apiHash(readApi())}`,
  ];
  // Left out for the compiler alone, so that it does not change what the firmware was configured with.
  if (recovery !== undefined)
    settings.push(`-DHEARTH_RECOVERY_BUNDLE=${recovery.network}`, `-DHEARTH_RECOVERY_ESPNOW_BUNDLE=${recovery.espnow}`);
  await mustRun("Configuring the firmware", ["cmake", "-S", join(ROOT, "native"), "-B", folder, ...settings]);
  const jobs = String(Math.max(2, Math.min(navigator.hardwareConcurrency, JOBS_MAX)));
  const command = ["cmake", "--build", folder, "--parallel", jobs, "--target", ...targets];
  await mustRun("Building the firmware", command);
}

const JOBS_MAX = 8;
