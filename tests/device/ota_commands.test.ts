// Proves the commands on cmnd/NAME/OTA, the proof of reachability and the recovery bundle, in virtual time.

import { expect, test } from "bun:test";
import type { Appliance } from "../../device/appliance.ts";
import { Config, parseConfig } from "../../device/config.ts";
import { Loop } from "../../device/loop.ts";
import { Proof } from "../../device/proof.ts";
import { freshNative } from "../support/fresh_native.ts";
import { profileProgram } from "../support/profile_device.ts";
import { CONFIG, House } from "./support.ts";

/** A connected device whose first log lines are read. */
function connected(config = CONFIG, prepare: (house: House) => void = () => {}): House {
  const house = new House(undefined, config);
  prepare(house);
  house.boot(30_000);
  house.published.length = 0;
  return house;
}
function answer(house: House, command: string): string[] {
  house.command(command);
  return house.take("Log");
}

test("open publishes the status at once and every 10 s, counting from 1, until the link closes after 10 min", () => {
  const house = connected();
  house.command("open");
  const first = house.published[0] as [number, string, string];
  expect(first.slice(1)).toEqual(["OTA", "netstatus 3 addr 10.0.0.2 mac 02:00:00:00:BE:EF flavor test count 1"]);
  house.chip.run(20_100);
  expect(house.published.map((each) => [Math.round((each[0] - first[0]) / 1000), each[2].split(" ").pop()])).toEqual([
    [0, "1"],
    [10, "2"],
    [20, "3"],
  ]);
  house.chip.run(1_200_000);
  expect(house.take("OTA").length).toBeWithin(60, 62);
  house.command("open");
  expect(house.take("OTA")[0]).toEndWith("count 1");
});

test("without a key open answers that updates come over serial only", () => {
  const house = connected(CONFIG.replace(/otakey.*\n/, ""));
  expect(answer(house, "open")).toEqual(["no otakey: this device takes updates over serial only"]);
  house.chip.run(30_000);
  expect(house.take("OTA")).toEqual([]);
});

test("getversion answers one line of JSON", () => {
  const house = connected(CONFIG, ({ chip }) => {
    chip.slots.rejectedHash = "abcd";
    chip.slots.rejectedWhy = "crash";
  });
  const [line, ...more] = answer(house, "getversion");
  expect(more).toEqual([]);
  expect(line).toStartWith("version {");
  expect(JSON.parse((line as string).slice(8))).toEqual({
    profile: "test",
    version: "0",
    bundle: "0000000000000000",
    slot: 0,
    state: "permanent",
    rejected: { bundle: "abcd", why: "crash" },
    recovery: null,
    firmware: "0.1.0",
    image: { hash: "f0f0f0f0f0f0f0f0", slot: 0, state: "valid", rejected: null },
    config: { hash: Bun.SHA256.hash(CONFIG, "hex").slice(0, 16), state: "permanent", rejected: null },
    machine: "memory",
    engine: "0000000000000000",
    api: "0000000000000000",
    uptimeS: 30,
  });
});

test("partitions answers one line of JSON", () => {
  const [line] = answer(connected(), "partitions");
  expect(JSON.parse((line as string).replace("partitions ", ""))).toMatchObject({
    running: 0,
    firmware: [
      { slot: 0, state: "valid", version: "0.1.0", hash: "f0f0f0f0f0f0f0f0" },
      { slot: 1, state: "undefined", version: "", hash: "" },
    ],
  });
});

test("stats tells the losses, resetstats forgets them", () => {
  const house = connected();
  house.broker.dropClients();
  house.chip.run(10_000);
  house.published.length = 0;
  const lines = answer(house, "stats");
  expect(lines[0]).toBe("connlost events net 0 mqtt 1");
  expect(lines.length).toBe(5);
  expect(lines[1]).toMatch(/^heap live \d+ peak \d+ free \d+ largest \d+$/);
  expect(lines[2]).toBe("boots power 1 brownout 0 asked 1 restart 0 exception 0 recovery 0 panic 0 watchdog 0");
  expect(lines[3]).toMatch(/^loop turns \d+ lag \d+ ms turn \d+ ms$/);
  expect(lines[4]).toMatch(/^dropped events 0 messages 0 publications 0 log 0 refused 0 exceptions 0$/);
  expect(answer(house, "resetstats")).toEqual(["stats reset"]);
  const after = answer(house, "stats");
  expect(after[0]).toBe("connlost events net 0 mqtt 0");
  expect(after[2]).toStartWith("boots power 0 ");
});

test("commit says what went wrong and nothing is lost", () => {
  const house = connected();
  expect(answer(house, "commit")[0]).toStartWith("commit failed: ");
  expect(house.appliance.mqtt.connected).toBe(true);
});

test("reboot restarts at once, as asked for, and without a random delay", () => {
  const house = connected();
  house.command("reboot");
  house.chip.run(1000);
  expect(house.chip.resets.length).toBe(2);
  expect([house.chip.boot.reason, house.chip.boot.asked]).toEqual([1, true]);
  house.until(13_001);
  expect(house.net.at(-1)).toEqual([13_000, "connecting"]);
});

test("a retained command is ignored", () => {
  const house = connected();
  house.command("reboot", true);
  house.broker.dropClients();
  house.chip.resets.length = 0;
  house.chip.run(60_000);
  house.broker.dropClients();
  house.chip.run(60_000);
  // The publication itself carries no retained flag to a present subscriber; the stored one, after that, does.
  expect(house.chip.resets).toEqual([]);
  expect(house.appliance.mqtt.connected).toBe(true);
});

test("test_exception is stored and survived; the msg commands tell and forget it", () => {
  const house = connected();
  expect(answer(house, "test_exception")[0]).toStartWith("exception {");
  expect(house.chip.resets.length).toBe(1);
  expect(answer(house, "msg_exception")[0]).toContain("test_exception");
  expect(answer(house, "msg_reboot")).toEqual(["reboot none"]);
  expect(answer(house, "msg_rm")).toEqual(["messages removed"]);
  expect(answer(house, "msg_exception")).toEqual(["exception none"]);
});

test("an unknown command is answered", () => {
  expect(answer(connected(), "x".repeat(100))).toEqual([`unknown OTA command: ${"x".repeat(40)}`]);
});

test("the nonce that comes back confirms a trial, says so, and keeps the network's parameters", () => {
  const house = new House();
  house.chip.fixedInfo = { state: 1, hash: "0123456789abcdef" };
  house.boot(12_999);
  expect(house.chip.bundleConfirmed).toBe(false);
  house.chip.run(5000);
  expect(house.chip.bundleConfirmed).toBe(true);
  expect(house.take("Log")).toContain("trial confirmed 0123456789abcdef");
  expect(new Config(parseConfig(house.chip.nvs.get("netgood/config") as string)).get("password")).toBe("secret");
});

test("keep manual leaves a trial to keepversion", () => {
  const house = new House(undefined, `${CONFIG}keep manual\n`);
  house.chip.fixedInfo = { state: 1 };
  house.boot(60_000);
  expect(house.chip.bundleConfirmed).toBe(false);
  expect(house.chip.nvs.has("netgood/config")).toBe(true);
  house.take("Log");
  expect(answer(house, "keepversion")).toEqual(["version kept 0000000000000000"]);
  expect(house.chip.bundleConfirmed).toBe(true);
});

test("a permanent bundle clears its crash count in each boot, also with keep manual", () => {
  const house = new House(undefined, `${CONFIG}keep manual\n`);
  house.chip.slots.crashes = 3;
  house.boot(30_000);
  expect(house.chip.slots.crashes).toBe(0);
});

test("the nonce is published every 5 s until it comes back; another one confirms nothing, nor does one before the first", () => {
  const chip = freshNative({ program: () => {} });
  chip.run(15_000); // as long as a start takes after a reset
  const beganMs = native.now();
  const sent: [number, string][] = [];
  const loop = new Loop();
  const proof = new Proof({
    loop,
    name: "Meter",
    config: new Config(parseConfig(CONFIG)),
    mqtt: { publish: (topic: string, payload: string) => sent.push([native.now(), `${topic} ${payload}`]) },
    log: { line: () => {} },
  } as unknown as Appliance);
  loop.start();
  proof.came("proof ");
  proof.begin();
  chip.wake();
  chip.run(12_000);
  expect(sent.map((each) => Math.round(each[0] - beganMs))).toEqual([0, 5000, 10_000]);
  const payload = (sent[0] as [number, string])[1].replace("cmnd/Meter/OTA ", "");
  expect(payload).toMatch(/^proof [0-9a-f]{16}$/);
  proof.came("proof 0000000000000000");
  proof.came(`${payload}0`);
  proof.came("proof ");
  expect(chip.bundleConfirmed).toBe(false);
  proof.came(payload);
  expect(chip.bundleConfirmed).toBe(true);
  chip.run(60_000);
  expect(sent.length).toBe(3);
});

const recovery = profileProgram("recovery");

/** The recovery bundle on a chip with this config.txt. */
function recovering(config: string | Uint8Array, prepare: (house: House) => void = () => {}): House {
  const house = new House(undefined, config, recovery);
  house.chip.fixedInfo = { slot: -1, state: 0, recoveryWhy: "config: ssid is missing" };
  prepare(house);
  return house.boot(30_000);
}

test("recovery connects with a good config.txt, says why it runs, and answers commands", () => {
  const house = recovering(CONFIG);
  expect(house.take("Log")[0]).toBe("recovery: config: ssid is missing");
  house.command("getversion");
  expect(house.take("Log")[0]).toContain('"state":"recovery"');
  house.command("open");
  expect(house.take("OTA").length).toBe(1);
});

test.each([
  ["no file at all", ""],
  ["junk", new Uint8Array([0xff, 0, 0x80])],
  ["a bad port and a bad key beside a good name", "mqttport 99999\notakey abc\nmqttname Meter\n"],
  ["a name and an ssid that would be refused", `mqttname #\nssid ${"x".repeat(33)}\n`],
])("recovery takes what is missing from what was good once: %s", (_, config) => {
  const house = recovering(config, ({ chip }) => chip.nvs.set("netgood/config", CONFIG));
  expect(house.take("Log")[0]).toBe("recovery: config: ssid is missing");
  house.command("open");
  expect(house.take("OTA").length).toBe(1);
});

test("recovery with nothing to go by stays up and tries the normal bundle after 60 min", () => {
  const house = recovering("");
  house.chip.slots.crashes = 5;
  house.until(3_599_000);
  expect(house.chip.resets.length).toBe(1);
  house.until(3_601_000);
  expect(house.chip.resets.length).toBe(2);
  expect(house.chip.slots.crashes).toBe(0);
});

test("recovery does not restart while it is open for an update", () => {
  const house = recovering(CONFIG);
  house.until(3_500_000);
  house.command("open");
  house.until(3_700_000);
  expect(house.chip.resets.length).toBe(1);
  house.until(4_300_000);
  expect(house.chip.resets.length).toBe(2);
});
