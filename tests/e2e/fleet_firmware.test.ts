// Proves that `bun run ota --all` brings each device the firmware that its bundle needs, first, with a canary that has to confirm both.

import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { join } from "node:path";
import { profileBundle } from "../../tools/sim/firmware.ts";
import { FLEET_PACE, FleetBench } from "../support/fleet_bench.ts";
import { espImage } from "../support/images.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";
import { bundleFor } from "../support/trial_bench.ts";
import { OTHER_ENGINE, oldFirmware } from "../support/trial_tool.ts";

setDefaultTimeout(SLOW_TEST_MS);

const OLD = ["a", "c", "d"];

let fleet: FleetBench;
const ends: (() => unknown)[] = [];

beforeAll(async () => {
  fleet = await FleetBench.make();
  const firmware = await oldFirmware(ends);
  const bundle = bundleFor(await profileBundle("energy"), OTHER_ENGINE);
  for (const name of ["a", "b", "c", "d"]) await fleet.add(name, OLD.includes(name) ? { firmware, bundle } : {});
  expect(await fleet.powerOn()).toBe(true);
});
afterAll(async () => {
  await fleet?.close();
  for (const end of ends) await end();
});

test("a canary that takes the firmware back keeps it from the others, and gets no bundle", async () => {
  const canary = fleet.machines.get("a");
  let resets = 0;
  canary?.board.observe((event) => {
    if (event.kind !== "reset") return;
    resets++;
    // The first one is into the firmware's trial.
    fleet.world.act(() => canary.board.setNetwork(resets !== 1));
    if (resets === 1) fleet.world.setPace("fast");
  });
  const { code, results, details } = await fleet.ota(["--all"]);
  fleet.world.setPace(FLEET_PACE);
  expect([code, results]).toEqual([1, { a: "failed", b: "same", c: "notStarted", d: "notStarted" }]);
  expect(details["a"]).toBe("took the firmware back: it did not prove in time that it can be reached");
  expect(fleet.resets()).toEqual({ a: 2, b: 0, c: 0, d: 0 });
});

test("left alone without --force; then each gets the firmware, confirms it, and gets its bundle", async () => {
  const left = await fleet.ota(["--all", "--max-failures", "0"]);
  expect(left.results).toEqual({ a: "rejectedBefore", b: "same", c: "confirmed", d: "confirmed" });
  expect(left.details["a"]).toContain("firmware: it did not prove in time that it can be reached in an earlier run");
  for (const name of ["c", "d"]) {
    const told = await fleet.version(name);
    expect(told).toMatchObject({ profile: "energy", state: "permanent", image: { slot: 1, state: "valid" } });
    expect(told.engine).not.toBe(OTHER_ENGINE);
  }
  // One restart into the firmware, one into the bundle.
  expect(fleet.resets()).toMatchObject({ b: 0, c: 2, d: 2 });
});

test("an image for another machine is refused before anything is sent, and the rest goes on", async () => {
  const before = fleet.resets();
  const alien = join(fleet.folder, "alien.bin");
  await Bun.write(alien, espImage("esp32"));
  const { code, counts, details } = await fleet.ota(["--all", "--firmware", alien]);
  expect([code, counts]).toEqual([1, { refused: 4 }]);
  expect(details["b"]).toBe("this firmware is for esp32, and b is a host");
  expect(fleet.resets()).toEqual(before);
});
