// Part `day`: a simulated day of each appliance with network and broker failures: what it takes of a processor, and whether the heap is
// at its end what it was after the first hour.

import { HOUSE_PROFILES, type HouseProfile } from "../sim/house.ts";
import type { Figure, Part } from "./figure.ts";
import { type Failure, heapIsMissing, runHeap } from "./heap.ts";
import { runHouse } from "./house_program.ts";

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** The first hour, and what comes once an hour has come; a battery scale sleeps then, as at the ends below. */
export const HOUR_OVER_MS = 75 * MINUTE_MS;
const SEED = 1;

/** What cannot do without one another. */
const PAIRS: Record<string, readonly HouseProfile[]> = {
  scale: ["scale_manager", "scale_sensor"],
  tnow: ["tnowc", "tnowp"],
};
const PAIRED = Object.values(PAIRS).flat();
const GROUPS: Record<string, readonly HouseProfile[]> = {
  ...Object.fromEntries(HOUSE_PROFILES.filter((each) => !PAIRED.includes(each)).map((each) => [each, [each]])),
  ...PAIRS,
};

/** Minutes at which the broker fails, and ten minutes later the network: in the first hour too, since the first failure leaves the reason
 * of a loss and the like, and the ones after it have to leave no more. */
const FAILURES_MIN = [20, 80, 420, 780, 1140];
const FAILURES: readonly Failure[] = FAILURES_MIN.flatMap((minute) => [
  { what: "broker", atMs: minute * MINUTE_MS, forMs: 3 * MINUTE_MS },
  { what: "network", atMs: (minute + 10) * MINUTE_MS, forMs: 4 * MINUTE_MS },
]);

/** Bytes on the heap after the first hour, and at `endMs` of virtual time, with failures in both spans. */
export async function heapOverTime(profile: string, endMs: number): Promise<{ hour: number; end: number }> {
  const failures = FAILURES.filter(({ atMs }) => atMs < endMs);
  const { moments } = await runHeap(profile, [HOUR_OVER_MS, endMs], failures);
  const [hour, end] = moments;
  if (hour === undefined || end === undefined) throw new Error(`the device of profile ${profile} told no heap figures`);
  return { hour: hour.live, end: end.live };
}

export const dayPart: Part = {
  name: "day",
  title: "a simulated day of each appliance: processor time, heap at its end",
  async *measure(say) {
    for (const [name, profiles] of Object.entries(GROUPS)) {
      say(`day: ${profiles.join(" and ")} in memory`);
      const { cpuMs, turns } = await runHouse({ seed: SEED, days: 1, profiles });
      const figure = (key: string, value: number, unit: string, method: string, better: Figure["better"]): Figure => ({
        key: `day.${name}.${key}`,
        value,
        unit,
        method: `${method}: ${profiles.join(" and ")} in memory, a day with failures of network, broker, parts and power`,
        better,
      });
      yield figure("cpuSeconds", cpuMs / 1000, "s", "processor time", "lower");
      yield figure("times", Math.round(DAY_MS / cpuMs), "x", "times faster than real time", "higher");
      yield figure(
        "turns",
        Object.values(turns).reduce((sum, each) => sum + each),
        "1/day",
        "turns of the loop",
        "lower",
      );
    }
    const missing = await heapIsMissing();
    if (missing !== undefined) {
      say(`day: the heap is left out: ${missing}`);
      return;
    }
    for (const profile of HOUSE_PROFILES) {
      say(`day: the heap of ${profile} over a day`);
      const { hour, end } = await heapOverTime(profile, DAY_MS);
      yield {
        key: `day.${profile}.heapGrowthBytes`,
        value: end - hour,
        unit: "B",
        method: `on the heap at the end of a day with ten failures of network and broker, above the ${hour} after its first hour, 32-bit build`,
        better: "lower",
      };
    }
  },
};
