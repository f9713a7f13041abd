// Proves that no secret leaves the device's file and .env: canaries stand for every one of them and are looked for in bundles, artifacts, everything
// on the broker but MQTT's CONNECT, the device's log, and all that network commands, `build` and `sim` print, also where they refuse or fail.
// The serial commands and the air are secrets_serial.test.ts's.

import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../tools/lib/paths.ts";
import { simFolder } from "../../tools/sim/bench.ts";
import { FASTER_WINDOWS } from "../../tools/sim/variants.ts";
import { brokerWithCanary, CANARIES, canariesIn, envWithCanaries } from "../support/canaries.ts";
import { type EnergyBench, energyBench, variantBundle } from "../support/energy_bench.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { bundleFile, ota, runTool, type ToolRun } from "../support/ota_tool.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

let energy: EnergyBench;
let changed: Uint8Array;
let madeKey = "";
const printed: [string, string][] = [];
const before = { ...process.env };

/** Runs a command whose broker is the one of .env. */
async function run(command: string, ...args: string[]): Promise<ToolRun> {
  const tool = [process.execPath, join(ROOT, "tools", `${command}.ts`), ...args];
  const ran = await runTool(energy, () => {}, tool);
  energy.bench.world.setPace(1);
  printed.push([`${command} ${args.join(" ")}`, ran.out + ran.err]);
  return ran;
}

const file = (name: string, text: string) => bundleFile(energy, Buffer.from(text), name);

beforeAll(async () => {
  changed = await variantBundle("secrets", FASTER_WINDOWS);
  const { password, mqttpass, otakey } = CANARIES;
  const moreConfig = [`password ${password}`, "mqttuser me", `mqttpass ${mqttpass}`];
  energy = await energyBench(undefined, { otakey, moreConfig });
  const port = energy.bench.broker?.port ?? 0;
  process.env["HEARTH_ARTIFACTS"] = join(energy.folder, "artifacts");
  process.env["HEARTH_ENV"] = await file(".env", envWithCanaries(port));
  await energy.bench.machine.powerOn();
  expect(await energy.saw(energy.published("VA"))).toBe(true);
  const update = await ota(energy, "--json", "--bundle", await bundleFile(energy, changed));
  expect(update.code).toBe(0);
  printed.push(["ota", update.out + update.err]);
  energy.bench.world.setPace(1);
  const wrongKey = await file("wrong.key", "00".repeat(32));
  for (const profile of ["energy", "tnowp", "scale_manager"]) await run("build", profile);
  await run("ota", "meter", "--bundle", join(energy.folder, "update.bin"), "--force", "--key-file", wrongKey);
  await run("ota", "meter", "--via", "meter", "--timeout", "1");
  for (const action of ["info", "list"]) await run("otatool", "meter", action);
  for (const command of ["test_exception", "stats", "getversion", "partitions", "msg_exception", "msg_reboot"])
    await run("otacmd", "meter", command);
  await run("discover");
  await run("monmqtt", "--for", "1");
  await run("otacmd", "nobody", "stats", "--timeout", "1");
  await refused();
  await simulated(port);
  expect((await run("new_device", "kitchen", "energy")).code).toBe(0);
  madeKey = /^otakey ([0-9a-f]{64})$/m.exec(readFileSync(join(energy.folder, "kitchen.txt"), "utf8"))?.[1] ?? "";
});
afterAll(async () => {
  for (const name of ["HEARTH_ARTIFACTS", "HEARTH_ENV"]) {
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
  }
  rmSync(simFolder("secrets"), { recursive: true, force: true });
  await energy.close();
});

/** Configurations with a fault in every line that holds a secret. */
async function refused(): Promise<void> {
  const { password, mqttpass, otakey, espnowpsk } = CANARIES;
  const faulty = `${energy.bench.config}espnowpsk ${espnowpsk}\npassword ${password} ${password}\nmqttpass ${mqttpass} and more\nmqttport ${mqttpass}\notakey ${otakey}99\n`;
  const ran = await run("ota_config", "meter", await file("faulty.txt", faulty));
  expect([ran.code, ran.err.split("\n  line ").length - 1]).toEqual([1, 6]);
  const badKey = await file("bad.txt", `mqttname meter\notakey ${otakey}99\n`);
  expect((await run("otatool", "meter", "list", "--config", badKey)).err).toContain("is not 64 hex digits");
  const badKeyFile = await file("bad.key", `${otakey}zz`);
  expect((await run("otatool", "meter", "list", "--key-file", badKeyFile)).code).toBe(1);
  // Brokers that are not there, do not let us in, or are no address.
  for (const url of [brokerWithCanary(9), brokerWithCanary(70_000), `me:${CANARIES.settings}@there`])
    for (const command of [["otatool", "meter", "list"], ["discover"], ["sim", "energy"]] as const) {
      const [name, ...args] = command;
      expect((await run(name, ...args, "--broker", url)).code).toBeGreaterThan(0);
    }
}

/** `sim` with the broker of a person, for people and as JSON; its own device has the password in its configuration. */
async function simulated(port: number): Promise<void> {
  for (const json of [[], ["--json"]]) {
    const args = ["energy", ...json, "--name", "secrets", "--seed", "1", "--warp", "max", "--for", "3m"];
    const ran = await run("sim", ...args, "--broker", brokerWithCanary(port));
    expect([ran.code, ran.out.includes("stat/secrets/VA")]).toEqual([0, true]);
  }
}

test("the search finds what it looks for", () => {
  const { otakey, settings, espnowpsk } = CANARIES;
  expect(canariesIn(energy.bench.config).sort()).toEqual(
    ["mqttpass", "mqttpass in a URL", "otakey", "otakey in a URL", "password", "password in a URL"].sort(),
  );
  expect(canariesIn(Buffer.from(otakey, "hex"))).toEqual(["otakey as bytes"]);
  expect(canariesIn(brokerWithCanary(1))).toEqual(["settings in a URL"]);
  expect(canariesIn(Buffer.from(`x${settings}`).toString("hex"))).toEqual(["settings in hex"]);
  expect(canariesIn(Buffer.from(espnowpsk).toString("base64"))).toEqual(["espnowpsk as base64"]);
  expect(canariesIn(envWithCanaries(1)).filter((name) => !name.endsWith("URL"))).toEqual(["netnowPsk", "pairKey"]);
});

test("nothing that a command prints holds a secret, also where it refuses or fails", () => {
  for (const [command, text] of printed) {
    expect([command, text.length > 0]).toEqual([command, true]);
    expect([command, canariesIn(text)]).toEqual([command, []]);
  }
  expect(madeKey).toHaveLength(64);
  for (const [command, text] of printed) expect([command, text.includes(madeKey)]).toEqual([command, false]);
});

test("the broker that was used is the one of .env", () => {
  expect(printed.find(([command]) => command.startsWith("otatool meter info"))?.[1]).toContain("meter on host");
});

test("neither the broker's messages nor the device's log hold a secret", () => {
  expect(energy.seen.length).toBeGreaterThan(20);
  for (const event of energy.seen) expect([event.kind, canariesIn(JSON.stringify(event))]).toEqual([event.kind, []]);
});

test("neither bundle nor artifact, nor the list of known addresses, holds a secret", () => {
  expect(canariesIn(changed)).toEqual([]);
  const store = join(energy.folder, "artifacts");
  const files = readdirSync(store, { recursive: true }).map((name) => join(store, String(name)));
  const contents = files.filter((path) => statSync(path).isFile());
  expect(contents.length).toBeGreaterThanOrEqual(15);
  for (const path of [...contents, join(energy.folder, ".addresses.json")])
    expect([path, canariesIn(readFileSync(path))]).toEqual([path, []]);
});
