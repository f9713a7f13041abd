// The machine that tests/e2e/any_machine.test.ts runs on, chosen by HEARTH_MACHINE: host (the default), qemu (the classic ESP32's image) or
// qemu:CHIP. The emulator's image must have been built: bun run flash --qemu --build-only --chip CHIP.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../../tools/lib/paths.ts";
import { Bench } from "../../tools/sim/bench.ts";
import { observeBench, type SimEvent } from "../../tools/sim/events.ts";
import { hostFirmware, profileBundle } from "../../tools/sim/firmware.ts";
import type { BenchMachine } from "../../tools/sim/machine.ts";
import { QEMU_CHIPS, type QemuChip } from "../../tools/sim/qemu_program.ts";
import { LINK_PACE } from "./ota_tool.ts";

/** What not every machine has. */
export type Ability = "pins";
const HOST: readonly Ability[] = ["pins"];
const QEMU: readonly Ability[] = [];

const asked = process.env["HEARTH_MACHINE"] ?? "host";
const chip = asked === "qemu" ? "esp32" : asked.replace(/^qemu:/, "");
const emulated = asked !== "host";
if (emulated && (!asked.startsWith("qemu") || !(chip in QEMU_CHIPS)))
  throw new Error(`HEARTH_MACHINE=${asked}: host, qemu or qemu:CHIP with CHIP one of ${Object.keys(QEMU_CHIPS)}`);

/** True when the machine has it; else says aloud what is left out. */
export function has(ability: Ability, what: string): boolean {
  const there = (emulated ? QEMU : HOST).includes(ability);
  if (!there) console.warn(`left out: "${what}": the machine ${asked} has no ${ability}`);
  return there;
}

const NAME = "meter";

export interface Rig {
  bench: Bench<BenchMachine>;
  seen: SimEvent[];
  /** Lets time pass until an event from number `from` on is as asked. */
  saw(asked: (event: SimEvent) => boolean, from?: number): Promise<boolean>;
  published(topic: string, payload?: string): (event: SimEvent) => boolean;
  /** `bun run ota` with this bundle, to its end. */
  ota(bundle: Uint8Array): Promise<{ code: number; out: string; err: string }>;
  close(): Promise<void>;
}

/** An energy meter with an empty chip but for the profile's bundle; the power is off. */
export async function rig(): Promise<Rig> {
  const folder = mkdtempSync(join(tmpdir(), "hearth-any-"));
  const common = {
    name: NAME,
    bundle: await profileBundle("energy"),
    seed: 1,
    otakey: "11".repeat(32),
    flashDir: join(folder, "flash"),
  };
  const bench: Bench<BenchMachine> = emulated
    ? await Bench.makeQemu({ ...common, chip: chip as QemuChip })
    : await Bench.make({ ...common, firmware: await hostFirmware(), pace: "fast" });
  const config = join(folder, "config.txt");
  await Bun.write(config, bench.config);
  const seen: SimEvent[] = [];
  observeBench(bench, (event) => seen.push(event));
  const pace = (value: number | "fast") => emulated || bench.world.setPace(value);
  return {
    bench,
    seen,
    saw: (wanted, from = 0) => bench.world.until(() => seen.slice(from).some(wanted), 900_000),
    published: (topic, payload) => (event) =>
      event.kind === "publish" &&
      event.topic === `stat/${NAME}/${topic}` &&
      (payload === undefined || event.payload === payload),
    ota: async (bundle) => {
      const path = join(folder, "update.bin");
      await Bun.write(path, bundle);
      const command = [process.execPath, join(ROOT, "tools", "ota.ts"), NAME, "--config", config, "--bundle", path];
      command.push("--broker", bench.broker?.url ?? "", "--addr", bench.machine.address);
      pace(LINK_PACE);
      const env = { ...process.env, NO_COLOR: "1" };
      const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe", env });
      const err = new Response(child.stderr).text();
      let out = "";
      for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
        out += piece;
        if (out.includes("restarting")) pace("fast");
      }
      const code = await child.exited;
      pace("fast");
      return { code, out, err: await err };
    },
    close: async () => {
      await bench.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
