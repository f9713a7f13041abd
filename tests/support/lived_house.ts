// Runs tests/support/house_run.ts as a process and gives its report.

import { join } from "node:path";
import type { HouseReport } from "../../tools/sim/house_days.ts";

export interface LivedHouse extends HouseReport {
  /** Publications that the reference does not have, the first few. */
  faults: string[];
}

/** `half`: which one of HOUSE_HALVES; without it the whole house. */
export async function liveInHouse(seed: number, days: number, half?: number): Promise<LivedHouse> {
  const args = [seed, days, ...(half === undefined ? [] : [half])].map(String);
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "house_run.ts"), ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  if ((await child.exited) !== 0) throw new Error(`the house of seed ${seed} ended early: ${err}`);
  return JSON.parse(out) as LivedHouse;
}
