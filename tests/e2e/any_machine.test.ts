// The device's life from power on to roll-back, the same on every machine: HEARTH_MACHINE=host|qemu|qemu:CHIP bun test tests/e2e/any_machine.test.ts

import { afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { FASTER_WINDOWS, THROWS_AT_START } from "../../tools/sim/variants.ts";
import { variantBundle } from "../support/energy_bench.ts";
import { has, type Rig, rig } from "../support/machine_under_test.ts";

/** An emulated chip needs real minutes for a trial that fails. */
const REAL_TIME_TEST_MS = 900_000;
setDefaultTimeout(REAL_TIME_TEST_MS);

let changed: Uint8Array;
let throwing: Uint8Array;
beforeAll(async () => {
  changed = await variantBundle("any-changed", FASTER_WINDOWS);
  throwing = await variantBundle("any-throws", THROWS_AT_START);
});

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A device that is on the broker, with a steady load on its meter. */
async function online(): Promise<Rig> {
  const one = await rig();
  ends.push(one.close);
  one.bench.household.fixedVolts = 231.5;
  one.bench.household.fixedWatts = 1000;
  await one.bench.machine.powerOn();
  expect(await one.saw(one.published("LWT", "online"))).toBe(true);
  return one;
}

test("the meter's values are on the broker after its first window", async () => {
  const one = await online();
  expect(await one.saw(one.published("VA"))).toBe(true);
  expect(one.seen.some(one.published("V", "231.5"))).toBe(true);
  expect(one.seen.some(one.published("W", "1000.0"))).toBe(true);
  expect(one.seen.some(one.published("Malfunction", "0"))).toBe(true);
});

test("a reboot command and a power cut lead back to the broker", async () => {
  const one = await online();
  let from = one.seen.length;
  const resets = one.bench.machine.resets.length;
  await one.bench.broker?.publish("cmnd/meter/OTA", "reboot");
  expect(await one.saw(one.published("LWT", "online"), from)).toBe(true);
  expect(one.bench.machine.resets.slice(resets)).toEqual(["software"]);
  await one.bench.machine.powerCut();
  from = one.seen.length;
  await one.bench.machine.powerOn();
  expect(await one.saw(one.published("LWT", "online"), from)).toBe(true);
});

test("a changed bundle is sent over the air, proves itself and is kept; one that throws is taken back", async () => {
  const one = await online();
  const good = await one.ota(changed);
  expect([good.code, good.err]).toEqual([0, ""]);
  expect(good.out).toContain("meter has confirmed bundle");
  const bad = await one.ota(throwing);
  expect(bad.code).toBe(1);
  expect(bad.err).toContain("back: it crashed");
  expect(bad.err).toContain("this build throws at start");
  expect(await one.saw(one.published("VA"), one.seen.length)).toBe(true);
});

test("a device whose network goes away comes back to the broker when it returns", async () => {
  const one = await online();
  one.bench.world.act(() => one.bench.machine.board.setNetwork(false));
  expect(await one.saw(one.published("LWT", "offline"))).toBe(true);
  const from = one.seen.length;
  one.bench.world.act(() => one.bench.machine.board.setNetwork(true));
  expect(await one.saw(one.published("LWT", "online"), from)).toBe(true);
});

test("the LED on pin 2 blinks", async () => {
  if (!has("pins", "the LED on pin 2 blinks")) return;
  const one = await online();
  expect(one.seen.filter((event) => event.kind === "pin" && event.pin === 2).length).toBeGreaterThan(3);
});
