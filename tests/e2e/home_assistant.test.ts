// Proves on the host firmware and a real broker that an appliance announces itself to Home Assistant, again at its birth message, is what the
// announcement says, and that `bun run clean_mqtt` takes everything away.

import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { join } from "node:path";
import { connectAsync, type MqttClient } from "mqtt";
import { ROOT } from "../../tools/lib/paths.ts";
import { keptMessages } from "../../tools/lib/retained.ts";
import { type EnergyBench, energyBench } from "../support/energy_bench.ts";
import { isDeviceTopic, readDiscovery } from "../support/home_assistant.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { runTool, type ToolRun } from "../support/ota_tool.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

let energy: EnergyBench;
/** A client that does as Home Assistant does. */
let home: MqttClient;
beforeAll(async () => {
  energy = await energyBench(undefined, { moreConfig: ["discovery homeassistant"] });
  home = await connectAsync(url());
  await energy.bench.machine.powerOn();
  expect(await energy.saw(energy.published("VA"))).toBe(true);
});
afterAll(async () => {
  await home?.endAsync(true);
  await energy.close();
});

const url = () => energy.bench.broker?.url as string;
const own = ["homeassistant/#", "stat/meter/#", "cmnd/meter/#", "stat/other/#"];

async function kept(): Promise<Map<string, string>> {
  const client = await connectAsync(url());
  return keptMessages(client, own).finally(() => client.endAsync(true));
}

/** Announcements that the device has published since the last look. */
const announcements: string[] = [];
function watch(): void {
  energy.bench.broker?.observe((event) => {
    if (event.kind === "publish" && event.client !== undefined && event.topic.startsWith("homeassistant/device/"))
      announcements.push(Buffer.from(event.payload).toString());
  });
}

function clean(...args: string[]): Promise<ToolRun> {
  return runTool(energy, () => {}, [
    process.execPath,
    join(ROOT, "tools", "clean_mqtt.ts"),
    ...args,
    "--broker",
    url(),
  ]);
}

test("the broker keeps one message, in Home Assistant's format; states and last will are where it says", async () => {
  const messages = await kept();
  const [topic, ...more] = [...messages.keys()].filter((each) => each.startsWith("homeassistant/"));
  expect(more).toEqual([]);
  expect(isDeviceTopic(topic ?? "")).toBe(true);
  const { device, components } = readDiscovery(messages.get(topic as string) as string);
  expect(device).toMatchObject({ name: "meter", model: "energy" });
  const volts = components.get("V");
  if (volts?.platform !== "sensor") throw new Error("no sensor V");
  expect(messages.get(volts.availability_topic as string)).toBe("online");
  const from = energy.seen.length;
  expect(await energy.saw((event) => event.kind === "publish" && event.topic === volts.state_topic, from)).toBe(true);
});

test("a birth message renews it, and the values come again behind it", async () => {
  watch();
  const from = energy.seen.length;
  await home.publishAsync("homeassistant/status", "online", { qos: 1 });
  expect(await energy.bench.world.until(() => announcements.length > 0, 60_000)).toBe(true);
  expect(await energy.saw(energy.published("Uptime"), from, 20_000)).toBe(true);
  expect(announcements).toHaveLength(1);
});

test("the buttons of the announcement do what they say", async () => {
  const { components } = readDiscovery(announcements[0] as string);
  const press = async (id: string): Promise<void> => {
    const button = components.get(id);
    if (button?.platform !== "button") throw new Error(`no button ${id}`);
    await home.publishAsync(button.command_topic, button.payload_press ?? "PRESS", { qos: 1 });
  };
  let from = energy.seen.length;
  await press("Ticker");
  expect(await energy.saw(energy.published("VAnow"), from)).toBe(true);
  from = energy.seen.length;
  await press("Restart");
  expect(await energy.saw((event) => event.kind === "reset", from)).toBe(true);
  expect(await energy.saw(energy.published("VA"), from)).toBe(true);
});

test("clean_mqtt of a device that is online: the announcement goes, what is true stays, others are left alone", async () => {
  const { broker } = energy.bench;
  await broker?.publish("stat/other/LWT", "online", true);
  await broker?.publish("homeassistant/device/other/config", '{"avty_t":"stat/meter/LWT","o":{"name":"else"}}', true);
  await broker?.publish("homeassistant/device/broken/config", "{", true);
  await broker?.publish("cmnd/meter/Old", "1", true);
  const listed = await clean("meter", "--dry-run");
  expect([listed.code, listed.out]).toEqual([0, expect.stringContaining("kept:    homeassistant/device/")]);
  expect((await kept()).has("cmnd/meter/Old")).toBe(true);
  const { code, out } = await clean("meter");
  expect([code, out]).toEqual([0, expect.stringContaining("meter is online.")]);
  expect([...(await kept()).keys()].sort()).toEqual([
    "homeassistant/device/broken/config",
    "homeassistant/device/other/config",
    "stat/meter/LWT",
    "stat/other/LWT",
  ]);
});

test("clean_mqtt of a device that is gone: nothing of it is left", async () => {
  await energy.bench.world.act(() => void energy.bench.machine.powerCut());
  const gone = () => energy.bench.world.until(() => energy.seen.some(energy.published("LWT", "offline")), 300_000);
  expect(await gone()).toBe(true);
  const { code, events } = await clean("meter", "--json");
  expect([code, events]).toEqual([0, [{ topic: "stat/meter/LWT", removed: true }]]);
  expect([...(await kept()).keys()].filter((topic) => topic.includes("/meter/"))).toEqual([]);
  const again = await clean("meter");
  expect([again.code, again.out]).toEqual([0, expect.stringContaining("keeps nothing of meter")]);
});
