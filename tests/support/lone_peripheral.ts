// A peripheral of ESP-NOW on the host firmware, alone on its air until somebody joins; the power is off.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Air } from "../../tools/sim/air.ts";
import { hostFirmware } from "../../tools/sim/firmware.ts";
import { HostMachine } from "../../tools/sim/host_machine.ts";
import { HostWorld } from "../../tools/sim/host_world.ts";

export interface LonePeripheral {
  world: HostWorld;
  air: Air;
  machine: HostMachine;
  /** Log lines that say what booted, over all boots. */
  boots: string[];
  close(): Promise<void>;
}

export async function lonePeripheral(config: string): Promise<LonePeripheral> {
  const folder = mkdtempSync(join(tmpdir(), "hearth-peripheral-"));
  const world = new HostWorld("fast");
  const air = new Air(world.clock);
  const firmware = await hostFirmware();
  const machine = new HostMachine({ world, firmware, flashDir: join(folder, "flash"), air, seed: 1 });
  await machine.writeFile("config.txt", config);
  const boots: string[] = [];
  machine.board.observe((event) => {
    if (event.kind === "log" && event.line.startsWith("boot: ")) boots.push(event.line);
  });
  const close = async () => {
    await world.stop();
    await machine.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { world, air, machine, boots, close };
}
