// Proves `bun run otafwtool` and `bun run ota_config` end to end: the programs that a user types, the machine under test, a broker and
// real TCP. Firmwares are of the host.

import { afterEach, expect, setDefaultTimeout } from "bun:test";
import { join } from "node:path";
import { profileBundle } from "../../tools/sim/firmware.ts";
import type { BenchMachine } from "../../tools/sim/machine.ts";
import { type EnergyBench, energyBench } from "../support/energy_bench.ts";
import { hostTest, MACHINE_TEST_MS, machineBench, needing } from "../support/machine_under_test.ts";
import { bundleFile } from "../support/ota_tool.ts";
import { bundleFor, firmwareVariant } from "../support/trial_bench.ts";
import { imageFile, OTHER_ENGINE, trialTool } from "../support/trial_tool.ts";

setDefaultTimeout(MACHINE_TEST_MS);

const test = needing("link", "setup");

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function running(): Promise<EnergyBench> {
  return started(await energyBench());
}

/** The same on the machine under test. */
async function runningThere(): Promise<EnergyBench<BenchMachine>> {
  return started(await machineBench());
}

async function started<E extends EnergyBench<BenchMachine>>(energy: E): Promise<E> {
  ends.push(energy.close);
  await energy.bench.machine.powerOn();
  expect(await energy.saw(energy.published("LWT", "online"))).toBe(true);
  return energy;
}

async function configFile(energy: EnergyBench<BenchMachine>, change: (text: string) => string): Promise<string> {
  return bundleFile(energy, Buffer.from(change(energy.bench.config)), "new.txt");
}

hostTest("a firmware is sent, proves itself and is confirmed", async () => {
  const energy = await running();
  const [path, name] = await imageFile(energy, "2.0.0");
  const { code, out, err } = await trialTool(energy, "otafwtool", path);
  expect([code, err]).toEqual([0, ""]);
  expect(out).toContain(`firmware 2.0.0 (${name}) for host`);
  expect(out).toContain(`meter has confirmed firmware 2.0.0 (${name}).`);
  const again = await trialTool(energy, "otafwtool", path);
  expect([again.code, again.out.includes("meter runs this firmware already.")]).toEqual([0, true]);
});

hostTest("a firmware that nobody can reach is taken back, and the tool says why", async () => {
  const energy = await running();
  const [path, name] = await imageFile(energy, "2.0.0");
  const { world, machine } = energy.bench;
  machine.board.observe((event) => {
    if (event.kind === "reset") world.act(() => machine.board.setNetwork(machine.resets.length !== 1));
  });
  const { code, err, events } = await trialTool(energy, "otafwtool", path, "--json");
  expect(code).toBe(1);
  expect(err).toContain(`took firmware 2.0.0 (${name}) back: it did not prove in time that it can be reached`);
  expect(events.find((each) => each["event"] === "done")).toMatchObject({ result: "rolledBack", why: "deadline" });
});

hostTest("a firmware that needs another bundle is sent with it, firmware first", async () => {
  const energy = await running();
  const [path] = await imageFile(energy, "2.0.0", OTHER_ENGINE);
  const bundle = bundleFor(await profileBundle("energy"), OTHER_ENGINE);
  const file = await bundleFile(energy, bundle);
  const { code, err, events } = await trialTool(energy, "otafwtool", path, "--json", "--bundle", file);
  expect([code, err]).toEqual([0, ""]);
  const done = events.filter((each) => each["event"] === "done");
  expect(done.map((each) => [Object.keys(each)[2], each["result"]])).toEqual([
    ["firmware", "confirmed"],
    ["bundle", "confirmed"],
  ]);
});

hostTest("impossible pairs and other machines' images are refused before anything is sent", async () => {
  const energy = await running();
  const [other] = await imageFile(energy, "2.0.0", OTHER_ENGINE);
  const [fits] = await imageFile(energy, "3.0.0");
  const ours = await bundleFile(energy, await profileBundle("energy"), "ours.bin");
  const theirs = await bundleFile(energy, bundleFor(await profileBundle("energy"), OTHER_ENGINE), "theirs.bin");
  const esp = Buffer.from(await firmwareVariant("2.0.0"));
  for (let at = esp.indexOf("HEARTHF1host\0"); at >= 0; at = esp.indexOf("HEARTHF1host\0")) esp.write("esp3", at + 8);
  for (const [args, message] of [
    [[other, "--bundle", ours], "this bundle does not run on that firmware"],
    [[fits, "--bundle", theirs], "this bundle does not run on that firmware"],
    [[await bundleFile(energy, esp, "esp.img")], "the image is not whole"],
    [[await bundleFile(energy, Buffer.from("nothing"), "x.img")], "there is no Hearth firmware in this file"],
  ] as const) {
    const { code, err } = await trialTool(energy, "otafwtool", ...args);
    expect([code, err.includes(message)]).toEqual([1, true]);
  }
  expect(energy.seen.some((each) => each.kind === "publish" && each.payload === "open")).toBe(false);
  expect(energy.bench.machine.resets).toEqual([]);
});

test("a configuration is checked, sent, and kept when the device has proved itself with it", async () => {
  const energy = await runningThere();
  const path = await configFile(energy, (text) => text.replace("watchdog 1", "watchdog 0"));
  const { code, out, err } = await trialTool(energy, "ota_config", path);
  expect([code, err]).toEqual([0, ""]);
  expect(out).toContain(`meter has kept the configuration.\n${energy.configFile} has it now.`);
  expect(await Bun.file(energy.configFile).text()).toBe(await Bun.file(path).text());
  const again = await trialTool(energy, "ota_config", path);
  expect(again.out).toContain("meter has this configuration already.");
});

hostTest("a configuration that leads nowhere is put back, and the tool says so", async () => {
  const energy = await running();
  const path = await configFile(energy, (text) => text.replace("mqttbroker 127.0.0.1", "mqttbroker 127.9.9.9"));
  const { code, err, events } = await trialTool(
    energy,
    "ota_config",
    path,
    "--json",
    "--broker",
    `mqtt://127.0.0.1:${energy.bench.broker?.port}`,
  );
  expect(code).toBe(1);
  expect(err).toContain("meter has put its old configuration back: it did not prove in time that it can be reached");
  expect(events.find((each) => each["event"] === "done")).toMatchObject({ result: "rolledBack", why: "deadline" });
  expect(await Bun.file(energy.configFile).text()).toBe(energy.bench.config);
  expect(await Bun.file(join(energy.bench.machine.flashDir, "files", "config.txt")).text()).toBe(energy.bench.config);
});

test("a device that gets another name is found under it", async () => {
  const energy = await runningThere();
  const path = await configFile(energy, (text) => text.replace("mqttname meter", "mqttname cellar"));
  const { code, out } = await trialTool(energy, "ota_config", path);
  expect([code, out.includes("cellar has kept the configuration")]).toEqual([0, true]);
  // Its file tells the new name now, so the next command finds it.
  const next = await trialTool(energy, "otacmd", "getversion");
  expect([next.code, next.out.includes("version {")]).toEqual([0, true]);
});

test("a faulty configuration is refused before anything is sent, with a message for each fault", async () => {
  const energy = await runningThere();
  const path = await configFile(energy, (text) => `${text.replace("watchdog 1", "watchdog maybe")}colour red\n`);
  const { code, err } = await trialTool(energy, "ota_config", path);
  expect(code).toBe(1);
  expect(err).toContain("nothing was sent");
  expect(err).toContain("watchdog");
  expect(err).toContain("unknown token");
  expect(energy.seen.some((each) => each.kind === "publish" && each.payload === "open")).toBe(false);
});

hostTest.each([
  ["badmac", 0, "a message did not verify"],
  ["badcheck", 1, "checksum differs"],
])(
  "--fault %s on ota_config and otafwtool: the device's answer is told, and nothing half is in force",
  async (fault, code, says) => {
    const energy = await running();
    const before = await trialTool(energy, "otacmd", "getversion");
    const config = await configFile(energy, (text) => text.replace("watchdog 1", "watchdog 0"));
    const [image] = await imageFile(energy, "2.0.0");
    for (const [name, path] of [
      ["otafwtool", image],
      ["ota_config", config],
    ] as const) {
      const run = await trialTool(energy, name, path, "--json", "--fault", fault);
      expect([name, run.code]).toEqual([name, code]);
      const told = run.events.find((each) => each["event"] === "fault");
      expect(told).toMatchObject({ name: fault, used: true });
      expect(String(told?.["answers"])).toContain(says);
    }
    // A message that did not arrive is sent again; content that is not what was announced is the tool's own fault.
    const after = await trialTool(energy, "otacmd", "getversion");
    const bundle = /"bundle":"[0-9a-f]+"/;
    expect(bundle.exec(after.out)?.[0]).toBe(bundle.exec(before.out)?.[0] as string);
    expect(/"firmware":"([^"]+)"/.exec(after.out)?.[1]).toBe(code === 0 ? "2.0.0" : "0.1.0");
    const present = await Bun.file(join(energy.bench.machine.flashDir, "files", "config.txt")).text();
    expect(present.includes("watchdog 0")).toBe(code === 0);
    expect(energy.bench.machine.resets).toHaveLength(code === 0 ? 2 : 0);
  },
);
