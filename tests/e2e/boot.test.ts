// Proves on the host firmware how a device comes up: power, resets, the watchdog, no bundle at all. What every machine shows is
// any_machine.test.ts.

import { afterEach, expect, setDefaultTimeout } from "bun:test";
import { type EnergyBench, energyBench, variantBundle } from "../support/energy_bench.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function made(bundle?: Uint8Array): Promise<EnergyBench> {
  const one = await energyBench(bundle);
  ends.push(one.close);
  return one;
}

test("a deadline between two doubles does not make the loop turn in vain until the clock moves", async () => {
  // 4704.538 as the sum of 2704.538 and 2000 is a little more than the double that is nearest to it.
  const bundle = await variantBundle("between", {
    file: "device/appliance.ts",
    find: "randomBelow(START_FUDGE_MS)",
    replace: "2704.538 - native.now()",
  });
  const { bench, seen, saw } = await made(bundle);
  await bench.machine.powerOn();
  await bench.world.until(() => false, 30_000);
  await bench.broker?.publish("cmnd/meter/OTA", "stats");
  let turns = 0;
  await saw((event) => {
    const found = event.kind === "publish" && /^loop turns (\d+)/.exec(event.payload);
    if (found) turns = Number(found[1]);
    return turns > 0;
  });
  expect(seen.some((each) => each.kind === "publish")).toBe(true);
  expect(turns).toBeGreaterThan(20);
  expect(turns).toBeLessThan(1000);
});

test("the LED on pin 2 blinks once a second", async () => {
  const { bench, seen } = await made();
  await bench.machine.powerOn();
  const blinks = () => seen.filter((each) => each.kind === "pin" && each.pin === 2);
  await bench.world.until(() => blinks().length >= 4, 60_000);
  const times = blinks().slice(1, 4);
  expect(times.map((each) => each.t - (times[0]?.t ?? 0))).toEqual([0, 1000, 2000]);
});

test("a reboot command restarts by software and is online again without the random delay", async () => {
  const { bench, seen, saw, published } = await made();
  await bench.machine.powerOn();
  expect(await saw(published("LWT", "online"))).toBe(true);
  const from = seen.length;
  await bench.broker?.publish("cmnd/meter/OTA", "reboot");
  expect(await saw(published("LWT", "online"), from)).toBe(true);
  expect(bench.machine.resets).toEqual(["software"]);
  expect(bench.machine.uptimeMs).toBeLessThan(17_000);
});

test("a power cut and the reset button lead to a boot with reason power on", async () => {
  const { bench, seen, saw, published } = await made();
  await bench.machine.powerOn();
  expect(await saw(published("LWT", "online"))).toBe(true);
  let from = seen.length;
  await bench.machine.pressReset();
  expect(await saw(published("LWT", "online"), from)).toBe(true);
  expect(bench.machine.resets).toEqual(["power on"]);
  from = seen.length;
  await bench.machine.powerCut();
  await bench.machine.powerOn();
  expect(await saw(published("LWT", "online"), from)).toBe(true);
});

test("an endless loop is ended by the watchdog and the device comes back", async () => {
  // Hangs once, three minutes after it has come up; a file that survives the reset tells that it has.
  const bundle = await variantBundle("hang", {
    file: "profiles/energy/main.ts",
    find: "appliance.run(() => {",
    replace:
      'appliance.run(() => {\n  if (native.nvsGet("hung", "once") === undefined) appliance.loop.task(() => {\n' +
      '    native.nvsSet("hung", "once", "1");\n    for (;;);\n  }, false, "hang").once(180_000);',
  });
  const { bench, seen, saw, published } = await made(bundle);
  await bench.machine.powerOn();
  expect(await saw((event) => event.kind === "reset")).toBe(true);
  expect(bench.machine.resets).toEqual(["watchdog"]);
  expect(await saw(published("LWT", "online"), seen.length)).toBe(true);
}, 60_000);

test("a meter that falls silent is malfunction 4, and 0 again after the ten minutes", async () => {
  const { bench, seen, saw, published } = await made();
  await bench.machine.powerOn();
  expect(await saw(published("VA"))).toBe(true);
  bench.meter.fault = "silence";
  expect(await saw(published("Malfunction", "4"))).toBe(true);
  bench.meter.fault = "none";
  const from = seen.length;
  expect(await saw(published("Malfunction", "0"), from)).toBe(true);
});

test("a chip without a bundle runs recovery and takes its place on the broker", async () => {
  const { bench, seen } = await made(new Uint8Array(0x200));
  await bench.machine.powerOn();
  await bench.world.until(() => seen.some((each) => each.kind === "connect"), 120_000);
  expect(seen.some((each) => each.kind === "log" && each.line.includes("recovery"))).toBe(true);
});
