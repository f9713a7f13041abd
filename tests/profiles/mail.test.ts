// Proves updates over ESP-NOW in memory: gateway and battery scale with their own main.ts, a lossy air, deep sleep and restarts in between.

import { beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { encodeMail } from "../../tools/lib/mail.ts";
import { bundleOf, KEY, MailHouse, nameOf, SENSOR_MAC } from "../../tools/sim/mail_house.ts";
import type { Program } from "../../tools/sim/memory_native.ts";
import { profileProgram, profileScript } from "../support/profile_device.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const HOUR_MS = 3_600_000;
let manager: Program;
let script: string;
let next: string;
let recovery: Program;
beforeAll(async () => {
  [manager, script, recovery] = await Promise.all([
    profileProgram("scale_manager"),
    profileScript("scale_sensor"),
    profileProgram("recovery_espnow"),
  ]);
  next = `${script}\n//${"the next version ".repeat(40)}`;
});

const running = (house: MailHouse) => house.report()?.bundle;
const bodyIn = (house: MailHouse, name: string) =>
  house.sensor.slots.slots.find((slot) => slot !== undefined && nameOf(slot.header) === name)?.body;

function expectConfirmed(house: MailHouse, bundle: Uint8Array): void {
  expect(house.report()).toMatchObject({ bundle: nameOf(bundle), state: "permanent", mail: "tried" });
  expect(Buffer.compare(bodyIn(house, nameOf(bundle))!, bundle.subarray(256))).toBe(0);
  expect(house.manager.files.has(`mail.${SENSOR_MAC}`)).toBe(false);
  expect([...house.sensor.files.keys()].filter((name) => name.startsWith("mail."))).toEqual([]);
}

test("a report tells what runs; without mail nothing else is said", () => {
  const house = new MailHouse(manager, script);
  house.run(5 * 60_000);
  expect(house.report()).toMatchObject({ profile: "scale_sensor", state: "permanent", mail: "none", number: 0 });
  expect(house.weights).toEqual(["12.000"]);
});

test.each([
  [1, "auto"],
  [2, "3"],
  [3, "2"],
] as const)("30 %% loss both ways, and deep sleep in between: byte-exact (seed %p, version %s)", (seed, version) => {
  const house = new MailHouse(manager, script, 0.3, seed, undefined, version);
  const bundle = bundleOf(next);
  house.post(bundle);
  expect(
    house.until(() => running(house) === nameOf(bundle) && house.report()?.state === "permanent", 12 * HOUR_MS),
  ).toBe(true);
  house.run(2 * HOUR_MS);
  expectConfirmed(house, bundle);
  expect(house.sensor.resets.indexOf("deep sleep")).toBeGreaterThanOrEqual(0);
  expect(house.sensor.resets.indexOf("deep sleep")).toBeLessThan(house.sensor.resets.indexOf("software"));
});

test("restarts and power cuts of either side in the middle cost time, not bytes", async () => {
  const house = new MailHouse(manager, script, 0.3, 4);
  const bundle = bundleOf(next);
  house.post(bundle);
  for (let round = 0; round < 12; round++) {
    house.run(17_000 + 3100 * round);
    const chip = round % 2 === 0 ? house.sensor : house.manager;
    await chip.powerCut();
    await chip.powerOn();
  }
  house.until(() => running(house) === nameOf(bundle) && house.report()?.state === "permanent", 12 * HOUR_MS);
  house.run(2 * HOUR_MS);
  expectConfirmed(house, bundle);
});

test("a mail that another key made is refused, told, and thrown away; the running bundle stays", () => {
  const house = new MailHouse(manager, script);
  house.post(bundleOf(next), 7, new Uint8Array(32).fill(1));
  house.run(10_000 + 60_000);
  expect(house.report()).toMatchObject({
    bundle: nameOf(bundleOf(script)),
    mail: "refused",
    mailWhy: "not made with this device's otakey",
    number: 7,
  });
  expect(house.manager.files.has(`mail.${SENSOR_MAC}`)).toBe(false);
  expect(house.sensor.logLines).toContain("mail refused: not made with this device's otakey");
  // It does not count as the newest: the next one of ours may have a smaller number.
  house.post(bundleOf(next), 3);
  house.until(() => running(house) === nameOf(bundleOf(next)), 12 * HOUR_MS);
  house.run(2 * HOUR_MS);
  expectConfirmed(house, bundleOf(next));
});

const refusals: [why: string, mail: () => Uint8Array][] = [
  ["profile energy on a device that runs scale_sensor", () => encode(bundleOf(next, "energy"))],
  ["the mail is cut short", () => encode(bundleOf(next)).subarray(0, 9000)],
  ["checksum differs", () => flip(encode(bundleOf(next)), 5000)],
  ["not made with this device's otakey", () => flip(encode(bundleOf(next)), 100)],
  ["mail for another device", () => encode(bundleOf(next), "020000000009")],
  ["neither a bundle nor a configuration", () => encodeMail(KEY, SENSOR_MAC, 1, Buffer.from([0x14]), Buffer.from("x"))],
];
const encode = (bundle: Uint8Array, mac = SENSOR_MAC) =>
  encodeMail(KEY, mac, 1, Buffer.concat([Uint8Array.of(0x11), bundle.subarray(0, 256)]), bundle.subarray(256));
function flip(bytes: Uint8Array, at: number): Uint8Array {
  bytes[at]! ^= 1;
  return bytes;
}

test.each(refusals)("refused: %s", (why, mail) => {
  const house = new MailHouse(manager, script);
  house.putMail(mail());
  expect(house.until(() => house.report()?.mail === "refused", 6 * HOUR_MS)).toBe(true);
  expect(house.report()).toMatchObject({ bundle: nameOf(bundleOf(script)), mailWhy: why });
  const frames = house.frames.get(SENSOR_MAC) ?? 0;
  house.run(HOUR_MS);
  expect((house.frames.get(SENSOR_MAC) ?? 0) - frames).toBeLessThan(20);
  expect(house.report()?.bundle).toBe(nameOf(bundleOf(script)));
});

test("a bundle that throws is taken back and told, and the same mail does nothing again", () => {
  const house = new MailHouse(manager, script);
  const bad = bundleOf(`throw new Error("broken");${script}`);
  house.post(bad);
  expect(house.until(() => house.report()?.rejected === nameOf(bad), 6 * HOUR_MS)).toBe(true);
  expect(house.report()).toMatchObject({ bundle: nameOf(bundleOf(script)), rejectedWhy: "crash", mail: "tried" });
  const resets = house.sensor.resets.length;
  house.post(bad);
  house.run(3 * HOUR_MS);
  expect(house.sensor.resets.slice(resets).every((reason) => reason === "deep sleep")).toBe(true);
});

test("an older mail than the newest that was seen is not taken", () => {
  const house = new MailHouse(manager, script);
  const bundle = bundleOf(next);
  house.post(bundle, 9);
  house.until(() => running(house) === nameOf(bundle), 6 * HOUR_MS);
  house.run(HOUR_MS);
  house.post(bundleOf(script), 8);
  house.run(4 * HOUR_MS);
  expect(running(house)).toBe(nameOf(bundle));
});

test("a peripheral in recovery is updated in the same way", () => {
  const house = new MailHouse(manager, "", 0.3, 5, recovery);
  const bundle = bundleOf(next);
  house.post(bundle);
  expect(house.until(() => house.report()?.state === "recovery", 10 * 60_000)).toBe(true);
  expect(house.report()?.recoveryWhy).toBe("none");
  expect(house.until(() => running(house) === nameOf(bundle), 10 * 60_000)).toBe(true);
  house.run(2 * HOUR_MS);
  expectConfirmed(house, bundle);
});
