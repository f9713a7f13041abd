// Proves on the host firmware that a peripheral's update is permanent once a central has confirmed the time, and is taken back otherwise.

import { afterEach, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { join } from "node:path";
import { profileBundle } from "../../tools/sim/firmware.ts";
import { partitionImage } from "../../tools/sim/flash_image.ts";
import { dropVariant, variantOf } from "../../tools/sim/variants.ts";
import { freshNative } from "../support/fresh_native.ts";
import { type LonePeripheral, lonePeripheral } from "../support/lone_peripheral.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";
import { StandInCentral } from "../support/stand_in_central.ts";

setDefaultTimeout(SLOW_TEST_MS);

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

let old: Uint8Array;
let fresh: Uint8Array;
beforeAll(async () => {
  freshNative();
  old = await profileBundle("tnowp");
  const edit = { file: "profiles/tnowp/main.ts", find: "SEND_MS = 15_000", replace: "SEND_MS = 16_000" };
  const root = await variantOf("tnowp", "trial", [edit]);
  fresh = await profileBundle("tnowp", root).finally(() => dropVariant(root));
});

const nameOf = (bundle: Uint8Array) => Buffer.from(bundle.subarray(16, 24)).toString("hex");

/** The device with the new bundle on trial beside the permanent one. */
async function onTrial(): Promise<LonePeripheral> {
  const device = await lonePeripheral("espnowpsk key\nespnowgroup group\nespnowversion 2\nwatchdog 1\n");
  ends.push(device.close);
  await device.machine.installBundle(old);
  await Bun.write(join(device.machine.flashDir, "app_1.bin"), partitionImage(fresh, 2, false));
  return device;
}

test("confirmed: it stays, also over a cut of power long after", async () => {
  const { world, air, machine, boots } = await onTrial();
  new StandInCentral(air, "key", "group");
  await machine.powerOn();
  await world.until(() => false, 60_000);
  await machine.powerCut();
  await machine.powerOn();
  await world.runFor(400_000);
  expect(boots.map((line) => line.includes(nameOf(fresh)))).toEqual([true, true]);
  expect(machine.resets).toEqual([]);
});

test("not confirmed: the old one is back after 5 min", async () => {
  const { world, machine, boots } = await onTrial();
  await machine.powerOn();
  await world.runFor(400_000);
  expect(boots.map((line) => line.includes(nameOf(old)))).toEqual([false, true]);
});
