// Proves that no secret leaves the device's file: canaries stand for Wi-Fi password, broker password, otakey and ESP-NOW key, and are looked for in
// bundles, artifacts, everything on the broker but MQTT's CONNECT, the device's log, and all that the commands print.

import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../tools/lib/paths.ts";
import { FASTER_WINDOWS } from "../../tools/sim/variants.ts";
import { type EnergyBench, energyBench, variantBundle } from "../support/energy_bench.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { bundleFile, ota, runTool } from "../support/ota_tool.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const SECRETS: Record<string, string> = {
  password: "canary-wifi-7d1f0a",
  mqttpass: "canary-broker-93c2e4",
  otakey: "c0ffee5eedca11ab1e".padEnd(64, "5a"),
  espnowpsk: "canary-psk-00f18b",
  settings: "canary-env-b5520e",
};
/** How a secret may look: as it is, as bytes of a key, as base64. */
const FORMS: [string, Buffer][] = Object.entries(SECRETS).flatMap(([name, text]): [string, Buffer][] => [
  [name, Buffer.from(text)],
  [`${name} in capitals`, Buffer.from(text.toUpperCase())],
  [`${name} as bytes`, name === "otakey" ? Buffer.from(text, "hex") : Buffer.from(text)],
  [`${name} as base64`, Buffer.from(Buffer.from(text).toString("base64").replace(/=+$/, "").slice(0, -1))],
]);

/** Which secrets are in it. */
function found(content: string | Uint8Array): string[] {
  const bytes = Buffer.from(content as Uint8Array);
  return FORMS.filter(([, form]) => bytes.includes(form)).map(([name]) => name);
}

let energy: EnergyBench;
let changed: Uint8Array;
const printed: [string, string][] = [];
const before = process.env["HEARTH_ARTIFACTS"];

async function run(command: string, ...args: string[]): Promise<void> {
  const url = `mqtt://me:${SECRETS["settings"]}@127.0.0.1:${energy.bench.broker?.port}`;
  const words = [process.execPath, join(ROOT, "tools", `${command}.ts`), ...args];
  const child = ["build", "new_device"].includes(command) ? words : [...words, "--broker", url];
  const { out, err } = await runTool(energy, () => {}, child);
  energy.bench.world.setPace(1);
  printed.push([`${command} ${args.join(" ")}`, out + err]);
}

beforeAll(async () => {
  changed = await variantBundle("secrets", FASTER_WINDOWS);
  const { password, mqttpass, otakey, espnowpsk } = SECRETS;
  const moreConfig = [`password ${password}`, "mqttuser me", `mqttpass ${mqttpass}`, `espnowpsk ${espnowpsk}`];
  energy = await energyBench(undefined, { otakey: otakey as string, moreConfig });
  process.env["HEARTH_ARTIFACTS"] = join(energy.folder, "artifacts");
  await energy.bench.machine.powerOn();
  expect(await energy.saw(energy.published("VA"))).toBe(true);
  const update = await ota(energy, "--json", "--bundle", await bundleFile(energy, changed));
  expect(update.code).toBe(0);
  printed.push(["ota", update.out + update.err]);
  energy.bench.world.setPace(1);
  const wrongKey = join(energy.folder, "wrong.key");
  await Bun.write(wrongKey, "00".repeat(32));
  await run("build", "energy");
  await run("ota_config", "meter", energy.configFile);
  await run("ota", "meter", "--bundle", join(energy.folder, "update.bin"), "--force", "--key-file", wrongKey);
  for (const action of ["info", "list"]) await run("otatool", "meter", action);
  for (const command of ["test_exception", "stats", "getversion", "partitions", "msg_exception", "msg_reboot"])
    await run("otacmd", "meter", command);
  await run("discover");
  await run("monmqtt", "--for", "1");
  await run("otacmd", "nobody", "stats", "--timeout", "1");
});
afterAll(async () => {
  if (before === undefined) delete process.env["HEARTH_ARTIFACTS"];
  else process.env["HEARTH_ARTIFACTS"] = before;
  await energy.close();
});

test("the search finds what it looks for", () => {
  expect(found(energy.bench.config).sort()).toEqual(
    [
      "mqttpass",
      "mqttpass as bytes",
      "otakey",
      "espnowpsk",
      "espnowpsk as bytes",
      "password",
      "password as bytes",
    ].sort(),
  );
  expect(found(Buffer.from(SECRETS["otakey"] as string, "hex"))).toEqual(["otakey as bytes"]);
});

test("nothing that a command prints holds a secret, also where it fails", () => {
  for (const [command, text] of printed) {
    expect([command, text.length > 0]).toEqual([command, true]);
    expect([command, found(text)]).toEqual([command, []]);
  }
  expect(printed.find(([command]) => command.startsWith("ota_config"))?.[1]).toContain("unknown token espnowpsk");
});

test("neither the broker's messages nor the device's log hold a secret", () => {
  expect(energy.seen.length).toBeGreaterThan(20);
  for (const event of energy.seen) expect([event.kind, found(JSON.stringify(event))]).toEqual([event.kind, []]);
});

test("neither bundle nor artifact holds a secret", () => {
  expect(found(changed)).toEqual([]);
  const store = join(energy.folder, "artifacts");
  const files = readdirSync(store, { recursive: true }).map((name) => join(store, String(name)));
  const contents = files.filter((file) => statSync(file).isFile());
  expect(contents.length).toBeGreaterThanOrEqual(5);
  for (const file of contents) expect([file, found(readFileSync(file))]).toEqual([file, []]);
});
