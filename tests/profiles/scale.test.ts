// Proves the battery scale and its gateway end to end: both main.ts on chips in memory, the simulated air, and a broker.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { GIVE_UP_MS, SLEEP_MS } from "../../profiles/scale_sensor/scale_sensor.ts";
import { BROADCAST, type Radio } from "../../tools/sim/air.ts";
import type { Program } from "../../tools/sim/memory_native.ts";
import { profileProgram } from "../support/profile_device.ts";
import { ScaleHouse } from "../support/scale_house.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const manager = profileProgram("scale_manager");
const sensor = profileProgram("scale_sensor");

/** Both powered, the manager first. */
function house(...more: [settings?: object, seed?: number, ssid?: string]): ScaleHouse {
  const made = new ScaleHouse(manager, sensor, ...more);
  made.manager.start();
  made.run(30_000);
  made.sensor.start();
  return made;
}

describe("one weighing", () => {
  test("from nothing: finds the gateway over the channels, and the weight is on the broker", () => {
    const home = house();
    home.run(2 * 60_000);
    expect(home.of("Weight")).toEqual(["12.500"]);
    expect(home.sensor.nvs.get("netnow/channel")).toBe("4");
    expect(home.sensor.nvs.get("netnow/manager")).toBe("02:00:00:00:00:01");
  });

  test("then it sleeps for an hour and weighs again", () => {
    const home = house();
    home.run(2 * 60_000);
    const first = home.published.find((each) => each.topic === "Weight")?.atMs as number;
    home.kg = () => 11.04;
    home.run(SLEEP_MS + 60_000);
    const weights = home.published.filter((each) => each.topic === "Weight");
    expect(weights.map((each) => each.payload)).toEqual(["12.500", "11.000"]);
    expect((weights[1]?.atMs as number) - first).toBeGreaterThan(SLEEP_MS);
    expect((weights[1]?.atMs as number) - first).toBeLessThan(SLEEP_MS + 40_000);
    expect(home.sensor.resets).toEqual(["deep sleep", "deep sleep"]);
  });

  test("samples away from the mean are dropped", () => {
    const home = house();
    let count = 0;
    home.kg = () => (count++ % 4 === 0 ? 12.5 + (count % 8 === 1 ? 0.3 : -0.3) : 12.5);
    home.run(2 * 60_000);
    expect(home.of("Weight")).toEqual(["12.500"]);
  });

  test("too much noise is malfunction 8 after three more rounds", () => {
    const home = house();
    let count = 0;
    home.kg = () => 10 + (count++ % 6);
    home.run(GIVE_UP_MS);
    expect(home.of("Malfunction")).toEqual(["8"]);
    expect(count).toBe(4 * 12);
    expect(home.of("Weight")).toEqual([]);
  });

  test("noise that ends in time does no harm", () => {
    const home = house();
    let count = 0;
    home.kg = () => (count++ < 30 ? 10 + (count % 6) : 12.5);
    home.run(GIVE_UP_MS);
    expect(home.of("Weight")).toEqual(["12.500"]);
  });

  test("an HX711 that never answers is malfunction 1", () => {
    const home = house();
    home.ready = false;
    home.run(2 * 60_000);
    expect(home.of("Malfunction")).toEqual(["1"]);
  });

  test("one that stops answering is malfunction 4", () => {
    const home = house();
    let count = 0;
    home.kg = () => {
      home.ready = ++count < 5;
      return 12.5;
    };
    home.run(2 * 60_000);
    expect(home.of("Malfunction")).toEqual(["4"]);
  });

  test("without a gateway it gives up after 5 min and sleeps", () => {
    const home = new ScaleHouse(manager, sensor);
    home.sensor.start();
    home.run(GIVE_UP_MS + 11_000);
    expect(home.sensor.resets).toEqual(["deep sleep"]);
    home.run(SLEEP_MS - 20_000);
    expect(home.sensor.resets.length).toBe(1);
  });
});

describe("a gateway ignores, and logs,", () => {
  for (const [name, payload] of [
    ["what is not text", Uint8Array.of(0xff, 0xfe)],
    ["one line", Buffer.from("stat/LPScale/Weight")],
    ["three lines", Buffer.from("stat/LPScale/Weight\n1\n2")],
    ["what is not a number", Buffer.from("stat/LPScale/Weight\nheavy")],
    ["no value", Buffer.from("stat/LPScale/Weight\n")],
    ["an unknown topic", Buffer.from("stat/LPScale/Height\n1")],
  ] as const) {
    test(name, () => {
      const program: Program = (native) => {
        const real = native.encodeText;
        // The sensor's message is replaced on its way to the radio.
        native.encodeText = (text) => (text.startsWith("stat/LPScale/") ? new Uint8Array(payload) : real(text));
        sensor(native);
      };
      const home = new ScaleHouse(manager, program);
      home.manager.start();
      home.run(30_000);
      home.sensor.start();
      home.run(2 * 60_000);
      expect(home.of("Weight")).toEqual([]);
      expect(home.of("Log").filter((line) => line.startsWith("02:00:00:00:00:02: ")).length).toBe(1);
    });
  }
});

test("`stats` tells what the gateway took, and what it refused for which reason", () => {
  const home = house();
  home.run(2 * 60_000);
  const stranger: Radio = { mac: "020000000009", channel: 4, longRange: true, heard: () => {} };
  for (const length of [10, 76]) home.air.send(stranger, BROADCAST, new Uint8Array(length), () => {});
  home.run(1000);
  home.broker.publish("cmnd/Manager/OTA", "stats", false);
  home.run(1000);
  const [line] = home.of("Log").filter((each) => each.startsWith("espnow "));
  expect(line).toMatch(/^espnow sent \d+ overruns 0 accepted 2 hmac 1 short 1 mail 0 refused 0$/);
});
