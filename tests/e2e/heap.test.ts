// What a device takes of its heap on the 32-bit build, in virtual time: within each profile's budget, and no more after a day than after an hour.

import { expect, setDefaultTimeout } from "bun:test";
import { overBudget, readBudget } from "../../tools/bench/budget.ts";
import { HOUR_OVER_MS, heapOverTime } from "../../tools/bench/day.ts";
import { measuredProfiles } from "../../tools/bench/device.ts";
import { CONNECTED_MS, HOUR_MS, heapIsMissing, runHeap } from "../../tools/bench/heap.ts";
import { buildBundle } from "../../tools/lib/native_build.ts";
import { HOUSE_PROFILES } from "../../tools/sim/house.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

/** Texts of numbers that have more digits later (uptime, watts); a leak of one small object an hour would be above it within a day. */
const TEXT_BYTES = 64;
/** The uptime and such have more digits later. */
const DIGITS_BYTES = 8;
/** No profile may take more when it runs. */
const LIMIT_BYTES = 100_000;
const profiles = measuredProfiles();
const missing = await heapIsMissing();
if (missing !== undefined) console.warn(`The heap tests are left out: ${missing}.`);
const measured = test.skipIf(missing !== undefined);

test.each(profiles)("the bundle of %s is within its budget", async (profile) => {
  const { bundle } = await buildBundle({ profile });
  expect(overBudget(readBudget(), profile, "bundleBytes", bundle.length)).toBeUndefined();
});

test("the budget has no profile that is not there", () => {
  for (const profile of Object.keys(readBudget())) expect(profiles).toContain(profile);
});

measured.each(profiles)("the heap of %s, connected, is below 100 KB and within its budget", async (profile) => {
  const { moments } = await runHeap(profile, [CONNECTED_MS]);
  expect(moments[0]?.live).toBeLessThan(LIMIT_BYTES);
  expect(overBudget(readBudget(), profile, "connectedBytes", moments[0]?.live ?? 0)).toBeUndefined();
});

// A day of each is in `bun run bench day`.
measured.each([...HOUSE_PROFILES])(
  "after two hours with failures of broker and network the heap of %s is what it was after the first",
  async (profile) => {
    const { hour, end } = await heapOverTime(profile, HOUR_OVER_MS + HOUR_MS);
    expect(end - hour).toBeLessThanOrEqual(DIGITS_BYTES);
  },
);

measured(
  "after a day the energy meter's heap is what it was after an hour, and it woke as often in each hour",
  async () => {
    const { moments, idles } = await runHeap("energy", [HOUR_MS, 2 * HOUR_MS, 23 * HOUR_MS, 24 * HOUR_MS]);
    const [hour, , , day] = moments;
    expect((day?.live ?? 0) - (hour?.live ?? 0)).toBeLessThan(TEXT_BYTES);
    expect((day?.peak ?? 0) - (hour?.peak ?? 0)).toBeLessThan(TEXT_BYTES * 8);
    const [first = 0, second = 0, beforeLast = 0, last = 0] = idles;
    // Two questions, two answers and one second tick a second; MQTT's pings and the windows' publications are the rest.
    expect(second - first).toBeLessThan(5.1 * 3600);
    expect(Math.abs(last - beforeLast - (second - first))).toBeLessThan(100);
  },
);
