// A profile's program as chips in memory run it: the script, bundled once in a process.

import { join } from "node:path";
import { bundleScript } from "../lib/bundler.ts";
import { ROOT } from "../lib/paths.ts";
import { type Program, scriptProgram } from "./memory_native.ts";

const scripts = new Map<string, Promise<string>>();

export async function profileProgram(profile: string): Promise<Program> {
  return scriptProgram(await profileScript(profile));
}

/** Its text. */
export function profileScript(profile: string): Promise<string> {
  const known = scripts.get(profile) ?? bundled(profile);
  scripts.set(profile, known);
  return known;
}

async function bundled(profile: string): Promise<string> {
  return (await bundleScript(join(ROOT, "profiles", profile, "main.ts"), ROOT)).code;
}
