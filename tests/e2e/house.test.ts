// A house of all profiles lives for days in virtual time, with failures: it repeats exactly from its seed, in one process and in two,
// publishes only what the reference has, and everything can be reached at the end. A day by default; a month is
// HOUSE_DAYS=30 bun test tests/e2e/house.test.ts.

import { expect, setDefaultTimeout } from "bun:test";
import { HOUSE_HALVES, HOUSE_PROFILES } from "../../tools/sim/house.ts";
import { joinedReports } from "../../tools/sim/house_days.ts";
import { type LivedHouse, liveInHouse } from "../support/lived_house.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

const DAYS = Number(process.env["HOUSE_DAYS"] ?? 1);
setDefaultTimeout(SLOW_TEST_MS + DAYS * 300_000);

let runs: Promise<LivedHouse[]> | undefined;
/** The whole house, and each of its halves; a process each, so that none has anything of another one's. */
function all(): Promise<LivedHouse[]> {
  runs ??= Promise.all([liveInHouse(1, DAYS), ...HOUSE_HALVES.map((_, half) => liveInHouse(1, DAYS, half))]);
  return runs;
}
async function whole(): Promise<LivedHouse> {
  return (await all())[0] as LivedHouse;
}

test("the halves of the house are all of it", () => {
  expect(HOUSE_HALVES.flat().sort()).toEqual([...HOUSE_PROFILES].sort());
});

test("the same seed gives the same traces once more, in two processes", async () => {
  const [first, ...halves] = (await all()) as [LivedHouse, ...LivedHouse[]];
  expect(first.published).toBeGreaterThan(10_000 * DAYS);
  const { published, traces, turns, mishaps } = first;
  expect(joinedReports(halves)).toMatchObject({ published, traces, turns, mishaps });
});

test("broker, access point, power, parts and air have failed", async () => {
  const { mishaps } = await whole();
  for (const kind of ["broker", "network", "air"]) expect(mishaps[kind]).toBeGreaterThan(0);
  const some = (kind: RegExp) =>
    Object.keys(mishaps).filter((name) => kind.test(name) && (mishaps[name] ?? 0) > 0).length;
  expect(some(/^power/)).toBeGreaterThan(3);
  expect(some(/^(?!power)\w+ \w+$/)).toBeGreaterThan(3);
});

test("nothing was published that the reference does not have", async () => {
  expect((await whole()).faults).toEqual([]);
});

test("every profile has published, and every device can be reached at the end", async () => {
  const { silent, unreachable } = await whole();
  expect({ silent, unreachable }).toEqual({ silent: [], unreachable: [] });
});
