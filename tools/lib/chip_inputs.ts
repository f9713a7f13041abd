// What the ESP-IDF build takes from the rest of the checkout: the engine, its ids and names, and the recovery bundles, as a CMake file that the
// project at the top includes. So `idf.py` alone works once this has run.

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { apiHash, readApi } from "./api.ts";
import { ensureEngine } from "./fetch_engine.ts";
import { buildCompiler, buildRecovery } from "./native_build.ts";
import { BUILD, ROOT } from "./paths.ts";
import { mustRun } from "./run.ts";

/** Makes the engine, its names and the recovery bundles and writes build/chip/inputs.cmake; returns its path. */
export async function prepareChipInputs(): Promise<string> {
  const engine = await ensureEngine();
  const recovery = await buildRecovery();
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
  const folder = join(BUILD, "chip");
  mkdirSync(folder, { recursive: true });
  const path = join(folder, "inputs.cmake");
  const names = join(folder, "names.bin");
  await writeNames(names);
  const text = inputsText({
    HEARTH_QUICKJS_DIR: engine.folder,
    HEARTH_ENGINE_ID: engine.id,
    HEARTH_API_HASH: apiHash(readApi()),
    HEARTH_NAMES: names,
    HEARTH_RECOVERY_BUNDLE: recovery.network,
    HEARTH_RECOVERY_ESPNOW_BUNDLE: recovery.espnow,
    PROJECT_VER: version,
  });
  // Left alone when nothing changed: CMake would configure everything anew.
  if (!sameText(path, text)) writeFileSync(path, text);
  return path;
}

/** The engine's own names in final form (docs/decisions/0042). They are the same bytes for 32 and 64 bits. */
async function writeNames(path: string): Promise<void> {
  const { hearthc } = await buildCompiler();
  const made = `${path}.new`;
  await mustRun("Making the engine's names", [hearthc, "--names", made]);
  // Left alone when nothing changed: the firmware would be linked anew.
  if (sameBytes(path, made)) rmSync(made);
  else renameSync(made, path);
}

/** One set() a line. CMake reads a backslash in quotes as an escape, and takes forward slashes in paths on every system. */
export function inputsText(values: Record<string, string>): string {
  const line = ([name, value]: [string, string]) =>
    `set(${name} "${value.replaceAll("\\", "/").replaceAll('"', '\\"')}")\n`;
  return `# Made by tools/lib/chip_inputs.ts.\n${Object.entries(values).map(line).join("")}`;
}

function sameText(path: string, text: string): boolean {
  return existsSync(path) && readFileSync(path, "utf8") === text;
}

function sameBytes(path: string, other: string): boolean {
  return existsSync(path) && readFileSync(path).equals(readFileSync(other));
}
