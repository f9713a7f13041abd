// Proves that `bun run ota` decides by itself what goes first when a device needs another firmware for its bundle: the program that a user types,
// the host firmware, a broker and real TCP.

import { afterEach, expect, setDefaultTimeout } from "bun:test";
import { profileBundle } from "../../tools/sim/firmware.ts";
import { type EnergyBench, energyBench } from "../support/energy_bench.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { bundleFile, LINK_PACE, type ToolRun } from "../support/ota_tool.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";
import { bundleFor } from "../support/trial_bench.ts";
import { imageFile, OTHER_ENGINE, oldFirmware, trialTool } from "../support/trial_tool.ts";

setDefaultTimeout(SLOW_TEST_MS);

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A running device; `old`: with firmware of another engine and the bundle for that. */
async function running(old: boolean, moreConfig: string[] = []): Promise<EnergyBench> {
  const ours = await profileBundle("energy");
  const energy = old
    ? await energyBench(bundleFor(ours, OTHER_ENGINE), { moreConfig, firmware: await oldFirmware(ends) })
    : await energyBench(ours, { moreConfig });
  ends.push(energy.close);
  await energy.bench.machine.powerOn();
  expect(await energy.saw(energy.published("LWT", "online"))).toBe(true);
  return energy;
}

/** What was tried and how it ended, in order. */
function done(run: ToolRun): unknown[] {
  const told = run.events.filter((each) => each["event"] === "done");
  return told.map((each) => [each["firmware"] === undefined ? "bundle" : "firmware", each["result"]]);
}

test("a device with an older firmware gets this checkout's first and then its bundle, without being told", async () => {
  const energy = await running(true);
  const run = await trialTool(energy, "ota", "--json");
  expect([run.code, run.err]).toEqual([0, expect.stringContaining("building the firmware")]);
  expect(done(run)).toEqual([
    ["firmware", "confirmed"],
    ["bundle", "confirmed"],
  ]);
  // Never both on trial in one boot.
  expect(energy.bench.machine.resets).toHaveLength(2);
  const again = await trialTool(energy, "ota", "--json");
  expect([again.code, done(again)]).toEqual([0, [["bundle", "same"]]]);
});

test("a firmware that is named goes first also where the bundle would run without it", async () => {
  const energy = await running(false);
  const [image, name] = await imageFile(energy, "2.0.0");
  const run = await trialTool(energy, "ota", "--firmware", image);
  expect([run.code, run.err]).toEqual([0, ""]);
  expect(run.out).toContain(`meter has confirmed firmware 2.0.0 (${name}).`);
  // The bundle that it runs fits and stays.
  expect(energy.bench.machine.resets).toHaveLength(1);
});

test("the bundle is not sent behind a firmware that was taken back, and the old pair goes on", async () => {
  const energy = await running(true);
  const { world, machine } = energy.bench;
  machine.board.observe((event) => {
    if (event.kind === "reset") world.act(() => machine.board.setNetwork(machine.resets.length !== 1));
  });
  const run = await trialTool(energy, "ota", "--json");
  expect([run.code, done(run)]).toEqual([1, [["firmware", "rolledBack"]]]);
  expect(run.err).toContain("it did not prove in time that it can be reached");
  expect(run.events.some((each) => each["event"] === "sent")).toBe(false);
  expect(run.events.at(-2)).toMatchObject({ event: "done", why: "deadline" });
});

test("with `keep manual` it stops at the firmware and says what to do; then it goes on from recovery with what the device's file says", async () => {
  const energy = await running(true, ["keep manual", "#profile energy"]);
  const { world, broker } = energy.bench;
  // Time must not rush through the five minutes that somebody has for an answer.
  broker?.observe((event) => {
    if (event.kind === "publish" && event.topic.endsWith("/LWT")) world.setPace(LINK_PACE);
  });
  const first = await trialTool(energy, "ota", "--json");
  expect([first.code, done(first)]).toEqual([1, [["firmware", "trial"]]]);
  expect(first.err).toContain(
    "publish `keepversion` on cmnd/meter/OTA within 5 minutes, then run this again for the bundle",
  );
  await broker?.publish("cmnd/meter/OTA", "keepversion");
  expect(await energy.saw((event) => event.kind === "publish" && event.payload.includes(" kept"))).toBe(true);
  const second = await trialTool(energy, "ota", "--json");
  expect([second.code, done(second)]).toEqual([0, [["bundle", "trial"]]]);
});

test("what cannot end well is refused before anything is sent", async () => {
  const energy = await running(false);
  const [other] = await imageFile(energy, "2.0.0", OTHER_ENGINE);
  const ours = await bundleFile(energy, await profileBundle("energy"), "ours.bin");
  const theirs = await bundleFile(energy, bundleFor(await profileBundle("energy"), OTHER_ENGINE), "theirs.bin");
  const relay = await bundleFile(energy, await profileBundle("relay"), "relay.bin");
  for (const [args, message] of [
    [["--firmware", other, "--bundle", ours], "this bundle does not run on that firmware"],
    [["--bundle", theirs], "nor does this checkout's"],
    [["--firmware", other, "--bundle", relay], "add --change-profile if that is meant"],
    [["--firmware", ours], "there is no Hearth firmware in this file"],
  ] as const) {
    const { code, err } = await trialTool(energy, "ota", ...args);
    expect([code, err]).toEqual([1, expect.stringContaining(message)]);
  }
  expect(energy.seen.some((each) => each.kind === "publish" && each.payload === "open")).toBe(false);
  expect(energy.bench.machine.resets).toEqual([]);
});
