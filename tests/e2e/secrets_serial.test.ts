// Proves that no secret comes out of the serial commands, of what a device says on its console, and of the air: canaries stand for every secret and
// are looked for in all of it, also where a configuration is refused by the tool or by the device itself. The network is secrets.test.ts's.

import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Air } from "../../tools/sim/air.ts";
import { hostFirmware, profileBundle } from "../../tools/sim/firmware.ts";
import { HostMachine } from "../../tools/sim/host_machine.ts";
import { HostWorld } from "../../tools/sim/host_world.ts";
import { CANARIES, canariesIn } from "../support/canaries.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { type SerialTool, serialTool } from "../support/serial_tool.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const { password, mqttpass, otakey, espnowpsk } = CANARIES;
const NETWORK = `ssid (none)\npassword ${password}\nmqttbroker nowhere\nmqttname meter\nmqttuser me\nmqttpass ${mqttpass}\nwatchdog 1\notakey ${otakey}\n`;
const ESPNOW = `espnowpsk ${espnowpsk}\nespnowgroup home\nwatchdog 1\notakey ${otakey}\n`;

let tool: SerialTool;
const printed: [string, string][] = [];

async function run(name: string, args: string[], stdin?: string): Promise<{ code: number; out: string; err: string }> {
  const ran = await tool.run(name, args, stdin === undefined ? {} : { stdin });
  printed.push([`${name} ${args.join(" ")}`, ran.out + ran.err]);
  return ran;
}

beforeAll(async () => {
  tool = await serialTool();
});
afterAll(() => tool?.close());

test("cpall, pcp_conf, pcp_main and the console with an appliance's configuration", async () => {
  const config = await tool.file("meter.txt", NETWORK);
  expect((await run("cpall", ["energy"])).code).toBe(0);
  expect((await run("pcp_conf", [config])).code).toBe(0);
  expect((await run("pcp_main", ["--keep", "--json"])).code).toBe(0);
  const commands = ["getversion", "stats", "partitions", "test_exception", "msg_exception", "nonsense"];
  for (const json of [[], ["--json"]])
    expect((await run("console", json, `${commands.join("\n")}\n`)).out).toContain("energy");
});

test("a configuration that the tool refuses, with a fault in each line that holds a secret", async () => {
  const faulty = await tool.file(
    "faulty.txt",
    `${NETWORK}mqttport ${mqttpass}\npassword ${password} ${password}\nespnowpsk ${espnowpsk}\notakey ${otakey}0\nwatchdog ${mqttpass}\n`,
  );
  for (const args of [[faulty], [faulty, "--json"], [faulty, "--profile", "tnowp"]]) {
    const { code, err } = await run("pcp_conf", args);
    expect([code, err]).toEqual([1, expect.stringContaining("nothing was sent")]);
  }
});

test("configurations that the device itself cannot use", async () => {
  const { machine, log } = tool;
  for (const [line, fault] of [
    [`otakey ${otakey}0`, "otakey is not 64 hex digits"],
    [`mqttport ${mqttpass}`, "mqttport is not a "],
    [`watchdog ${password}`, "watchdog is not 0 or 1"],
  ]) {
    const from = log.length;
    await machine.powerCut();
    await machine.writeFile("config.txt", `${NETWORK}${line}\n`);
    await machine.powerOn();
    for (let tries = 0; tries < 40 && !log.slice(from).some((each) => each.includes(fault as string)); tries++)
      await run("console", [], "getversion\n");
    expect(log.slice(from).join("\n")).toContain(fault as string);
  }
});

test("nothing that was printed or logged holds a secret", () => {
  expect(printed.length).toBeGreaterThan(8);
  for (const [command, text] of printed) {
    expect([command, text.length > 0]).toEqual([command, true]);
    expect([command, canariesIn(text)]).toEqual([command, []]);
  }
  expect(tool.log.length).toBeGreaterThan(20);
  expect(canariesIn(tool.log.join("\n"))).toEqual([]);
});

test.each(["2", "3", "auto"])(
  "a real pair over ESP-NOW, version %s: neither its frames nor what both say hold psk or key",
  async (version) => {
    const folder = mkdtempSync(join(tmpdir(), "hearth-secrets-"));
    const world = new HostWorld("fast");
    const air = new Air(world.clock);
    const frames: Uint8Array[] = [];
    const log: string[] = [];
    air.observe((frame) => frames.push(frame.bytes));
    const machines: HostMachine[] = [];
    try {
      for (const [index, [profile, config]] of Object.entries([
        ["tnowc", `${NETWORK}espnowpsk ${espnowpsk}\nespnowgroup home\nespnowchannel 1\nespnowversion ${version}\n`],
        ["tnowp", `${ESPNOW}espnowversion ${version}\n`],
      ] as const)) {
        const flashDir = join(folder, profile);
        const machine = new HostMachine({ world, firmware: await hostFirmware(), flashDir, air, seed: Number(index) });
        machine.board.observe((event) => {
          if (event.kind === "log") log.push(`${profile} ${event.line}`);
        });
        await machine.installBundle(await profileBundle(profile));
        await machine.writeFile("config.txt", config);
        machines.push(machine);
        await machine.powerOn();
      }
      await world.runFor(200_000);
    } finally {
      await world.stop();
      for (const machine of machines) await machine.close();
      rmSync(folder, { recursive: true, force: true });
    }
    // Enough for more than looking for one another.
    expect(new Set(frames.map((frame) => frame.length)).size).toBeGreaterThanOrEqual(3);
    expect(log.some((line) => line.startsWith("tnowp"))).toBe(true);
    for (const frame of frames) expect(canariesIn(frame)).toEqual([]);
    expect(canariesIn(log.join("\n"))).toEqual([]);
  },
);
