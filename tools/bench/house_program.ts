// A program of its own: lives in a house, or in a part of one, for so many days and prints the report as one line of JSON. Its argument is
// JSON: seed, days, the profiles that are there, and a folder with modules PROFILE.js to run instead of the bundles' scripts.

import { join } from "node:path";
import type { HouseProfile } from "../sim/house.ts";
import { daysInHouse, type HouseOptions, type HouseReport } from "../sim/house_days.ts";
import type { Program } from "../sim/memory_native.ts";

export interface HouseRun {
  seed: number;
  days: number;
  profiles?: readonly HouseProfile[];
  modules?: string;
}

/** For a single day: JavaScriptCore's last compiler takes a quarter of its processor time, which does not come back before the day is over. */
const SHORT_RUN = { BUN_JSC_useFTLJIT: "0" };

/** Runs it in a process; `flags` are Bun's. */
export async function runHouse(run: HouseRun, flags: readonly string[] = []): Promise<HouseReport> {
  const child = Bun.spawn([process.execPath, ...flags, import.meta.path, JSON.stringify(run)], {
    env: run.days > 1 ? process.env : { ...process.env, ...SHORT_RUN },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  if ((await child.exited) !== 0) throw new Error(`the house of ${JSON.stringify(run)} ended early: ${err}`);
  return JSON.parse(out) as HouseReport;
}

if (import.meta.main) {
  const { seed, days, profiles, modules } = JSON.parse(process.argv[2] ?? "") as HouseRun;
  const options: HouseOptions = { seed, days };
  if (profiles !== undefined) options.profiles = profiles;
  if (modules !== undefined)
    options.program = async (profile) =>
      ((await import(join(modules, `${profile}.js`))) as { default: Program }).default;
  process.stdout.write(`${JSON.stringify(await daysInHouse(options))}\n`);
}
