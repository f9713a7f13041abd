// Proves what a week of the battery scale brings to the broker over either version of ESP-NOW, and what mixed pairs do.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { profileProgram } from "../support/profile_device.ts";
import { ScaleHouse } from "../support/scale_house.ts";
import { HOUR_MS, week } from "../support/scale_week.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";
import { brokenPromises } from "../support/weight_ledger.ts";

setDefaultTimeout(SLOW_TEST_MS);

const manager = profileProgram("scale_manager");
const sensor = profileProgram("scale_sensor");

/** Both powered, the manager first. `versions` of manager and sensor. */
function house(versions: [string, string], settings = {}, seed = 1, ssid = "(wired)"): ScaleHouse {
  const made = new ScaleHouse(manager, sensor, settings, seed, ssid, { manager: versions[0], sensor: versions[1] });
  made.manager.start();
  made.run(30_000);
  made.sensor.start();
  return made;
}

const pairs3 = (home: ScaleHouse) => home.sensor.nvs.has("netnow/pair3");
const counted = (home: ScaleHouse, reason: string) => {
  home.broker.publish("cmnd/Manager/OTA", "stats", false);
  home.run(1000);
  const line = home.of("Log").findLast((each) => each.startsWith("espnow ")) ?? "";
  return Number(new RegExp(` ${reason} (\\d+)`).exec(line)?.[1] ?? 0);
};

describe("manager and sensor of versions", () => {
  for (const [mine, its, three] of [
    ["3", "3", true],
    ["auto", "auto", true],
    ["auto", "3", true],
    ["3", "auto", true],
    ["auto", "2", false],
    ["2", "auto", false],
  ] as const) {
    test(`${mine} and ${its} speak version ${three ? 3 : 2}, and the weight arrives`, () => {
      const home = house([mine, its]);
      home.run(4 * 60_000);
      expect(home.of("Weight")).toEqual(["12.500"]);
      expect(pairs3(home)).toBe(three);
    });
  }

  for (const [mine, its] of [
    ["2", "3"],
    ["3", "2"],
  ] as const) {
    test(`${mine} and ${its} do not pair`, () => {
      const home = house([mine, its]);
      home.run(10 * 60_000);
      expect(home.of("Weight")).toEqual([]);
    });
  }
});

describe.each(["2", "3"])("a week over version %s", (version) => {
  test("every weight is on the broker once", () => {
    const home = house([version, version]);
    const weighed = week(home);
    expect(weighed.length).toBeGreaterThan(165);
    expect(home.of("Weight")).toEqual(weighed.slice(0, home.of("Weight").length));
    expect(weighed.length - home.of("Weight").length).toBeLessThanOrEqual(1);
  });

  for (const seed of [1, 2]) {
    test(`30 % loss both ways, seed ${seed}: what was confirmed is there once, and hardly one is lost`, () => {
      const home = house([version, version], { loss: 0.3, ackLoss: 0.3, duplicate: 0.05, reorder: 0.05 }, seed);
      const weighed = week(home);
      expect(brokenPromises(home.ledger, home.brought(), home.gateway)).toEqual([]);
      expect(home.of("Weight").length).toBeGreaterThan(weighed.length - 3);
    });
  }

  test("a gateway that restarts every few hours loses no weight", async () => {
    const home = house([version, version]);
    const resets: Promise<void>[] = [];
    const weighed = week(home, (hour) => {
      if (hour % 5 === 2) resets.push(home.manager.pressReset());
    });
    await Promise.all(resets);
    expect(brokenPromises(home.ledger, home.brought(), home.gateway)).toEqual([]);
    expect(home.of("Weight").length).toBeGreaterThanOrEqual(weighed.length - 1);
  });

  test("an access point that changes its channel is followed", () => {
    const home = house([version, version], {}, 1, "home");
    const weighed = week(home, (hour) => {
      if (hour % 24 !== 12) return;
      home.networkGone();
      home.run(1000);
      home.networkBack((hour % 13) + 1);
    });
    expect(brokenPromises(home.ledger, home.brought(), home.gateway)).toEqual([]);
    expect(home.of("Weight").length).toBeGreaterThanOrEqual(weighed.length - 1);
  });
});

test("a gateway that has lost its NVS is paired with again, by itself", async () => {
  const home = house(["3", "3"]);
  const resets: Promise<void>[] = [];
  const weighed = week(home, (hour) => {
    if (hour !== 50) return;
    home.manager.nvs.clear();
    resets.push(home.manager.pressReset());
  });
  await Promise.all(resets);
  expect(brokenPromises(home.ledger, home.brought(), home.gateway)).toEqual([]);
  expect(home.of("Weight").length).toBeGreaterThanOrEqual(weighed.length - 1);
});

describe("between versions", () => {
  test("a pair of version 2 becomes one of version 3 when its gateway speaks that", async () => {
    const home = house(["2", "auto"]);
    home.run(4 * 60_000);
    expect(pairs3(home)).toBe(false);
    home.manager.files.set("config.txt", withVersion(home, "auto"));
    await home.manager.pressReset();
    home.run(HOUR_MS + 60_000);
    expect(pairs3(home)).toBe(true);
    expect(home.sensor.nvs.has("netnow/manager")).toBe(false);
    home.run(HOUR_MS);
    expect(home.of("Weight").length).toBe(3);
  });

  test("who has paired over version 3 is not believed in version 2 any more", () => {
    const home = house(["auto", "auto"]);
    home.run(2 * 60_000);
    expect(pairs3(home)).toBe(true);
    // The same chip with the old fleet's program: what somebody with the group's key could send in its name.
    home.sensor.files.set(
      "config.txt",
      Buffer.from(`${sensorConfig(home)}`.replace("espnowversion auto", "espnowversion 2")),
    );
    home.run(2 * HOUR_MS);
    expect(counted(home, "downgrade")).toBeGreaterThan(0);
    expect(home.of("Weight").length).toBe(1);
  });

  test("a pair of version 3 is never given up for version 2", async () => {
    const home = house(["auto", "auto"]);
    home.run(2 * 60_000);
    home.manager.files.set("config.txt", withVersion(home, "2"));
    await home.manager.pressReset();
    home.run(5 * HOUR_MS);
    expect(pairs3(home)).toBe(true);
    expect(home.of("Weight").length).toBe(1);
  });
});

const sensorConfig = (home: ScaleHouse) => Buffer.from(home.sensor.files.get("config.txt") ?? []).toString();

function withVersion(home: ScaleHouse, version: string): Uint8Array {
  const text = Buffer.from(home.manager.files.get("config.txt") ?? []).toString();
  return Buffer.from(text.replace(/espnowversion .*/, `espnowversion ${version}`));
}
