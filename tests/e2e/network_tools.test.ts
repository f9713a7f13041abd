// Proves otacmd, monmqtt and discover against a device that runs: the programs that a user types, the machine under test and a broker. What runs
// on every machine is any_machine_link.test.ts.

import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { join } from "node:path";
import { ROOT } from "../../tools/lib/paths.ts";
import type { BenchMachine } from "../../tools/sim/machine.ts";
import type { EnergyBench } from "../support/energy_bench.ts";
import { MACHINE, MACHINE_TEST_MS, machineBench, needing } from "../support/machine_under_test.ts";
import { runTool, type ToolRun } from "../support/ota_tool.ts";

setDefaultTimeout(MACHINE_TEST_MS);

const test = needing("broker", "link");

let energy: EnergyBench<BenchMachine>;
beforeAll(async () => {
  energy = await machineBench();
  await energy.bench.machine.powerOn();
  expect(await energy.saw(energy.published("VA"))).toBe(true);
  energy.bench.world.setPace(1);
});
afterAll(() => energy.close());

async function run(command: string, ...args: string[]): Promise<ToolRun> {
  const ran = await runTool(energy, () => {}, [process.execPath, join(ROOT, "tools", `${command}.ts`), ...args]);
  energy.bench.world.setPace(1);
  return ran;
}

const url = () => energy.bench.broker?.url as string;

test("otatool info tells what the device is", async () => {
  const { code, events } = await run("otatool", "meter", "info", "--json", ...energy.reach.link);
  expect(code).toBe(0);
  expect(events.at(-1)).toMatchObject({
    event: "info",
    hello: { name: "meter", machine: MACHINE.kind === "qemu" ? MACHINE.chip : "host", bundle: { profile: "energy" } },
    heap: [expect.any(Number), expect.any(Number), expect.any(Number), expect.any(Number)],
  });
});

test("otacmd needs no key", async () => {
  const bare = join(energy.folder, "bare.txt");
  await Bun.write(bare, "mqttname meter\n");
  const { code, out } = await run("otacmd", "meter", "stats", "--config", bare, "--broker", url());
  expect([code, out]).toEqual([0, expect.stringContaining("heap")]);
});

test("otacmd fails when nobody answers", async () => {
  const { code, err } = await run("otacmd", "nobody", "stats", "--broker", url(), "--timeout", "1");
  expect([code, err]).toEqual([1, expect.stringContaining("nobody did not answer `stats` in 1 s")]);
});

test("discover tells who is online and who is not, and where it was found", async () => {
  await energy.bench.broker?.publish("stat/attic/LWT", "offline", true);
  const { code, events } = await run("discover", "--json", "--broker", url());
  expect(code).toBe(0);
  expect(events).toHaveLength(2);
  expect(events[0]).toMatchObject({ name: "attic", online: false });
  expect(events[1]).toMatchObject({
    name: "meter",
    online: true,
    profile: "energy",
    state: "permanent",
    // Behind QEMU's own network the device has an address that means nothing here.
    address: MACHINE.kind === "qemu" ? expect.any(String) : energy.bench.machine.address,
  });
  const table = await run("discover", "--broker", url());
  expect(table.out).toMatch(/meter .* online .* energy/);
});

test("monmqtt shows topics, and an exception with its TypeScript file and line", async () => {
  let asked = false;
  const command = [process.execPath, join(ROOT, "tools", "monmqtt.ts"), "meter", "--broker", url(), "--for", "4"];
  const ask = (out: string): void => {
    if (!asked && out.includes("stat/meter/")) void energy.bench.broker?.publish("cmnd/meter/OTA", "test_exception");
    asked ||= out.includes("stat/meter/");
  };
  const { code, out } = await runTool(energy, ask, command);
  expect(code).toBe(0);
  expect(out).toMatch(/cmnd\/meter\/OTA +test_exception/);
  expect(out).toMatch(/stat\/meter\/Log +exception Error: .*\n(.*\n)*? +at \S+ \(device\/\S+\.ts:\d+\)/);
});
