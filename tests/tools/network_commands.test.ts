// Proves what commands say before they have found a device: help of all, wrong usage and what is missing of the network ones. `ota` has a file of
// its own, too.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../../tools/lib/paths.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

let folder = "";
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "hearth-commands-"));
  await Bun.write(join(folder, "kitchen.txt"), `mqttbroker 127.0.0.1\nmqttport 9\notakey ${"11".repeat(32)}\n`);
  await Bun.write(join(folder, "good.script"), "# tidy\n\nlist\ncmd stats\n");
  await Bun.write(join(folder, "bad.script"), "list\nsend no_such_file\n");
  await Bun.write(join(folder, "empty.script"), "# nothing\n");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(command: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const env = { ...process.env, NO_COLOR: "1", MQTT_URL: "", HEARTH_DEVICES: folder };
  const words = [process.execPath, join(ROOT, "tools", `${command}.ts`), ...args];
  const child = Bun.spawn(words, { cwd: folder, stdin: "ignore", stdout: "pipe", stderr: "pipe", env });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, out, err };
}

const SERIAL = ["pcp", "pcp_conf", "pcp_main", "cpall", "console"];
const NETWORK = [
  "ota",
  "ota_config",
  "otafwtool",
  "otatool",
  "otascript",
  "otacmd",
  "monmqtt",
  "discover",
  "clean_mqtt",
];

test.each([...SERIAL, ...NETWORK, "new_device"])("%s --help has an example and the exit codes", async (command) => {
  const { code, out } = await run(command, "--help");
  expect(code).toBe(0);
  expect(out).toContain(`bun run ${command} `.trimEnd());
  expect(out).toContain("--json");
  expect(out).toMatch(/Exit codes: 0 .*, 1 .*, 2 wrong usage/);
});

test.each([
  [["otatool", "kitchen"], "missing required argument 'action'"],
  [["otatool", "kitchen", "burn"], "burn: one of send, get, list, hash, rm, info"],
  [["otatool", "kitchen", "toString"], "toString: one of send"],
  [["otatool", "kitchen", "list", "more"], "use: list"],
  [["otatool", "kitchen", "rm"], "use: rm REMOTE"],
  [["otatool", "kitchen", "get", "../secret"], '"../secret" is no name on a device'],
  [["otatool", "kitchen", "send", "no_such_file"], "there is no file no_such_file"],
  [["otatool", "kitchen", "list", "--fault", "gremlins"], "'gremlins' is invalid"],
  [["otascript", "kitchen", "no_such_file"], "there is no no_such_file"],
  [["otascript", "kitchen", "bad.script"], "bad.script:2: there is no file no_such_file"],
  [["otascript", "kitchen", "empty.script"], "has no line to carry out"],
  [["otacmd", "kitchen"], "missing required argument 'command'"],
  [["otacmd", "garage", "stats"], "no broker: set MQTT_URL"],
  [["otacmd", "kitchen", "stats", "--timeout", "soon"], "--timeout soon: a number of seconds above 0"],
  [["monmqtt", "a/b", "--broker", "mqtt://127.0.0.1:9"], "a device's name has no + # /"],
  [["monmqtt"], "MQTT_URL or --broker"],
  [["discover"], "MQTT_URL or --broker"],
  [["clean_mqtt"], "missing required argument 'name'"],
  [["clean_mqtt", "garage"], "no broker: set MQTT_URL"],
  [["clean_mqtt", "a+", "--broker", "mqtt://127.0.0.1:9"], "a+: a device's name has no + # /"],
  [["discover", "--broker", "http://127.0.0.1"], "must be mqtt://[user:password@]host[:port]"],
])("%p is wrong usage", async (words, message) => {
  const { code, err } = await run(...(words as [string]));
  expect([code, err]).toEqual([2, expect.stringContaining(message)]);
});

test.each([
  ["otatool", ["kitchen", "list"]],
  ["otascript", ["kitchen", "good.script"]],
  ["otacmd", ["kitchen", "stats"]],
  ["monmqtt", []],
  ["discover", []],
  ["clean_mqtt", ["kitchen"]],
])("%s: a broker that is not there is told without its password, also as JSON", async (command, args) => {
  const { code, out, err } = await run(command, ...args, "--json", "--broker", "mqtt://me:secret@127.0.0.1:9");
  expect([code, err]).toEqual([1, expect.stringContaining("cannot connect to the broker mqtt://127.0.0.1:9")]);
  expect(JSON.parse(out)).toEqual({ error: expect.any(String) });
  expect(out + err).not.toContain("secret");
});

test("otascript --check needs no device", async () => {
  const { code, out } = await run("otascript", "kitchen", "good.script", "--check");
  expect([code, out]).toEqual([0, expect.stringContaining("2 lines are good")]);
});
