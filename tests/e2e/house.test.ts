// A house of all profiles lives for days in virtual time, with failures: it repeats exactly from its seed, publishes only what the
// reference has, and everything can be reached at the end. A day by default; HOUSE_DAYS=30 bun test tests/e2e/house.test.ts is a month.

import { expect, setDefaultTimeout } from "bun:test";
import { type HouseReport, liveInHouse } from "../support/lived_house.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

const DAYS = Number(process.env["HOUSE_DAYS"] ?? 1);
setDefaultTimeout(SLOW_TEST_MS + DAYS * 60_000);

let runs: Promise<[HouseReport, HouseReport]> | undefined;
/** A process each, so that neither has anything of the other one's. */
function both(): Promise<[HouseReport, HouseReport]> {
  runs ??= Promise.all([liveInHouse(1, DAYS), liveInHouse(1, DAYS)]);
  return runs;
}

test("the same seed gives the same trace", async () => {
  const [first, second] = await both();
  expect(first.published).toBeGreaterThan(10_000 * DAYS);
  expect(second).toEqual(first);
});

test("broker, access point, power, parts and air have failed", async () => {
  const [{ mishaps }] = await both();
  for (const count of Object.values(mishaps)) expect(count).toBeGreaterThan(0);
});

test("nothing was published that the reference does not have", async () => {
  expect((await both())[0].faults).toEqual([]);
});

test("every profile has published, and every device can be reached at the end", async () => {
  const [{ silent, unreachable }] = await both();
  expect({ silent, unreachable }).toEqual({ silent: [], unreachable: [] });
});
