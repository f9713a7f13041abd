// Proves on the host firmware that a peripheral of ESP-NOW gets the recovery bundle over ESP-NOW, and is reached in it: over the air by its
// central, also by what was good once, and over the serial console.

import { afterEach, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { join } from "node:path";
import { profileBundle } from "../../tools/sim/firmware.ts";
import { freshNative } from "../support/fresh_native.ts";
import { lonePeripheral } from "../support/lone_peripheral.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";
import { StandInCentral } from "../support/stand_in_central.ts";

setDefaultTimeout(SLOW_TEST_MS);

const PAIR = "espnowpsk key\nespnowgroup group\nespnowversion 2\n";
const HOUR_MS = 3_600_000;
const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

let bundle: Uint8Array;
beforeAll(async () => {
  freshNative();
  bundle = await profileBundle("tnowp");
});

/** A chip with this configuration, on an air with a central of its group. */
async function chipWith(config: string) {
  const device = await lonePeripheral(config);
  ends.push(device.close);
  const { mac } = new StandInCentral(device.air, "key", "group");
  const senders: string[] = [];
  device.air.observe(({ from }) => {
    if (from !== mac) senders.push(from);
  });
  /** Profile and reason of every boot. */
  const boots = () =>
    device.boots.flatMap((line) => {
      const [, profile, why] = /^boot: (\w+) .*?(?:, recovery: ([^,]*)|), bytecode/.exec(line) ?? [];
      return profile === undefined ? [] : [why === undefined ? profile : `${profile}: ${why}`];
    });
  return { ...device, senders, boots };
}

test("without a bundle: it pairs, and tries the normal bundle after an hour", async () => {
  const { world, machine, boots } = await chipWith(`${PAIR}watchdog 1\n`);
  await machine.powerOn();
  await world.until(() => false, HOUR_MS - 60_000);
  expect(boots()).toEqual(["recovery_espnow: none"]);
  // Its central has confirmed it, and it keeps that.
  expect(await Bun.file(join(machine.flashDir, "nvs.bin")).text()).toContain("AA:BB:CC:DD:EE:FF");
  await machine.installBundle(bundle);
  await world.runFor(HOUR_MS);
  expect(boots()).toEqual(["recovery_espnow: none", "tnowp"]);
});

test("a destroyed config.txt: what was good once is enough to be in the group again", async () => {
  const { world, machine, boots, senders } = await chipWith(`${PAIR}watchdog 1\n`);
  await machine.installBundle(bundle);
  await machine.powerOn();
  await world.until(() => false, 60_000);
  await machine.powerCut();
  await machine.writeFile("config.txt", "junk");
  const before = senders.length;
  await machine.powerOn();
  await world.runFor(60_000);
  expect(boots()).toEqual(["tnowp", "tnowp", "recovery_espnow: config: espnowpsk is missing"]);
  // One wakeup, because it was answered.
  expect(senders.length - before).toBe(1);
});

test("a device with a network gets the other one", async () => {
  const { world, machine, boots } = await chipWith(
    `ssid (wired)\nmqttbroker 127.0.0.1\nmqttname x\nwatchdog 1\n${PAIR}`,
  );
  await machine.powerOn();
  await world.runFor(20_000);
  expect(boots()).toEqual(["recovery: none"]);
});
