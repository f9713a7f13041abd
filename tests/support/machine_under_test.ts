// The machine that the end-to-end tests run on, chosen by HEARTH_MACHINE: host (the default), qemu or qemu:CHIP (whose image must have been
// built: bun run flash --qemu --build-only --chip CHIP), or board:NAME, a device on the broker of MQTT_URL or of its file in devices/, with
// its console on SERIAL_PORT if that is given. What the machine has not is left out, aloud.

import { test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setting } from "../../tools/lib/settings.ts";
import { Bench } from "../../tools/sim/bench.ts";
import { observeBench, type SimEvent } from "../../tools/sim/events.ts";
import { hostFirmware, profileBundle } from "../../tools/sim/firmware.ts";
import type { BenchMachine } from "../../tools/sim/machine.ts";
import { type Ability, type ChosenMachine, chooseMachine, lackOf } from "../../tools/sim/machines.ts";
import { SerialCable } from "../../tools/sim/serial_cable.ts";
import { boardRig } from "./board_rig.ts";
import { type EnergyBench, energyBenchOn } from "./energy_bench.ts";
import { LINK_PACE } from "./ota_tool.ts";
import { publishedBy, type Rig, runTool } from "./rig.ts";
import { SLOW_TEST_MS } from "./slow.ts";

const NAME = "meter";

export const MACHINE: ChosenMachine = chooseMachine(process.env["HEARTH_MACHINE"] ?? "host", {
  port: setting("SERIAL_PORT"),
});
if (MACHINE.kind === "process")
  throw new Error("HEARTH_MACHINE=process: end-to-end tests need a machine outside of this process");

/** True when the machine has it; else says aloud what is left out. */
export function has(ability: Ability, what: string): boolean {
  const lack = lackOf(MACHINE, [ability]);
  if (lack !== undefined) console.warn(`left out: "${what}": ${lack}`);
  return lack === undefined;
}

type Test = (name: string, run: () => Promise<unknown>, timeoutMs?: number) => void;

/** `test` for what needs these abilities: on a machine without them the test is skipped, and its name says why. */
export function needing(...abilities: Ability[]): Test {
  const lack = lackOf(MACHINE, abilities);
  if (lack === undefined) return test;
  return (name, run) => {
    console.warn(`left out: "${name}": ${lack}`);
    test.skip(`${name} (${lack})`, run);
  };
}

/** `test` for what looks into the host firmware itself: its process, its files, its figures, faults that are put into it. */
export const hostTest: typeof test = MACHINE.kind === "host" ? test : test.skip;
if (MACHINE.kind !== "host") console.warn(`skipped here is what looks into the host firmware: this is ${MACHINE.text}`);

/** Time limit of a test that may run on a machine whose time is real: a trial that fails takes minutes there. */
export const MACHINE_TEST_MS = MACHINE.kind === "host" ? SLOW_TEST_MS : 1_200_000;

/** An energy meter on the machine, on a bench; for what needs more of it than a Rig has, and so not for a board. */
export const machineBench = (moreConfig: string[] = []): Promise<EnergyBench<BenchMachine>> =>
  energyBenchOn(MACHINE, moreConfig);

/** An energy meter with an empty chip but for the profile's bundle, the power off; a board as it is. `serial`: a cable is on its console. */
export async function rig({ serial = false } = {}): Promise<Rig> {
  if (MACHINE.kind === "board") return boardRig(MACHINE.name, MACHINE.port);
  const folder = mkdtempSync(join(tmpdir(), "hearth-any-"));
  const common = {
    name: NAME,
    bundle: await profileBundle("energy"),
    seed: 1,
    otakey: "11".repeat(32),
    flashDir: join(folder, "flash"),
  };
  const cable = serial ? new SerialCable() : undefined;
  const bench: Bench<BenchMachine> =
    MACHINE.kind === "qemu"
      ? await Bench.makeQemu({ ...common, chip: MACHINE.chip })
      : await Bench.make({
          ...common,
          firmware: await hostFirmware(),
          pace: "fast",
          args: cable === undefined ? [] : ["--serial", cable.devicePath],
        });
  const config = join(folder, "config.txt");
  await Bun.write(config, bench.config);
  const seen: SimEvent[] = [];
  observeBench(bench, (event) => seen.push(event));
  const pace = (value: number | "fast") => bench.world.setPace(value);
  const file = async (name: string, content: string | Uint8Array) => {
    const path = join(folder, name);
    await Bun.write(path, content);
    return path;
  };
  const tool = async (command: string, ...args: string[]) => {
    pace(LINK_PACE);
    const reach = ["--config", config, "--broker", bench.broker?.url ?? ""];
    if (command !== "otacmd") reach.push("--addr", bench.machine.address);
    const done = await runTool(command, [...args, ...reach], (out) => {
      if (out.includes("restarting")) pace("fast");
    });
    pace("fast");
    return done;
  };
  return {
    name: NAME,
    device: NAME,
    bench,
    seen,
    saw: (wanted, from = 0, limitMs = 900_000) => bench.world.until(() => seen.slice(from).some(wanted), limitMs),
    published: publishedBy(NAME),
    send: async (sub, payload) => bench.broker?.publish(`cmnd/${NAME}/${sub}`, payload),
    powerOn: () => bench.machine.powerOn(),
    powerCut: () => bench.machine.powerCut(),
    setNetwork: (available) => bench.world.act(() => bench.machine.board.setNetwork(available)),
    load: (volts, watts) => {
      bench.household.fixedVolts = volts;
      bench.household.fixedWatts = watts;
    },
    resets: () => bench.machine.resets,
    serialTool: async (tool, ...args) => {
      if (cable?.path === undefined) throw new Error("this rig was made without a serial cable");
      pace(1);
      const done = await runTool(tool, [...args, "--port", cable.path]);
      pace("fast");
      return done;
    },
    ota: async (bundle) => tool("ota", NAME, "--bundle", await file("update.bin", bundle)),
    tool,
    file,
    close: async () => {
      await bench.close();
      cable?.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
