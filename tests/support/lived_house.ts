// Runs tests/support/house_run.ts as a process and gives its report.

import { join } from "node:path";
import type { Mishaps } from "../../tools/sim/house_life.ts";

export interface HouseReport {
  published: number;
  /** SHA-256 over all publications, pins, resets, network changes and frames with their moments. */
  trace: string;
  mishaps: Mishaps;
  /** Publications that the reference does not have, the first few. */
  faults: string[];
  /** Profiles that have published nothing. */
  silent: string[];
  unreachable: string[];
}

export async function liveInHouse(seed: number, days: number): Promise<HouseReport> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "house_run.ts"), String(seed), String(days)], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  if ((await child.exited) !== 0) throw new Error(`the house of seed ${seed} ended early: ${err}`);
  return JSON.parse(out) as HouseReport;
}
