// What the ESP-IDF build takes from the rest of the checkout: the engine, its ids and the recovery bundle, as a CMake file that the project
// at the top includes. So `idf.py` alone works once this has run.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { apiHash, readApi } from "./api.ts";
import { ensureEngine } from "./fetch_engine.ts";
import { buildBundle } from "./native_build.ts";
import { BUILD, ROOT } from "./paths.ts";

/** Makes the engine and the recovery bundle and writes build/chip/inputs.cmake; returns its path. */
export async function prepareChipInputs(): Promise<string> {
  const engine = await ensureEngine();
  const recovery = await buildBundle({ profile: "recovery" });
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
  const path = join(BUILD, "chip", "inputs.cmake");
  mkdirSync(join(BUILD, "chip"), { recursive: true });
  const text = inputsText({
    HEARTH_QUICKJS_DIR: engine.folder,
    HEARTH_ENGINE_ID: engine.id,
    HEARTH_API_HASH: apiHash(readApi()),
    HEARTH_RECOVERY_BUNDLE: recovery.path,
    PROJECT_VER: version,
  });
  // Left alone when nothing changed: CMake would configure everything anew.
  if (!sameText(path, text)) writeFileSync(path, text);
  return path;
}

/** One set() a line. CMake reads a backslash in quotes as an escape, and takes forward slashes in paths on every system. */
export function inputsText(values: Record<string, string>): string {
  const line = ([name, value]: [string, string]) =>
    `set(${name} "${value.replaceAll("\\", "/").replaceAll('"', '\\"')}")\n`;
  return `# Made by tools/lib/chip_inputs.ts.\n${Object.entries(values).map(line).join("")}`;
}

function sameText(path: string, text: string): boolean {
  try {
    return readFileSync(path, "utf8") === text;
  } catch {
    return false;
  }
}
