// Proves `bun run ota --all` with 50 devices on one broker: host firmware each, updated by the program that a user types. On three the update
// crashes, on two it runs but never comes to the broker again; the summary is compared with what the devices run, and a second run does only
// what is left.

import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { join } from "node:path";
import type { HostMachine } from "../../tools/sim/host_machine.ts";
import { FASTER_WINDOWS } from "../../tools/sim/variants.ts";
import { variantBundle } from "../support/energy_bench.ts";
import { FLEET_PACE, FleetBench } from "../support/fleet_bench.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const DEVICES = 50;
/** From the restart into the trial to the crash: the firmware runs by then and has not proved itself. */
const CRASH_AFTER_US = 400_000;
const nameOf = (at: number): string => `d${String(at).padStart(2, "0")}`;
const CRASHING = [7, 23, 41].map(nameOf);
const UNREACHABLE = [3, 30].map(nameOf);
const FAILING: Record<string, string> = Object.fromEntries([
  ...CRASHING.map((name) => [name, "crash"]),
  ...UNREACHABLE.map((name) => [name, "deadline"]),
]);

let fleet: FleetBench;
let update = "";
let updateName = "";

beforeAll(async () => {
  const changed = await variantBundle("fleet", FASTER_WINDOWS);
  updateName = Buffer.from(changed.subarray(16, 24)).toString("hex");
  fleet = await FleetBench.make();
  update = join(fleet.folder, "update.bin");
  await Bun.write(update, changed);
  for (let at = 0; at < DEVICES; at++) {
    const name = nameOf(at);
    const machine = await fleet.add(name);
    if (CRASHING.includes(name)) crashesAfterUpdates(machine);
    if (UNREACHABLE.includes(name)) losesNetworkAfterUpdates(machine);
  }
  expect(await fleet.powerOn()).toBe(true);
});

afterAll(() => fleet?.close());

/** What only this device's surroundings do to the update: it panics soon after the restart into it. */
function crashesAfterUpdates(machine: HostMachine): void {
  machine.board.observe((event) => {
    if (event.kind === "reset" && event.reason === "software")
      fleet.world.clock.after(CRASH_AFTER_US, () => machine.fail("panic"));
  });
}

/** Its access point does not take it any more after the first restart, until the next one. */
function losesNetworkAfterUpdates(machine: HostMachine): void {
  machine.board.observe((event) => {
    if (event.kind === "reset") fleet.world.act(() => machine.board.setNetwork(machine.resets.length % 2 === 0));
  });
}

const ota = (...args: string[]) => fleet.ota(["--bundle", update, ...args]);

test("50 devices: the summary says exactly what became of them", async () => {
  const args = ["--bundle", update, "--all", "--max-failures", "5", "--concurrency", "16"];
  const beganMs = performance.now();
  const run = await fleet.ota(args, (count) => {
    // Whoever is left waits for a deadline of five minutes.
    if (count === DEVICES - UNREACHABLE.length) fleet.world.setPace("fast");
  });
  fleet.world.setPace(FLEET_PACE);
  console.log(`fleet: ${DEVICES} devices in ${((performance.now() - beganMs) / 1000).toFixed(0)} s`);
  expect(run.counts).toEqual({ confirmed: 45, failed: 5 });
  expect([run.code, run.err]).toEqual([1, expect.stringContaining("5 of 50 devices do not run it")]);
  for (const name of fleet.machines.keys()) {
    const why = FAILING[name];
    expect([name, run.results[name]]).toEqual([name, why === undefined ? "confirmed" : "failed"]);
    if (why !== undefined)
      expect(run.details[name]).toBe(
        `took the bundle back: ${why === "crash" ? "it crashed" : "it did not prove in time that it can be reached"}`,
      );
    const told = await fleet.version(name);
    expect(told.state).toBe("permanent");
    if (why === undefined) expect(told.bundle).toBe(updateName);
    else {
      expect(told.bundle).not.toBe(updateName);
      expect(told.rejected).toEqual({ bundle: updateName, why });
    }
  }
});

test("a second run does only what is left: a device that came since; one without power is told as not heard", async () => {
  await fleet.add("late");
  expect(await fleet.powerOn(["late"])).toBe(true);
  await fleet.file("dark");
  const before = fleet.resets();
  const { code, counts, results } = await ota("--all");
  expect([code, counts]).toEqual([1, { same: 45, confirmed: 1, rejectedBefore: 5, unreachable: 1 }]);
  expect([results["late"], results["dark"]]).toEqual(["confirmed", "unreachable"]);
  for (const [name, resets] of Object.entries(fleet.resets()))
    expect([name, resets - (before[name] ?? 0)]).toEqual([name, name === "late" ? 1 : 0]);
});

test("a canary that fails keeps the update from all the others", async () => {
  for (const name of ["d07", "d08", "d09"]) await fleet.file(name, "birds");
  const before = fleet.resets();
  const { code, results } = await ota("--group", "birds", "--force");
  expect([code, results]).toEqual([1, { d07: "failed", d08: "notStarted", d09: "notStarted" }]);
  const after = fleet.resets();
  expect([after["d08"], after["d09"]]).toEqual([before["d08"], before["d09"]]);
});

test("a group that has it all is no failure", async () => {
  await fleet.file("d00", "lone");
  const { code, counts } = await ota("--group", "lone");
  expect([code, counts]).toEqual([0, { same: 1 }]);
});
