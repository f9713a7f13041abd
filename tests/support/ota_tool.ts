// `bun run ota` as a user starts it, against a device of energy_bench.ts: the real program, the real broker, real TCP.

import { join } from "node:path";
import { ROOT } from "../../tools/lib/paths.ts";
import type { HostWorld } from "../../tools/sim/host_world.ts";
import type { BenchMachine } from "../../tools/sim/machine.ts";
import type { EnergyBench } from "./energy_bench.ts";

type AnyBench = EnergyBench<BenchMachine>;

/** Device seconds per real second while bytes of the link are on their way, which the scheduler does not see. */
export const LINK_PACE = 5;

export interface ToolRun {
  code: number;
  out: string;
  err: string;
  /** The lines of --json. */
  events: Record<string, unknown>[];
}

/** Runs the tool to its end. Time runs at LINK_PACE until the device restarts, and then as fast as it goes. */
export function ota(energy: AnyBench, ...args: string[]): Promise<ToolRun> {
  return watchedOta(
    energy,
    (out) => {
      if (out.includes("restarting")) energy.bench.world.setPace("fast");
    },
    ...args,
  );
}

/** Runs the tool to its end; `watch` is handed all that it has printed whenever there is more. Time runs at LINK_PACE. */
export function watchedOta(energy: AnyBench, watch: (out: string) => void, ...args: string[]): Promise<ToolRun> {
  return runTool(energy, watch, otaCommand(energy, ...args));
}

export function otaCommand(energy: AnyBench, ...args: string[]): string[] {
  return [
    process.execPath,
    join(ROOT, "tools", "ota.ts"),
    "meter",
    "--config",
    energy.configFile,
    ...energy.reach.link,
    ...args,
  ];
}

/** Runs a command as watchedOta does. */
export function runTool(energy: AnyBench, watch: (out: string) => void, command: string[]): Promise<ToolRun> {
  return runToolIn(energy.bench.world, energy.folder, watch, command);
}

/** The same in any world; `folder` holds the devices' files. */
export async function runToolIn(
  world: HostWorld,
  folder: string,
  watch: (out: string) => void,
  command: string[],
): Promise<ToolRun> {
  world.setPace(LINK_PACE);
  // Empty: a developer's own .env is not to be asked. A test with a .env of its own wants just that.
  const MQTT_URL = process.env["HEARTH_ENV"] === undefined ? "" : undefined;
  const env = { ...process.env, NO_COLOR: "1", MQTT_URL, HEARTH_DEVICES: folder };
  // Not in the checkout, whose .env Bun would read by itself.
  const child = Bun.spawn(command, { cwd: folder, stdin: "ignore", stdout: "pipe", stderr: "pipe", env });
  const err = new Response(child.stderr).text();
  let out = "";
  const text = new TextDecoder();
  for await (const piece of child.stdout) {
    out += text.decode(piece, { stream: true });
    watch(out);
  }
  const code = await child.exited;
  world.setPace("fast");
  const events = command.includes("--json")
    ? out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    : [];
  return { code, out, err: await err, events };
}

/** Writes a bundle where the tool finds it with --bundle. */
export async function bundleFile(energy: AnyBench, bundle: Uint8Array, name = "update.bin"): Promise<string> {
  const path = join(energy.folder, name);
  await Bun.write(path, bundle);
  return path;
}
