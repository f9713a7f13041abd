// Changed builds of a profile for demonstrations and tests: a copy of the sources with a few lines replaced, elsewhere than the checkout.

import { cpSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { BUILD, ROOT } from "../lib/paths.ts";

export interface Edit {
  /** Relative to the checkout's root. */
  file: string;
  find: string;
  replace: string;
}

/** A folder that holds device/ and profiles/PROFILE/ with the edits made. Throws when a text to replace is not there exactly once. */
export async function variantOf(profile: string, variant: string, edits: readonly Edit[]): Promise<string> {
  const root = join(BUILD, "variants", `${profile}-${variant}-${process.pid}`);
  rmSync(root, { recursive: true, force: true });
  for (const folder of ["device", join("profiles", profile)]) {
    mkdirSync(join(root, folder), { recursive: true });
    cpSync(join(ROOT, folder), join(root, folder), { recursive: true });
  }
  for (const file of ["package.json", "profiles/base_config.ts", "profiles/espnow_config.ts"]) {
    cpSync(join(ROOT, file), join(root, file));
  }
  for (const { file, find, replace } of edits) {
    const path = join(root, file);
    const parts = (await Bun.file(path).text()).split(find);
    if (parts.length !== 2) throw new Error(`${file} has "${find}" ${parts.length - 1} times, not once`);
    await Bun.write(path, parts.join(replace));
  }
  return root;
}

export function dropVariant(root: string): void {
  rmSync(root, { recursive: true, force: true });
}

/** Windows of half a minute: a change that shows on the broker. */
export const FASTER_WINDOWS: Edit = {
  file: "profiles/energy/energy.ts",
  find: "export const WINDOW_MS = 60_000;",
  replace: "export const WINDOW_MS = 30_000;",
};

/** Throws as soon as it is evaluated. */
export const THROWS_AT_START: Edit = {
  file: "device/loop.ts",
  find: "export class Loop {",
  replace: 'if (native.now() >= 0) throw new Error("this build throws at start");\nexport class Loop {',
};

/** Runs, measures, and knocks at a port where no broker ever is. */
export const WRONG_PORT: Edit = {
  file: "device/appliance.ts",
  find: 'port: config.integer("mqttport", 1, 65535, 1883),',
  replace: "port: 9,",
};
