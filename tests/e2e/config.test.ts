// Proves that a bad config.txt puts the host firmware into recovery, not into a boot loop: it is reached by the network parameters
// that were good last, and a good file brings it back.

import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout } from "bun:test";
import { join } from "node:path";
import { LINK_PORT, LinkClient } from "../../tools/lib/link_client.ts";
import { ROOT } from "../../tools/lib/paths.ts";
import { connectTcp } from "../../tools/lib/wire.ts";
import { type EnergyBench, energyBench } from "../support/energy_bench.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { LINK_PACE } from "../support/ota_tool.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const HOUR_MS = 3_600_000;
let energy: EnergyBench;
let good = "";

beforeAll(async () => {
  energy = await energyBench();
  good = energy.bench.config;
  await energy.bench.machine.powerOn();
  // Its own nonce has come back: from now on these parameters are known to be good.
  expect(await energy.saw(energy.published("VA"))).toBe(true);
});
afterAll(() => energy.close());
beforeEach(() => energy.bench.world.setPace("fast"));

/** The next answer to getversion. */
async function version(): Promise<{ profile: string; state: string; recovery: string | null }> {
  const from = energy.seen.length;
  await energy.bench.broker?.publish("cmnd/meter/OTA", "getversion");
  let text = "";
  await energy.saw((event) => {
    if (event.kind === "publish" && event.payload.startsWith("version {")) text = event.payload.slice(8);
    return text !== "";
  }, from);
  return JSON.parse(text);
}

/** Switches power off and on, with this config.txt; returns the number of the first event after that. */
async function bootWith(config: string | Uint8Array | undefined): Promise<number> {
  const { machine } = energy.bench;
  await machine.powerCut();
  if (config !== undefined) await machine.writeFile("config.txt", config);
  else await Bun.file(`${machine.flashDir}/files/config.txt`).delete();
  machine.resets.length = 0;
  const from = energy.seen.length;
  await machine.powerOn();
  return from;
}

/** Brings a good config.txt over the link, as a tool does, and restarts the device. */
async function repair(): Promise<void> {
  const { world, broker, machine } = energy.bench;
  world.setPace(LINK_PACE);
  const from = energy.seen.length;
  await broker?.publish("cmnd/meter/OTA", "open");
  expect(await energy.saw(energy.published("OTA"), from)).toBe(true);
  const key = Buffer.from("11".repeat(32), "hex");
  const client = await LinkClient.open(await connectTcp(machine.address, LINK_PORT), { key });
  await client.putFile("config.txt", Buffer.from(good));
  await client.reboot();
  client.close();
  world.setPace("fast");
}

const without = (token: string) => good.replace(new RegExp(`^${token} .*\n`, "m"), "");

test.each([
  ["without ssid", () => without("ssid"), "ssid is missing"],
  ["without mqttbroker", () => without("mqttbroker"), "mqttbroker is missing"],
  ["without mqttname", () => without("mqttname"), "mqttname is missing"],
  ["without watchdog", () => without("watchdog"), "watchdog is missing"],
  ["with a port that is none", () => `${good}mqttport many\n`, "mqttport is not a whole number from 1 to 65535"],
  ["with a flag that is none", () => `${good}watchdog yes\n`, "watchdog is not 0 or 1"],
  ["with a key that is none", () => `${good}otakey 1234\n`, "otakey is not 64 hex digits"],
  ["with a name that is no topic", () => `${good}mqttname #\n`, "mqttname contains + # or /"],
  ["with an unknown token", () => `colour red\n${good}`, "token number 1 is unknown"],
  ["with a token of another profile", () => `capacity 500\n${good}`, "token number 1 is unknown"],
  ["that is empty", () => "", "ssid is missing"],
  ["that is not there", () => undefined, "config.txt is missing"],
  ["of binary junk", () => Uint8Array.from({ length: 512 }, (_, i) => (i * 151 + 7) & 255), "config.txt is not text"],
  ["of zeros", () => new Uint8Array(100), "config.txt is not text"],
  ["that is too long", () => `${good}#${"x".repeat(5000)}`, "config.txt is too long"],
] as [string, () => string | Uint8Array | undefined, string][])(
  "a config.txt %s: recovery, reached as before, repaired over the link",
  async (_what, make, why) => {
    const { bench } = energy;
    const from = await bootWith(make());
    expect(await energy.saw(energy.published("LWT", "online"), from)).toBe(true);
    expect(await version()).toMatchObject({ profile: "recovery", state: "recovery", recovery: `config: ${why}` });
    expect(energy.seen.slice(from).some(energy.published("Log", `recovery: config: ${why}`))).toBe(true);
    // One restart leads into recovery, and it stays there.
    await bench.world.until(() => false, HOUR_MS / 2);
    expect(bench.machine.resets).toEqual(["software"]);
    const later = energy.seen.length;
    await repair();
    expect(await energy.saw(energy.published("VA"), later)).toBe(true);
    expect(await version()).toMatchObject({ profile: "energy", state: "permanent", recovery: null });
  },
);

test("lines that are no token with a value are passed over, as the old fleet did", async () => {
  const from = await bootWith(`${good}# colour red\nthis line has five words\nlone\n`);
  expect(await energy.saw(energy.published("VA"), from)).toBe(true);
  expect(energy.bench.machine.resets).toEqual([]);
});

test("left alone, recovery tries the normal bundle once an hour and comes back each time", async () => {
  const from = await bootWith(without("watchdog"));
  const { bench } = energy;
  await bench.world.until(() => bench.machine.resets.length >= 5, 3 * HOUR_MS);
  expect(bench.machine.resets).toEqual(new Array(5).fill("software"));
  const recovering = energy.seen.slice(from).filter(energy.published("Log", "recovery: config: watchdog is missing"));
  expect(recovering.length).toBeGreaterThanOrEqual(2);
  const moments = recovering.map((each) => each.t);
  expect((moments[1] as number) - (moments[0] as number)).toBeGreaterThan(HOUR_MS * 0.9);
  expect(await energy.saw(energy.published("LWT", "online"), energy.seen.length)).toBe(true);
  await repair();
  expect(await energy.saw(energy.published("VA"), energy.seen.length)).toBe(true);
});

test("a tool tells every fault of a configuration before anything is sent", async () => {
  const from = energy.seen.length;
  energy.bench.world.setPace(LINK_PACE);
  const send = async (name: string, content: string | Uint8Array) => {
    const file = `${energy.folder}/${name}`;
    await Bun.write(file, content);
    const tool = [process.execPath, join(ROOT, "tools", "ota_config.ts"), "meter", file, "--config", energy.configFile];
    const env = { ...process.env, NO_COLOR: "1", MQTT_URL: "" };
    const child = Bun.spawn(tool, { stdin: "ignore", stdout: "pipe", stderr: "pipe", env });
    const [, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    return { code: await child.exited, err };
  };
  const faulty = await send("faulty.txt", `${without("mqttname")}watchdog maybe\ncolour red\nmqttport 0\nkeep\n`);
  expect(faulty.code).toBe(1);
  for (const fault of [
    "watchdog was given in line 5 already",
    "unknown token",
    "mqttport was given in line 4 already",
    "keep has no value",
    "mqttname is missing",
  ])
    expect(faulty.err).toContain(fault);
  const junk = await send(
    "junk.txt",
    Uint8Array.from({ length: 64 }, (_, i) => 0x80 + i),
  );
  expect([junk.code, junk.err]).toEqual([1, expect.stringContaining("not UTF-8 text")]);
  expect(energy.seen.slice(from).some((each) => each.kind === "publish" && each.payload === "open")).toBe(false);
});
