// Proves what `bun run ota` says before it has found a device: help, wrong usage, and what is missing.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../../tools/lib/paths.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const KEY = "11".repeat(32);
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hearth-ota-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function ota(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const env = { ...process.env, NO_COLOR: "1", MQTT_URL: "", HEARTH_DEVICES: join(folder, "devices") };
  const command = [process.execPath, join(ROOT, "tools", "ota.ts"), ...args];
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe", env });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, out, err };
}

async function file(name: string, content: string): Promise<string> {
  await Bun.write(join(folder, name), content);
  return join(folder, name);
}

test("--help has an example and the exit codes, and is no failure", async () => {
  const { code, out } = await ota("--help");
  expect(code).toBe(0);
  expect(out).toContain("bun run ota kitchen");
  expect(out).toContain("Exit codes: 0 done, 1 failed");
});

test.each([
  ["no name", [], "say which device, or --all, or --group NAME"],
  ["--all with a name", ["kitchen", "--all"], "--all and --group take no name"],
  ["--all without waiting", ["--all", "--no-wait"], "leave --no-wait out"],
  ["a group that nobody is in", ["--group", "nowhere_at_all"], "#group nowhere_at_all"],
  ["--via with a firmware", ["kitchen", "--via", "manager", "--firmware", "x.bin"], "--via brings bundles only"],
  ["a firmware that is not there", ["kitchen", "--firmware", "/nowhere/x.bin"], "there is no /nowhere/x.bin"],
  ["an unknown option", ["kitchen", "--fast"], "unknown option '--fast'"],
  ["no device file", ["no_such_device"], "/no_such_device.txt: put the device's config.txt there"],
  ["a time-out that is none", ["kitchen", "--timeout", "soon"], "--timeout soon: a number of seconds above 0"],
  ["an address that is none", ["kitchen", "--addr", "10.0.0.1:99999"], "--addr 10.0.0.1:99999: HOST or HOST:PORT"],
])("%s is wrong usage", async (_what, args, message) => {
  const { code, err } = await ota(...args);
  expect([code, err]).toEqual([2, expect.stringContaining(message)]);
});

test.each([
  ["--concurrency", "0"],
  ["--concurrency", "1.5"],
  ["--max-failures", "few"],
])("%s %s is wrong usage", async (option, value) => {
  await file("devices/kitchen.txt", `otakey ${KEY}\n#group house\n`);
  const { code, err } = await ota("--group", "house", option, value);
  expect([code, err]).toEqual([2, expect.stringContaining(`${option} ${value}: a whole number from`)]);
});

test("no broker anywhere is wrong usage", async () => {
  const key = await file("kitchen.key", KEY);
  const { code, err } = await ota("kitchen", "--key-file", key);
  expect([code, err]).toEqual([2, expect.stringContaining("no broker: set MQTT_URL")]);
});

test.each(["mqtt://10.0.0.1:18,83", "10.0.0.1", "http://10.0.0.1", "mqtt:"])(
  "the broker %s is wrong usage",
  async (url) => {
    const config = await file("d.txt", `otakey ${KEY}\n`);
    const { code, err } = await ota("kitchen", "--config", config, "--broker", url);
    expect([code, err]).toEqual([2, expect.stringContaining("must be mqtt://[user:password@]host[:port]")]);
  },
);

test("a device file without a key, or with a bad one, cannot be used", async () => {
  const without = await ota("kitchen", "--config", await file("a.txt", "mqttbroker 127.0.0.1\notakey None\n"));
  expect([without.code, without.err]).toEqual([1, expect.stringContaining("takes updates over serial only")]);
  const bad = await ota("kitchen", "--config", await file("b.txt", "mqttbroker 127.0.0.1\notakey 11zz\n"));
  expect([bad.code, bad.err]).toEqual([1, expect.stringContaining("is not 64 hex digits")]);
  expect(bad.err).not.toContain("11zz");
});

test("a broker that is not there is told without its password, also as JSON", async () => {
  const config = await file("c.txt", `otakey ${KEY}\n`);
  const { code, out, err } = await ota(
    "kitchen",
    "--config",
    config,
    "--broker",
    "mqtt://me:secret@127.0.0.1:9",
    "--json",
  );
  expect(code).toBe(1);
  expect(err).toContain("cannot connect to the broker mqtt://127.0.0.1:9");
  expect(JSON.parse(out)).toEqual({ error: expect.stringContaining("check MQTT_URL or --broker") });
  expect(out + err).not.toContain("secret");
});
