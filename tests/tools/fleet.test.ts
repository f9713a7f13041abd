// Proves the order of a fleet's update: survey, canary, the limit of devices at a time, the failures that are put up with.

import { expect, test } from "bun:test";
import { UserError } from "../../tools/lib/errors.ts";
import { type FleetOptions, type Survey, updateFleet } from "../../tools/lib/fleet.ts";

const NAMES = Array.from({ length: 12 }, (_, at) => `d${at}`);

interface Ran {
  results: Record<string, string | undefined>;
  /** In the order in which they were begun. */
  begun: string[];
  mostAtOnce: number;
  beforeCanaryEnded: number;
}

async function run(
  fails: string[],
  surveys: Record<string, Survey | "silent"> = {},
  more: Partial<FleetOptions> = {},
): Promise<Ran> {
  const begun: string[] = [];
  let now = 0;
  let mostAtOnce = 0;
  let beforeCanaryEnded = 0;
  const members = await updateFleet({
    names: NAMES,
    concurrency: 3,
    maxFailures: 1,
    survey: async (name) => {
      const found = surveys[name] ?? { todo: true };
      if (found === "silent") throw new UserError(`${name} did not answer`);
      return found;
    },
    update: async (name) => {
      begun.push(name);
      mostAtOnce = Math.max(mostAtOnce, ++now);
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
      if (begun[0] === name) beforeCanaryEnded = begun.length;
      now--;
      if (fails.includes(name)) throw new UserError("it crashed");
      return "confirmed";
    },
    onChange: () => {},
    ...more,
  });
  const results = Object.fromEntries(members.map(({ name, result }) => [name, result]));
  return { results, begun, mostAtOnce, beforeCanaryEnded };
}

const count = (ran: Ran, result: string): number => Object.values(ran.results).filter((each) => each === result).length;

test("all are updated, the first one alone, then as many at once as allowed", async () => {
  const ran = await run([]);
  expect(count(ran, "confirmed")).toBe(12);
  expect([ran.mostAtOnce, ran.beforeCanaryEnded]).toEqual([3, 1]);
});

test("a canary that fails stops everything", async () => {
  const ran = await run(["d0"], {}, { maxFailures: 100 });
  expect(ran.begun).toEqual(["d0"]);
  expect([ran.results["d0"], count(ran, "notStarted")]).toEqual(["failed", 11]);
});

test("a canary that is left on trial stops everything, too", async () => {
  const ran = await run([], {}, { update: async () => "trial" });
  expect([ran.results["d0"], count(ran, "notStarted")]).toEqual(["trial", 11]);
});

test("failures up to the tolerance are put up with; one more, and no other is begun", async () => {
  const one = await run(["d4"]);
  expect([count(one, "failed"), count(one, "confirmed")]).toEqual([1, 11]);
  const two = await run(["d1", "d2"], {}, { concurrency: 1 });
  expect(two.begun).toEqual(["d0", "d1", "d2"]);
  expect([count(two, "failed"), count(two, "notStarted")]).toEqual([2, 9]);
});

test("who has it, took it back before, or is not heard is no canary, gets nothing and is no failure of the update", async () => {
  const ran = await run(
    [],
    {
      d0: "silent",
      d1: { todo: false, result: "same", detail: "" },
      d2: { todo: false, result: "rejectedBefore", detail: "" },
      d3: "silent",
      d11: { todo: false, result: "refused", detail: "it is another machine" },
    },
    { maxFailures: 0 },
  );
  expect(ran.begun[0]).toBe("d4");
  expect(ran.begun).toHaveLength(7);
  expect(Object.values(ran.results).slice(0, 4)).toEqual(["unreachable", "same", "rejectedBefore", "unreachable"]);
  expect(ran.results["d11"]).toBe("refused");
});

test("a bug of the tools is not taken for a failure of a device", async () => {
  const bug = async () => Promise.reject(new TypeError("a bug"));
  await expect(run([], {}, { update: bug })).rejects.toThrow("a bug");
  await expect(run([], {}, { survey: bug })).rejects.toThrow("a bug");
});
