// Every combination of what runs and what is to be sent, against the rules in words.

import { expect, test } from "bun:test";
import { type Ids, planUpdate, type Running, type Wanted } from "../../tools/lib/update_plan.ts";

const A: Ids = { engineId: "a".repeat(16), apiHash: "1".repeat(16) };
const OTHER_API: Ids = { ...A, apiHash: "2".repeat(16) };
const OTHER_ENGINE: Ids = { ...A, engineId: "b".repeat(16) };

function running(change: Partial<Running> = {}): Running {
  return {
    name: "meter",
    machine: "host",
    ids: A,
    firmware: { name: "old", state: "valid" },
    bundle: { name: "oldb", state: "permanent" },
    ...change,
  };
}
const firmware = (ids: Ids, name = "new") => ({ ...ids, name, machine: "host" });
const bundle = (ids: Ids, name = "newb") => ({ ...ids, name });
const refusal = (of: Running, wanted: Wanted) => (planUpdate(of, wanted) as { refused: string }).refused;

test("one thing that fits is one step; what runs already is none", () => {
  expect(planUpdate(running(), { bundle: bundle(A) })).toEqual({ steps: ["bundle"] });
  expect(planUpdate(running(), { firmware: firmware(A) })).toEqual({ steps: ["firmware"] });
  expect(planUpdate(running(), { bundle: bundle(A, "oldb") })).toEqual({ steps: [] });
  expect(planUpdate(running(), { firmware: firmware(A, "old"), bundle: bundle(A) })).toEqual({ steps: ["bundle"] });
});

test("both: the firmware goes first, whether or not the bundle would run on the old one", () => {
  for (const ids of [A, OTHER_API, OTHER_ENGINE])
    expect(planUpdate(running(), { firmware: firmware(ids), bundle: bundle(ids) })).toEqual({
      steps: ["firmware", "bundle"],
    });
});

test("the same program for another firmware is sent, though it has the name of what runs", () => {
  const wanted = { firmware: firmware(OTHER_API), bundle: bundle(OTHER_API, "oldb") };
  expect(planUpdate(running(), wanted)).toEqual({ steps: ["firmware", "bundle"] });
});

test("a pair that does not fit is refused, whichever of them fits what runs", () => {
  expect(refusal(running(), { firmware: firmware(OTHER_API), bundle: bundle(A) })).toContain("native API");
  expect(refusal(running(), { firmware: firmware(A), bundle: bundle(OTHER_ENGINE) })).toContain("engine");
  expect(refusal(running(), { firmware: firmware(A, "old"), bundle: bundle(OTHER_API) })).toContain("the firmware of");
});

test("a bundle alone that does not run on the firmware is refused", () => {
  expect(refusal(running(), { bundle: bundle(OTHER_API) })).toContain("send the firmware of the same checkout with it");
});

test("a firmware alone that the running bundle does not run on is refused, unless recovery is meant or runs already", () => {
  expect(refusal(running(), { firmware: firmware(OTHER_API) })).toContain("send one that does with it");
  const steps = { steps: ["firmware"] };
  expect(planUpdate(running(), { firmware: firmware(OTHER_API), recoveryMeant: true })).toEqual(steps as never);
  const inRecovery = running({ bundle: { name: "r", state: "recovery" } });
  expect(planUpdate(inRecovery, { firmware: firmware(OTHER_API) })).toEqual(steps as never);
});

test("the bundle is sent again to a device in recovery, whatever it is called", () => {
  const inRecovery = running({ bundle: { name: "newb", state: "recovery" } });
  expect(planUpdate(inRecovery, { bundle: bundle(A) })).toEqual({ steps: ["bundle"] });
});

test("nothing is sent while something is on trial, for another machine, or to a device without slots", () => {
  const wanted = { firmware: firmware(A) };
  expect(refusal(running({ firmware: { name: "old", state: "pending" } }), wanted)).toContain("keepversion");
  expect(refusal(running({ bundle: { name: "oldb", state: "trial" } }), wanted)).toContain("which is to blame");
  expect(refusal(running({ machine: "esp32" }), wanted)).toContain("for host, and meter is a esp32");
  expect(refusal(running({ firmware: undefined }), wanted)).toContain("over the cable");
});

test("all combinations: what is planned always ends with a bundle that runs, or in a recovery that was there or meant", () => {
  const all = [A, OTHER_API, OTHER_ENGINE];
  let planned = 0;
  for (const before of all)
    for (const image of [undefined, ...all])
      for (const sent of [undefined, ...all])
        for (const state of ["permanent", "trial", "recovery"] as const)
          for (const recoveryMeant of [false, true]) {
            const wanted: Wanted = { recoveryMeant };
            if (image !== undefined) wanted.firmware = firmware(image);
            if (sent !== undefined) wanted.bundle = bundle(sent);
            const plan = planUpdate(running({ ids: before, bundle: { name: "oldb", state } }), wanted);
            if ("refused" in plan) continue;
            planned++;
            const ids = plan.steps.includes("firmware") ? image : before;
            const runs = plan.steps.includes("bundle") ? sent : state === "recovery" ? undefined : before;
            if (runs !== undefined && !(recoveryMeant && sent === undefined)) expect(runs).toEqual(ids as Ids);
            if (plan.steps.includes("bundle")) expect(plan.steps.at(-1)).toBe("bundle");
            if (plan.steps.includes("firmware")) expect(state).not.toBe("trial");
          }
  expect(planned).toBeGreaterThan(60);
});
