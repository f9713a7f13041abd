// Proves what every MQTT appliance does, sentence by sentence, in virtual time: start-up, network, MQTT, Log, Uptime, Refresh, exceptions.

import { expect, test } from "bun:test";
import { Appliance, START_FUDGE_MS } from "../../device/appliance.ts";
import { TOKENS } from "../../profiles/energy/config.ts";
import { CONFIG, House } from "./support.ts";

const watchdogArmed = (house: House): boolean => house.chip.boot.watchdog !== undefined;

test("at power-on there is a random delay of 0..10 s before anything", () => {
  const delays = [1, 77, 4242, 99991].map((seed) => {
    const started: number[] = [];
    const house = new House(() => started.push(house.nowMs));
    for (let count = 0; count < seed % 10; count++) house.chip.randomByte();
    house.chip.start();
    house.until(10_001);
    return started[0] as number;
  });
  for (const delay of delays) expect(delay).toBeLessThanOrEqual(10_000);
  expect(new Set(delays).size).toBeGreaterThan(2);
});

test("what cannot wait runs before the random delay", () => {
  const order: string[] = [];
  const house = new House(
    () => {},
    CONFIG,
    () => {
      const appliance = new Appliance("test", TOKENS);
      appliance.run(
        () => order.push(`start ${house.nowMs > 0}`),
        () => order.push(`first ${house.nowMs}`),
      );
    },
  );
  house.chip.start();
  house.chip.run(START_FUDGE_MS);
  expect(order).toEqual(["first 0", "start true"]);
});

test.each([
  ["a watchdog reset", "watchdog", false, true],
  ["a panic", "panic", false, true],
  ["a restart of its own accord", "software", false, true],
  ["a restart that was asked for", "software", true, false],
  ["deep sleep", "deep sleep", false, false],
] as const)("the random delay after %s", (_what, reason, asked, delayed) => {
  const started: number[] = [];
  const house = new House(() => started.push(house.nowMs));
  house.chip.start();
  house.chip.reset(reason, { kind: asked ? "asked" : "restart" }, asked, 0);
  house.chip.clock.step();
  house.until(10_001);
  expect((started.at(-1) as number) > 0).toBe(delayed);
});

test("a restart that was asked for has no random delay; the watchdog is armed after 10 s, the network begins after 12 s", () => {
  const started: number[] = [];
  const house = new House(() => started.push(house.nowMs));
  house.boot(0);
  house.until(9999);
  expect(started).toEqual([0]);
  expect(watchdogArmed(house)).toBe(false);
  house.until(10_001);
  expect(watchdogArmed(house)).toBe(true);
  house.until(20_000);
  // Radio off for 1 s, on, connect; looked at every second; the model joins after 1.5 s.
  expect(house.net.map(([atMs, state]) => `${state} ${atMs}`)).toEqual(["on 13000", "connecting 13000", "up 14500"]);
  expect(house.appliance.net?.up).toBe(true);
});

test("a network that the program before has left up is taken over at once, and one that is not wanted is switched off", () => {
  const house = new House().boot(60_000);
  expect(house.appliance.mqtt.connected).toBe(true);
  const before = house.net.length;
  house.chip.restartProgram();
  house.chip.run(200);
  expect(house.appliance.mqtt.connected).toBe(true);
  // It proves itself later: what throws in its first seconds is taken back.
  house.until(5000);
  expect(house.appliance.proof.done).toBe(false);
  house.until(6000);
  expect(house.appliance.proof.done).toBe(true);
  house.chip.run(60_000);
  expect(house.net.slice(before)).toEqual([]);
  house.chip.files.set("config.txt", Buffer.from(CONFIG.replace(/^ssid .*$/m, "ssid (none)")));
  house.chip.restartProgram();
  house.chip.run(200);
  expect(house.net.slice(before).map(([, state]) => state)).toEqual(["off"]);
  expect(house.chip.resets).toEqual(["software"]);
});

test("watchdog 0 leaves it off", () => {
  const house = new House(undefined, CONFIG.replace("watchdog 1", "watchdog 0")).boot(60_000);
  expect(watchdogArmed(house)).toBe(false);
});

test("the loop feeds the watchdog; one that stands still for 15 s is reset", () => {
  const house = new House().boot(120_000);
  expect(house.chip.resets).toEqual(["software"]);
  house.chip.boot.turn = () => Infinity;
  house.chip.run(15_001);
  expect(house.chip.resets).toEqual(["software", "watchdog"]);
});

test("a declared blocking section may last up to 120 s", () => {
  const house = new House().boot(60_000);
  house.appliance.watchdog.mayBlock(120_000);
  const turn = house.chip.boot.turn;
  house.chip.boot.turn = () => Infinity;
  house.chip.run(119_000);
  house.chip.boot.turn = turn;
  house.chip.wake();
  house.chip.run(30_000);
  expect(house.chip.resets).toEqual(["software"]);
  expect(() => house.appliance.watchdog.mayBlock(120_001)).toThrow();
});

test("connecting is given up after 60 s, then off for 30..45 s and again", () => {
  const house = new House();
  house.chip.board.network.joinMs = 1e9;
  house.boot(200_000);
  const off = house.net.filter((each) => each[1] === "off")[0]?.[0];
  const on = house.net.filter((each) => each[1] === "on").map((each) => each[0]);
  expect(off).toBe(73_000);
  const gap = (on[1] as number) - 73_000;
  expect(gap).toBeGreaterThanOrEqual(31_000);
  expect(gap).toBeLessThanOrEqual(46_000);
  expect(house.chip.nvs.get("netstats/connlost")).toBeUndefined();
});

test("a loss is noticed within 5 s and counted for network and MQTT", () => {
  const house = new House().boot(30_000);
  house.chip.board.setNetwork(false);
  house.chip.run(5001);
  expect(house.appliance.net?.up).toBe(false);
  expect(house.chip.nvs.get("netstats/connlost")).toBe("1");
  expect(house.chip.nvs.get("netstats/mqttlost")).toBe("1");
  house.chip.board.setNetwork(true);
  house.chip.run(60_000);
  expect(house.appliance.mqtt.connected).toBe(true);
});

test("10 min without a network restart the device, saying why", () => {
  const house = new House();
  house.chip.board.network.available = false;
  house.boot(0);
  house.until(611_999);
  expect(house.chip.resets.length).toBe(1);
  house.chip.run(10);
  expect(house.chip.resets.length).toBe(2);
  expect(house.chip.nvs.get("hearth/reboot")).toBe("no network for 10 min");
});

test("the 10 min count anew from each loss", () => {
  const house = new House().boot(500_000);
  house.chip.board.setNetwork(false);
  house.chip.run(599_000);
  expect(house.chip.resets.length).toBe(1);
  house.chip.run(7000);
  expect(house.chip.resets.length).toBe(2);
});

test("10 min without a word from the broker restart the device, saying why", () => {
  const house = new House();
  house.broker.stop();
  house.boot(0);
  house.until(611_000);
  expect(house.chip.resets.length).toBe(1);
  house.chip.run(2000);
  expect(house.chip.nvs.get("hearth/reboot")).toBe("no MQTT for 10 min");
});

test("a network that comes and goes does not put off the restart for a silent broker", () => {
  const house = new House();
  house.broker.mute = true;
  house.boot(0);
  for (let count = 0; count < 8 && house.chip.resets.length === 1; count++) {
    house.chip.run(60_000);
    house.chip.board.setNetwork(false);
    house.chip.run(10_000);
    house.chip.board.setNetwork(true);
  }
  house.until(700_000);
  expect(house.chip.nvs.get("hearth/reboot")).toBe("no MQTT for 10 min");
});

test("Uptime: minutes since boot, looked at every minute, not retained", () => {
  const house = new House().boot(0);
  house.until(200_000);
  expect(house.published.filter((each) => each[1] === "Uptime")).toEqual([
    [60_001, "Uptime", "1"],
    [120_001, "Uptime", "2"],
    [180_001, "Uptime", "3"],
  ]);
  expect(house.retained).toEqual(["stat/Meter/LWT"]);
});

test("Refresh publishes everything again, unless it is empty, retained or a duplicate", () => {
  const house = new House((appliance) => void appliance.value("X", 1000, 3_600_000, () => "same")).boot(30_000);
  expect(house.take("X")).toEqual(["same"]);
  house.broker.publish("cmnd/Meter/Refresh", "");
  house.chip.run(5000);
  expect(house.take("X")).toEqual([]);
  house.broker.publish("cmnd/Meter/Refresh", "1");
  house.chip.run(50);
  expect(house.take("X")).toEqual(["same"]);
  house.broker.publish("cmnd/Meter/Refresh", "1", true);
  house.chip.run(50);
  house.take("X");
  house.broker.dropClients();
  house.chip.run(10_000);
  expect(house.appliance.mqtt.connected).toBe(true);
  expect(house.take("X")).toEqual([]);
});

test("log lines before the connection are kept, the last 20 of them, and sent in order", () => {
  const house = new House((appliance) => {
    for (let index = 0; index < 25; index++) appliance.log.line(`line ${index}`);
  }).boot();
  const lines = house.take("Log").filter((line) => line.startsWith("line"));
  expect(lines).toEqual(Array.from({ length: 20 }, (_, index) => `line ${index + 5}`));
  expect(house.appliance.log.dropped).toBe(5);
});

test("a long line is split at 800 bytes, never inside a character", () => {
  const house = new House().boot();
  house.take("Log");
  const text = `x${"😀é".repeat(300)}`;
  house.appliance.log.line(text);
  house.chip.run(10);
  const pieces = house.take("Log");
  expect(pieces.join("")).toBe(text);
  expect(pieces.map((piece) => Buffer.byteLength(piece))).toEqual([799, 798, 204]);
});

test("more lines than the send buffer holds go out bit by bit and none is lost", () => {
  const house = new House().boot();
  house.take("Log");
  const lines = Array.from({ length: 15 }, (_, index) => `${index} ${"y".repeat(700)}`);
  for (const line of lines) house.appliance.log.line(line);
  house.chip.run(5000);
  expect(house.take("Log")).toEqual(lines);
});

test("an exception that is not core is stored, counted, published and survived", () => {
  const house = new House((appliance) => {
    appliance.loop
      .task(() => {
        throw new Error("sensor");
      })
      .every(30_000);
  }).boot(35_000);
  expect(house.chip.resets.length).toBe(1);
  expect(house.appliance.exceptions).toBe(1);
  expect(JSON.parse(house.chip.nvs.get("hearth/exception") as string).message).toBe("Error: sensor");
  const log = house.take("Log").filter((line) => line.startsWith("exception "));
  expect(log).toEqual([`exception ${house.chip.nvs.get("hearth/exception")}`]);
});

/** What becomes of a device when a task fails and what would store its exception throws this. */
function notStored(thrown: unknown): { resets: string[]; counted: number } {
  const house = new House((appliance) => {
    native.exceptionStore = () => {
      throw thrown;
    };
    if (house.boots === 2) appliance.loop.task(() => fail()).once(30_000);
  });
  house.boot(35_000);
  return { resets: house.chip.resets.slice(1), counted: house.appliance.exceptions };
}

test.each([
  ["no Error could be made", null],
  ["the engine has thrown", new Error("out of memory")],
])("one that there is no memory to tell of restarts the device: %s", (_, thrown) => {
  expect(notStored(thrown)).toEqual({ resets: ["software"], counted: 0 });
});

test("one that there is no room to store is counted", () => {
  expect(notStored(new Error("nvsSet: PORT_EFULL"))).toEqual({ resets: [], counted: 1 });
});

test("one that comes again and again is stored and published once a minute and counted each time", () => {
  const house = new House((appliance) => {
    appliance.loop
      .task(() => {
        throw null;
      })
      .every(500);
  }).boot(20_100);
  expect(house.appliance.exceptions).toBe(40);
  house.take("Log");
  house.chip.run(120_000);
  expect(house.take("Log").filter((line) => line.includes("out of memory")).length).toBe(2);
});

test("an exception in a core task restarts the device; it is published at the first connection of each boot until msg_rm", () => {
  const house = new House((appliance) => {
    if (house.boots === 2) appliance.loop.task(() => fail(), true).once(30_000);
  });
  house.boot(90_000);
  expect(house.chip.resets).toEqual(["software", "software"]);
  expect(house.take("Log").filter((line) => line.includes("core failed")).length).toBe(1);
  house.broker.dropClients();
  house.chip.run(30_000);
  expect(house.take("Log")).toEqual([]);
  house.command("msg_rm");
  expect(house.take("Log")).toEqual(["messages removed"]);
  expect(house.chip.nvs.get("hearth/exception")).toBeUndefined();
});

test("the reason of a restart is published at the first connection", () => {
  const house = new House().boot(30_000);
  house.command("reboot");
  house.take("Log");
  house.chip.run(40_000);
  expect(house.take("Log")).toContain("reboot reboot command");
});

test("a handler of a message that throws does not disturb the connection", () => {
  const house = new House((appliance) => appliance.command("Bad", () => fail())).boot(30_000);
  house.broker.publish("cmnd/Meter/Bad", "1");
  house.broker.publish("cmnd/Meter/OTA", "getversion");
  house.chip.run(1000);
  expect(house.take("Log").filter((line) => line.startsWith("version ")).length).toBe(1);
  expect(house.appliance.mqtt.lost).toBe(0);
});

test.each([
  ["missing", undefined, "config: config.txt is missing"],
  ["empty", "", "config: ssid is missing"],
  ["without a broker", CONFIG.replace("mqttbroker 10.0.0.1\n", ""), "config: mqttbroker is missing"],
  ["with None for a broker", `${CONFIG}mqttbroker None\n`, "config: mqttbroker is missing"],
  ["with a bad flag", CONFIG.replace("watchdog 1", "watchdog on"), "config: watchdog is not 0 or 1"],
  ["without watchdog", CONFIG.replace("watchdog 1", ""), "config: watchdog is missing"],
  ["with a bad key", `${CONFIG}otakey abc\n`, "config: otakey is not 64 hex digits"],
  ["with a bad port", `${CONFIG}mqttport 1e9\n`, "config: mqttport is not a whole number from 1 to 65535"],
  ["with a long ssid", `${CONFIG}ssid ${"é".repeat(17)}\n`, "config: ssid is too long"],
  ["with a name that is no topic", `${CONFIG}mqttname a/#\n`, "config: mqttname contains + # or /"],
  ["of junk", new Uint8Array([0x73, 0xff, 0x00]), "config: config.txt is not text"],
  ["too long", "x".repeat(5000), "config: config.txt is too long"],
])("a configuration %s puts the device into recovery, saying why", (_, config, why) => {
  const house = new House(undefined, config ?? "");
  if (config === undefined) house.chip.files.delete("config.txt");
  house.chip.start();
  expect(house.chip.recoverWhy).toBe(why);
  expect(JSON.parse(house.chip.nvs.get("hearth/exception") as string).message).toBe(why);
});

test("a profile that misses a token of its own puts the device into recovery", () => {
  const house = new House((appliance) => void appliance.config.integer("capacity" as "mqttport", 1, 9)).boot(0);
  house.until(10);
  expect(house.chip.recoverWhy).toBe("config: capacity is missing");
});

test("the LED blinks", () => {
  const house = new House();
  const levels: number[] = [];
  house.chip.board.observe((event) => {
    if (event.kind === "pin" && event.pin === 2) levels.push(event.level);
  });
  house.boot(4500);
  expect(levels.slice(-4)).toEqual([1, 0, 1, 0]);
});

test("without a network 60 s of running are the proof", () => {
  const house = new House(undefined, CONFIG.replace("ssid home", "ssid (none)"));
  house.chip.fixedInfo = { state: 1 };
  house.boot(0);
  house.until(59_000);
  expect(house.chip.bundleConfirmed).toBe(false);
  house.until(60_001);
  expect(house.chip.bundleConfirmed).toBe(true);
  house.until(3_600_000);
  expect(house.chip.resets.length).toBe(1);
});

function fail(): never {
  throw new Error("core failed");
}
