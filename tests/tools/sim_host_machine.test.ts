import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BoardEvent } from "../../tools/sim/board.ts";
import { HostMachine } from "../../tools/sim/host_machine.ts";
import { HostWorld } from "../../tools/sim/host_world.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const FAKE = join(import.meta.dir, "..", "support", "fake_firmware.ts");
const ends: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function bench(behaviour: string) {
  const world = new HostWorld("fast");
  const folder = mkdtempSync(join(tmpdir(), "hearth-test-"));
  const machine = new HostMachine({
    world,
    firmware: [process.execPath, FAKE, behaviour],
    flashDir: join(folder, "flash"),
  });
  const seen: { t: number; event: BoardEvent }[] = [];
  machine.board.observe((event) => seen.push({ t: world.clock.nowUs / 1e6, event }));
  ends.push(async () => {
    await world.stop();
    await machine.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const logs = () => seen.flatMap(({ event }) => (event.kind === "log" ? [event.line] : []));
  return { world, machine, seen, logs };
}

test("a device that is idle is woken at its deadline", async () => {
  const { world, machine, seen } = bench("blink");
  await machine.powerOn();
  await world.until(() => seen.filter((each) => each.event.kind === "pin").length >= 5, 60_000);
  const pins = seen.filter((each) => each.event.kind === "pin").map((each) => each.t);
  expect(pins.slice(0, 5)).toEqual([1, 2, 3, 4, 5]);
});

test("a software restart boots again with its reason", async () => {
  const { world, machine, logs } = bench("restart");
  await machine.powerOn();
  expect(await world.until(() => logs().includes("reset 1"), 10_000)).toBe(true);
  expect(machine.resets).toEqual(["software"]);
});

test("deep sleep lasts its time and boots with its reason", async () => {
  const { world, machine, seen, logs } = bench("sleep");
  await machine.powerOn();
  expect(await world.until(() => logs().includes("reset 4"), 7_200_000)).toBe(true);
  expect(seen.findLast((each) => each.event.kind === "log")?.t).toBeCloseTo(3600, 0);
});

test("a device that sleeps beyond its watchdog is reset at the deadline", async () => {
  const { world, machine, seen, logs } = bench("late");
  await machine.powerOn();
  expect(await world.until(() => logs().includes("reset 2"), 60_000)).toBe(true);
  expect(seen.find((each) => each.event.kind === "reset")?.t).toBeCloseTo(15, 3);
});

test("a device that never sets its watchdog is reset by the boot loader's", async () => {
  const { world, machine, seen, logs } = bench("unset");
  await machine.powerOn();
  expect(await world.until(() => logs().includes("reset 2"), 60_000)).toBe(true);
  expect(seen.find((each) => each.event.kind === "reset")?.t).toBeCloseTo(15, 3);
});

test("a turn that never ends is killed by the watchdog", async () => {
  const { world, machine, logs } = bench("hang");
  await machine.powerOn();
  expect(await world.until(() => logs().includes("reset 2"), 60_000)).toBe(true);
  expect(machine.resets).toEqual(["watchdog"]);
}, 15_000);

test("a device that only crashes is given up after a bounded number of boots", async () => {
  const { world, machine } = bench("crash");
  await machine.powerOn();
  await world.until(() => machine.failure !== undefined, 60_000);
  expect(machine.failure).toContain("crashes in a row");
  expect(machine.resets.length).toBe(19);
}, 30_000);

test("the network comes up after its time, with the machine's address", async () => {
  const { world, machine, logs } = bench("net");
  await machine.powerOn();
  expect(await world.until(() => logs().some((line) => line.startsWith("got 68")), 10_000)).toBe(true);
  const ip = Buffer.from(machine.address.split(".").map(Number)).toString("hex");
  expect(logs().at(-1)).toBe(`got 68 03${ip}c906`);
});

test("a power cut ends the process and power on starts with reason power on", async () => {
  const { world, machine, logs } = bench("blink");
  await machine.powerOn();
  await world.until(() => machine.board.outputs.size > 0, 10_000);
  await machine.powerCut();
  expect(machine.powered).toBe(false);
  await machine.powerOn();
  expect(await world.until(() => logs().filter((line) => line === "reset 0").length === 2, 10_000)).toBe(true);
});
