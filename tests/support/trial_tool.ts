// The commands that put a firmware, a bundle or a configuration on trial, as a user starts them against a device of energy_bench.ts.

import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readImage } from "../../tools/lib/firmware_image.ts";
import { ROOT } from "../../tools/lib/paths.ts";
import type { BenchMachine } from "../../tools/sim/machine.ts";
import type { EnergyBench } from "./energy_bench.ts";
import { bundleFile, LINK_PACE, runTool, type ToolRun } from "./ota_tool.ts";
import { firmwareVariant } from "./trial_bench.ts";

/** Of nobody's engine. */
export const OTHER_ENGINE = "00112233aabbccdd";
const IMAGE_SHA_BYTES = 32;

/** The program of an older firmware, with another engine; `ends` is given what removes it. */
export async function oldFirmware(ends: (() => unknown)[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "hearth-old-"));
  ends.push(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "old");
  await Bun.write(path, (await firmwareVariant("0.0.9", OTHER_ENGINE)).subarray(0, -IMAGE_SHA_BYTES));
  chmodSync(path, 0o755);
  return path;
}

/** Runs a tool; time rushes from the restart on until the device has proved itself, or to the end. */
export function trialTool(energy: EnergyBench<BenchMachine>, name: string, ...args: string[]): Promise<ToolRun> {
  const { world, broker } = energy.bench;
  let restarts = 0;
  broker?.observe((event) => {
    if (event.kind !== "publish" || !event.topic.endsWith("/Log")) return;
    if (Buffer.from(event.payload).toString().startsWith("firmware confirmed")) world.setPace(LINK_PACE);
  });
  const watch = (out: string) => {
    const now = out.split(/^restarting|"restarting"/m).length - 1;
    if (now > restarts) world.setPace("fast");
    restarts = now;
  };
  const reach = name === "otacmd" ? energy.reach.broker : energy.reach.link;
  const tool = [process.execPath, join(ROOT, "tools", `${name}.ts`)];
  return runTool(energy, watch, [...tool, "meter", "--config", energy.configFile, ...reach, ...args]);
}

/** An image in a file, and what it is called. */
export async function imageFile(
  energy: EnergyBench<BenchMachine>,
  version: string,
  engineId?: string,
): Promise<[path: string, name: string]> {
  const bytes = await firmwareVariant(version, engineId);
  const image = readImage(bytes);
  if (typeof image === "string") throw new Error(image);
  return [await bundleFile(energy, bytes, `${version}.img`), image.name];
}
