// Proves what comes over ESP-NOW beside bundles, in memory: a configuration on trial, `keepversion`, and the recorded exception on its way back.

import { beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { configMail, keepMail } from "../../tools/lib/mail.ts";
import { MailWatch } from "../../tools/lib/mail_watch.ts";
import { configName } from "../../tools/lib/trial_updates.ts";
import type { Radio } from "../../tools/sim/air.ts";
import { bundleOf, KEY, MailHouse, nameOf, SENSOR_MAC } from "../../tools/sim/mail_house.ts";
import { profileProgram, profileScript } from "../support/profile_device.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const HOUR_MS = 3_600_000;
const manager = profileProgram("scale_manager");
let script: string;
beforeAll(async () => {
  script = await profileScript("scale_sensor");
});

const configOf = (house: MailHouse) => Buffer.from(house.sensor.files.get("config.txt") ?? []).toString();

/** What a tool has heard of the exception. */
function exceptionOf(house: MailHouse): unknown {
  const watch = new MailWatch("Manager", KEY);
  for (const [topic, payload] of house.retained) watch.message(`stat/Manager/${topic}`, payload);
  return watch.exception;
}

/** Topics of the exception's parts. */
const partsOf = (house: MailHouse) =>
  [...house.retained.keys()].filter((topic) => /^\d+$/.test(topic.slice(`Mail/${SENSOR_MAC}/`.length)));

test.each(["2", "3"])("a configuration is taken, tried and kept (version %s, 30 %% loss)", (version) => {
  const house = new MailHouse(manager, script, 0.3, 1, undefined, version);
  const text = `${configOf(house)}calibration_a 42000\n`;
  house.putMail(configMail(KEY, SENSOR_MAC, 1, text));
  expect(house.until(() => house.report()?.config === configName(text), 6 * HOUR_MS)).toBe(true);
  house.run(2 * HOUR_MS);
  expect(house.report()).toMatchObject({ mail: "tried", configTrial: false, configRejected: "" });
  expect(configOf(house)).toBe(text);
  // Half of what it was, and rounded.
  expect(house.weights.at(-1)).toBe("6.000");
});

test("a configuration that leads to no central is put back, and told", () => {
  // A pair of version 3 needs the group's key no more.
  const house = new MailHouse(manager, script, 0, 1, undefined, "2");
  const before = configOf(house);
  const text = before.replace("a-long-random-key", "another-key");
  house.putMail(configMail(KEY, SENSOR_MAC, 1, text));
  expect(house.until(() => house.report()?.configRejected === configName(text), 6 * HOUR_MS)).toBe(true);
  expect(house.report()).toMatchObject({ mail: "tried", config: configName(before), configWhy: "deadline" });
  expect(configOf(house)).toBe(before);
});

test("with `keep manual` a trial waits for `keepversion`, which comes by mail as well", () => {
  const house = new MailHouse(manager, script);
  house.sensor.files.set("config.txt", Buffer.from(`${configOf(house)}keep manual\n`));
  const bundle = bundleOf(`${script}//new`);
  house.post(bundle);
  expect(house.until(() => house.report()?.bundle === nameOf(bundle), 12 * HOUR_MS)).toBe(true);
  house.run(HOUR_MS);
  expect(house.report()).toMatchObject({ bundle: nameOf(bundle), state: "trial" });
  house.putMail(keepMail(KEY, SENSOR_MAC, 2));
  house.run(2 * HOUR_MS);
  expect(house.report()).toMatchObject({ bundle: nameOf(bundle), state: "permanent", number: 2, mail: "tried" });
  expect(house.manager.files.has(`mail.${SENSOR_MAC}`)).toBe(false);
  expect([...house.sensor.files.keys()].filter((name) => name.startsWith("mail."))).toEqual([]);
});

test("`keepversion` under another key keeps nothing", () => {
  const house = new MailHouse(manager, script);
  house.sensor.files.set("config.txt", Buffer.from(`${configOf(house)}keep manual\n`));
  house.post(bundleOf(`${script}//new`));
  house.until(() => house.report()?.state === "trial", 12 * HOUR_MS);
  house.putMail(keepMail(new Uint8Array(32), SENSOR_MAC, 2));
  house.run(2 * HOUR_MS);
  expect(house.report()).toMatchObject({ state: "trial", mail: "refused" });
});

test.each(["2", "3"])("what a bundle threw comes back to the tool, once (version %s, 30 %% loss)", (version) => {
  const house = new MailHouse(manager, script, 0.3, 2, undefined, version);
  const bad = bundleOf(`throw new Error("broken ${"very ".repeat(100)}");${script}`);
  house.post(bad);
  expect(house.until(() => house.report()?.rejected === nameOf(bad), 12 * HOUR_MS)).toBe(true);
  // Its parts come with the wake-ups that follow; frames are lost on their way.
  expect(house.until(() => exceptionOf(house) !== undefined, 12 * HOUR_MS)).toBe(true);
  const told = exceptionOf(house) as { message: string };
  expect(told.message).toBe(`Error: broken ${"very ".repeat(100)}`);
  const parts = partsOf(house);
  expect(parts.length).toBeGreaterThan(4);
  house.run(2 * HOUR_MS);
  for (const topic of parts) house.retained.delete(topic);
  house.run(3 * HOUR_MS);
  expect(partsOf(house)).toEqual([]);
});

test("a part of an exception under another key is nobody's", () => {
  const house = new MailHouse(manager, script);
  house.post(bundleOf(`throw new Error("broken");${script}`));
  house.run(6 * HOUR_MS);
  expect(exceptionOf(house)).toBeDefined();
  const watch = new MailWatch("Manager", new Uint8Array(32));
  for (const [topic, payload] of house.retained) watch.message(`stat/Manager/${topic}`, payload);
  expect([watch.exception, watch.report]).toEqual([undefined, undefined]);
});

test("without a broker the exception waits until there is one", () => {
  const house = new MailHouse(manager, script);
  house.manager.board.setNetwork(false);
  house.post(bundleOf(`throw new Error("broken");${script}`));
  house.run(4 * HOUR_MS);
  expect(exceptionOf(house)).toBeUndefined();
  house.manager.board.setNetwork(true);
  house.run(3 * HOUR_MS);
  expect(exceptionOf(house)).toMatchObject({ message: "Error: broken" });
});

test.each(["2", "3"])(
  "before it sleeps it tells its counters, with each reason of a refusal (version %s)",
  (version) => {
    const house = new MailHouse(manager, script, 0, 1, undefined, version);
    const stats = () => {
      const watch = new MailWatch("Manager", KEY);
      for (const [topic, payload] of house.retained) watch.message(`stat/Manager/${topic}`, payload);
      return watch.stats.get(SENSOR_MAC);
    };
    house.until(() => house.report() !== undefined, 60_000);
    expect([stats(), house.sensor.resets]).toEqual([undefined, []]);
    const { channel, longRange } = house.sensor.radio;
    const stranger: Radio = { mac: "020000000009", channel, longRange, heard: () => {} };
    for (const length of [10, 76]) house.air.send(stranger, SENSOR_MAC, new Uint8Array(length), () => {});
    house.run(60_000);
    expect(house.sensor.resets).toEqual(["deep sleep"]);
    const refused = version === "2" ? "hmac 1 short 1" : "tag 2";
    expect(stats()).toMatch(new RegExp(`^exceptions 0 accepted \\d+ .*${refused}.* mail refused 0$`));
    // In the next boot it counts anew, and tells that.
    house.run(HOUR_MS);
    expect(stats()).toMatch(/^exceptions 0 accepted \d+ mail refused 0$/);
  },
);

test("an awake peripheral tells its counters every half hour", async () => {
  const house = new MailHouse(manager, await profileScript("tnowp"));
  void house.sensor.powerCut();
  house.sensor.files.set("config.txt", Buffer.from(configOf(house).replace(/calibration.*\n/g, "")));
  house.sensor.start();
  house.run(29 * 60_000);
  expect(house.retained.has(`Mail/${SENSOR_MAC}/stats`)).toBe(false);
  house.run(2 * 60_000);
  expect(house.retained.get(`Mail/${SENSOR_MAC}/stats`)).toMatch(/^exceptions 0 accepted \d+/);
});
