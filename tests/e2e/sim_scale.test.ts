// Proves the pairs of ESP-NOW devices under `bun run sim` on the host firmware: both on one clock, or in two programs over an air of a folder.

import { afterAll, expect, setDefaultTimeout } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostTest as test } from "../support/machine_under_test.ts";
import { forgetDevices, jsonLines, sim, typing } from "../support/sim_program.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const NAME = `scale_${process.pid}`;
const [MANAGER, SENSOR] = [`${NAME}_m`, `${NAME}_s`];
afterAll(() => forgetDevices([NAME, `${NAME}_sensor`, `${NAME}_tnowp`, MANAGER, SENSOR]));

const published = (name: string, topic: string, payload: string) => (out: string) =>
  out.includes(`"topic":"stat/${name}/${topic}","payload":"${payload}"`);

const frames = (out: string) =>
  jsonLines(out)
    .filter((each) => each["kind"] === "frame" && each["bus"] === "espnow")
    .map((each) => each["type"]);

const scale = (...more: string[]) => sim("scale", "--name", NAME, "--json", "--warp", "max", "--seed", "5", ...more);

test("a scale and its gateway: paired from nothing, weighed, slept for an hour, weighed again", async () => {
  const { code, out } = await scale("--for", "70m");
  expect(code).toBe(0);
  const events = jsonLines(out);
  const weights = events.filter((each) => each["topic"] === `stat/${NAME}/Weight`);
  expect(weights.map((each) => each["payload"])).toEqual(["12.000", "12.000"]);
  expect((weights[1]?.["t"] as number) - (weights[0]?.["t"] as number)).toBeGreaterThan(3_600_000);
  const resets = events.filter((each) => each["kind"] === "reset");
  expect(resets.map((each) => `${each["device"]} ${each["reason"]}`)).toEqual(Array(2).fill("sensor deep sleep"));
  expect(frames(out)).toContain("v3 request");
});

test("the same seed gives the same frames, another one others", async () => {
  const hex = async (seed: string) =>
    jsonLines((await scale("--for", "90s", "--air-faults", `loss=30,jitter=5,seed=${seed}`)).out).flatMap((each) =>
      each["bus"] === "espnow" ? [`${each["t"]} ${each["type"]}`] : [],
    );
  const [first, second, other] = [await hex("1"), await hex("1"), await hex("2")];
  expect(first.length).toBeGreaterThan(20);
  expect(second).toEqual(first);
  expect(other).not.toEqual(first);
});

test("weight, battery, channel and the air are in the person's hands", async () => {
  const weight = (kg: string) => published(NAME, "Weight", kg);
  const out = await typing(
    ["scale", "--name", NAME, "--json", "--warp", "600", "--seed", "6"],
    [
      [weight("12.000"), "weigh 7.5"],
      [weight("7.500"), "battery empty"],
      [(text) => text.includes(`"stat/${NAME}/Uptime"`), "weigh 3"],
      [(text) => text.includes(`"stat/${NAME}/Uptime"`), "battery full"],
      [weight("3.000"), "air channel=11"],
      [(text) => text.includes('"channel":11'), "air loss=100"],
      [(text) => text.includes(`"stat/${NAME}/Uptime"`), "sensor power"],
      [(text) => text.includes('"device":"sensor","kind":"reset"'), "manager sing"],
      [(text) => text.includes(`"stat/${NAME}/Uptime"`), "q"],
    ],
  );
  expect(out).toContain("the battery of sensor is empty");
  expect(out).toContain('"sing" is not a command');
});

test("the range test's pair tells each other how loud it is", async () => {
  const { code, out } = await sim(
    "tnow",
    "--name",
    NAME,
    ...["--json", "--warp", "max", "--seed", "1", "--for", "5m", "--air-faults", "rssi=-71"],
  );
  expect(code).toBe(0);
  expect(new Set(frames(out))).toEqual(
    new Set(["ts", "v3 beacon", "v3 request", "v3 answer", "v3 wakeup", "v3 confirm", "v3 data", "v3 back", "tsback"]),
  );
});

test("gateway and scale in two programs meet on the air of a folder", async () => {
  const folder = mkdtempSync(join(tmpdir(), "air-"));
  const air = ["--json", "--warp", "20", "--air", folder];
  try {
    const { promise: online, resolve: isOnline } = Promise.withResolvers<void>();
    const manager = typing(
      ["scale_manager", "--name", MANAGER, "--seed", "1", ...air],
      [
        // The scale looks for it when it is on the channel of its access point.
        [published(MANAGER, "LWT", "online"), ""],
        [published(MANAGER, "Weight", "4.000"), "q"],
      ],
      (line) => line === "" && isOnline(),
    );
    await Promise.race([online, manager]);
    const sensor = typing(
      ["scale_sensor", "--name", SENSOR, "--seed", "2", ...air],
      [
        [() => true, "weigh 4"],
        [(text) => text.includes('"reason":"deep sleep"'), "q"],
      ],
    );
    const [ofManager, ofSensor] = await Promise.all([manager, sensor]);
    const far = (out: string) =>
      out.split("\n").filter((line) => line.includes('"type":"v3 data"') && line.includes('"far":true'));
    expect(far(ofManager).length).toBeGreaterThan(0);
    expect(far(ofSensor).length).toBe(0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("wrong options are told", async () => {
  for (const [args, said] of [
    [["energy", "--air", "/tmp/x"], "--air: energy has no ESP-NOW"],
    [["scale", "--air-faults", "loss=200"], "takes a number from 0 to 100"],
    [["scale", "--air-faults", "wind=2"], "names are loss"],
  ] as const) {
    const { code, err } = await sim(...args);
    expect([code, err]).toEqual([2, expect.stringContaining(said)]);
  }
});
