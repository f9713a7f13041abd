// Proves `bun run ota --all` with 50 devices on one broker: host firmware each, updated by the program that a user types, with three that crash
// on trial and two without power; the summary is compared with what the devices run, and a second run does only what is left.

import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DeviceAccess, type DeviceVersion } from "../../tools/lib/device_access.ts";
import { ROOT } from "../../tools/lib/paths.ts";
import { uniqueIdOf } from "../../tools/sim/bench.ts";
import { SimBroker } from "../../tools/sim/broker.ts";
import { hostFirmware, profileBundle } from "../../tools/sim/firmware.ts";
import { HostMachine } from "../../tools/sim/host_machine.ts";
import { HostWorld } from "../../tools/sim/host_world.ts";
import { FASTER_WINDOWS } from "../../tools/sim/variants.ts";
import { variantBundle } from "../support/energy_bench.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const DEVICES = 50;
/** Device seconds per real second: bytes of the link are not seen by the scheduler. */
const PACE = 5;
/** From the restart into the trial to the crash: the firmware runs by then and has not proved itself. */
const CRASH_AFTER_US = 400_000;
const nameOf = (at: number): string => `d${String(at).padStart(2, "0")}`;
const CRASHING = [7, 23, 41].map(nameOf);
const DARK = [3, 30].map(nameOf);

const folder = mkdtempSync(join(tmpdir(), "hearth-fleet-"));
const world = new HostWorld(PACE);
const machines = new Map<string, HostMachine>();
let broker: SimBroker;
let old: Uint8Array;
let update = "";
let updateName = "";

beforeAll(async () => {
  const changed = await variantBundle("fleet", FASTER_WINDOWS);
  updateName = Buffer.from(changed.subarray(16, 24)).toString("hex");
  update = join(folder, "update.bin");
  await Bun.write(update, changed);
  old = await profileBundle("energy");
  broker = await SimBroker.start();
  broker.onTraffic = () => world.noteTraffic();
  broker.onSent = (address) => world.noteSent(address);
  for (let at = 0; at < DEVICES; at++) await addDevice(nameOf(at), at);
  const online = new Set<string>();
  broker.observe((event) => {
    if (event.kind !== "publish" || !event.topic.endsWith("/LWT")) return;
    if (Buffer.from(event.payload).toString() === "online") online.add(event.topic.split("/")[1] as string);
  });
  world.setPace("fast");
  for (const [name, machine] of machines) if (!DARK.includes(name)) await machine.powerOn();
  expect(await world.until(() => online.size === DEVICES - DARK.length, 900_000)).toBe(true);
  world.setPace(PACE);
});

afterAll(async () => {
  await world.stop();
  for (const machine of machines.values()) await machine.close();
  await broker.close();
  rmSync(folder, { recursive: true, force: true });
});

async function addDevice(name: string, seed: number): Promise<void> {
  const machine = new HostMachine({
    world,
    firmware: await hostFirmware(),
    flashDir: join(folder, "flash", name),
    uniqueId: uniqueIdOf(name),
    seed,
  });
  await machine.installBundle(old);
  const key = Buffer.alloc(32, seed + 1).toString("hex");
  const config = `ssid simulated\npassword simulated\nmqttbroker 127.0.0.1\nmqttport ${broker.port}\nmqttname ${name}\nwatchdog 1\notakey ${key}\n`;
  await machine.writeFile("config.txt", config);
  await Bun.write(join(folder, "devices", `${name}.txt`), `#group ${seed < 25 ? "low" : "high"}\n${config}`);
  machines.set(name, machine);
  if (CRASHING.includes(name))
    machine.board.observe((event) => {
      if (event.kind !== "reset" || event.reason !== "software") return;
      world.clock.after(CRASH_AFTER_US, () => machine.fail("panic"));
    });
}

interface Run {
  code: number;
  results: Record<string, string>;
  counts: Record<string, number>;
  out: string;
  err: string;
}

async function otaAll(...args: string[]): Promise<Run> {
  const env = { ...process.env, NO_COLOR: "1", MQTT_URL: "", HEARTH_DEVICES: join(folder, "devices") };
  const command = [process.execPath, join(ROOT, "tools", "ota.ts"), "--json", "--bundle", update, ...args];
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe", env });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  const results: Record<string, string> = {};
  let counts: Record<string, number> = {};
  for (const line of out.trim().split("\n")) {
    const event = JSON.parse(line);
    if (event.event === "device" && event.result !== undefined) results[event.name] = event.result;
    if (event.event === "done") counts = event.counts;
  }
  return { code: await child.exited, results, counts, out, err };
}

async function version(name: string): Promise<DeviceVersion> {
  const access = await DeviceAccess.connect(broker.url, name);
  return access.version(30_000).finally(() => access.close());
}

test("50 devices: the summary says exactly what became of them", async () => {
  const { code, results, counts, err } = await otaAll("--all", "--max-failures", "3", "--concurrency", "16");
  expect(counts).toEqual({ confirmed: 45, failed: 3, unreachable: 2 });
  expect([code, err]).toEqual([1, expect.stringContaining("5 of 50 devices do not run it")]);
  for (const name of machines.keys()) {
    const expected = DARK.includes(name) ? "unreachable" : CRASHING.includes(name) ? "failed" : "confirmed";
    expect([name, results[name]]).toEqual([name, expected]);
    if (expected === "unreachable") continue;
    const told = await version(name);
    expect(told.state).toBe("permanent");
    if (expected === "confirmed") expect(told.bundle).toBe(updateName);
    else expect(told.rejected).toEqual({ bundle: updateName, why: "crash" });
  }
});

test("a second run does only what is left: it brings it to the one that has power again", async () => {
  const back = machines.get(DARK[0] as string) as HostMachine;
  world.setPace("fast");
  await back.powerOn();
  expect(await world.until(() => back.idles > 50, 900_000)).toBe(true);
  world.setPace(PACE);
  const before = new Map([...machines].map(([name, machine]) => [name, machine.resets.length]));
  const { code, counts } = await otaAll("--all");
  expect([code, counts]).toEqual([1, { same: 45, confirmed: 1, rejectedBefore: 3, unreachable: 1 }]);
  for (const [name, machine] of machines)
    expect([name, machine.resets.length - (before.get(name) ?? 0)]).toEqual([name, name === DARK[0] ? 1 : 0]);
});

test("a group that has it all is no failure", async () => {
  await Bun.write(
    join(folder, "devices", "d00.txt"),
    `#group lone\n${await Bun.file(join(folder, "devices", "d00.txt")).text()}`,
  );
  const { code, counts } = await otaAll("--group", "lone");
  expect([code, counts]).toEqual([0, { same: 1 }]);
});
