// Proves the whole device against a broker that nobody here wrote: it boots, publishes, leaves its last will behind, is updated.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout } from "bun:test";
import { join } from "node:path";
import { connectAsync, type MqttClient } from "mqtt";
import { ROOT } from "../../tools/lib/paths.ts";
import { keptMessages } from "../../tools/lib/retained.ts";
import { FASTER_WINDOWS } from "../../tools/sim/variants.ts";
import { type EnergyBench, energyBench, variantBundle } from "../support/energy_bench.ts";
import { readDiscovery } from "../support/home_assistant.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { hasMosquitto, type Mosquitto, startMosquitto } from "../support/mosquitto.ts";
import { bundleFile, runTool, watchedOta } from "../support/ota_tool.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

/** Device seconds per real second: another process is not seen by the scheduler, and gets time to answer. */
const PACE = 60;
const LIMIT_MS = 600_000;

describe.skipIf(!hasMosquitto())("an energy meter at mosquitto, with user and password", () => {
  const user = "meter";
  const password = "s3cret";
  let broker: Mosquitto;
  let energy: EnergyBench;
  let client: MqttClient;
  let heard: { topic: string; payload: string; retain: boolean }[] = [];

  beforeAll(async () => {
    broker = await startMosquitto(user, password);
    const externalBroker = { host: "127.0.0.1", port: broker.port, user, password };
    energy = await energyBench(undefined, { externalBroker, pace: PACE, moreConfig: ["discovery homeassistant"] });
    client = await observer();
    await energy.bench.machine.powerOn();
  });
  afterAll(async () => {
    await client.endAsync(true);
    await energy.close();
    await broker.close();
  });

  async function observer(): Promise<MqttClient> {
    const made = await connectAsync(`mqtt://127.0.0.1:${broker.port}`, {
      username: user,
      password,
      reconnectPeriod: 0,
    });
    made.on("message", (topic, payload, packet) => {
      heard.push({ topic, payload: payload.toString(), retain: packet.retain });
    });
    await made.subscribeAsync("stat/#");
    return made;
  }

  const hears = (topic: string, payload?: string, retain = false) =>
    energy.bench.world.until(
      () =>
        heard.some(
          (each) =>
            each.topic === `stat/meter/${topic}` &&
            (payload ?? each.payload) === each.payload &&
            each.retain === retain,
        ),
      LIMIT_MS,
    );

  test("it comes online and publishes a window", async () => {
    energy.bench.household.fixedVolts = 229.4;
    expect(await hears("LWT", "online")).toBe(true);
    expect(await hears("V", "229.4")).toBe(true);
    expect(await hears("Malfunction", "0")).toBe(true);
    expect(heard.filter((each) => each.retain)).toEqual([]);
  });

  test("a command is answered", async () => {
    await client.publishAsync("cmnd/meter/OTA", "stats", { qos: 1 });
    expect(await hears("Log", "connlost events net 0 mqtt 0")).toBe(true);
  });

  test("its announcement to Home Assistant is kept, and `bun run clean_mqtt` takes it away", async () => {
    const login = await connectAsync(`mqtt://127.0.0.1:${broker.port}`, { username: user, password });
    const announced = async () => [...(await keptMessages(login, ["homeassistant/#"])).values()];
    // Within 10 s of the connection, and the meter's window is later than that.
    const [payload = "", ...more] = await announced();
    expect([readDiscovery(payload).device.name, more]).toEqual(["meter", []]);
    const url = `mqtt://${user}:${password}@127.0.0.1:${broker.port}`;
    const command = [process.execPath, join(ROOT, "tools", "clean_mqtt.ts"), "meter", "--broker", url, "--json"];
    const { code, events } = await runTool(energy, () => {}, command);
    energy.bench.world.setPace(PACE);
    expect([code, events]).toEqual([0, [{ topic: expect.stringMatching(/^homeassistant\/device\//), removed: true }]]);
    expect(await announced()).toEqual([]);
    await login.endAsync(true);
  });

  test("`bun run ota` updates it, and it confirms", async () => {
    const bundle = await variantBundle("mosquitto", FASTER_WINDOWS);
    const after = (out: string) => {
      if (out.includes("restarting")) energy.bench.world.setPace(PACE);
    };
    const { code, out } = await watchedOta(energy, after, "--bundle", await bundleFile(energy, bundle));
    expect([code, out]).toEqual([0, expect.stringContaining("meter has confirmed bundle")]);
    energy.bench.world.setPace(PACE);
    heard = [];
    expect(await hears("VA")).toBe(true);
  });

  test("a cut of its power brings its last will, retained, and it comes back", async () => {
    heard = [];
    await energy.bench.machine.powerCut();
    expect(await hears("LWT", "offline")).toBe(true);
    const late = await observer();
    expect(await hears("LWT", "offline", true)).toBe(true);
    await late.endAsync();
    heard = [];
    await energy.bench.machine.powerOn();
    expect(await hears("LWT", "online")).toBe(true);
    expect(await hears("VA")).toBe(true);
  });
});
