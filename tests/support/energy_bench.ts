// An energy meter for end-to-end tests, and what was seen of it: on the host firmware, or on the machine that the tests run on.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Bench, type BenchOptions } from "../../tools/sim/bench.ts";
import { observeBench, type SimEvent } from "../../tools/sim/events.ts";
import { hostFirmware, profileBundle } from "../../tools/sim/firmware.ts";
import type { HostMachine } from "../../tools/sim/host_machine.ts";
import type { BenchMachine } from "../../tools/sim/machine.ts";
import type { ChosenMachine } from "../../tools/sim/machines.ts";
import { dropVariant, type Edit, variantOf } from "../../tools/sim/variants.ts";
import { publishedBy } from "./rig.ts";

const NAME = "meter";

export interface EnergyBench<M extends BenchMachine = HostMachine> {
  bench: Bench<M>;
  /** A folder of its own, removed at the end. */
  folder: string;
  /** The device's config.txt as a tool on the PC takes it. */
  configFile: string;
  /** How a command on this PC reaches it, where that is not what the device tells of itself. */
  reach: { broker: string[]; link: string[] };
  seen: SimEvent[];
  /** Lets time pass until an event from number `from` on is as asked. */
  saw(asked: (event: SimEvent) => boolean, from?: number, limitMs?: number): Promise<boolean>;
  published(topic: string, payload?: string): (event: SimEvent) => boolean;
  close(): Promise<void>;
}

const common = (folder: string, bundle: Uint8Array) => ({
  name: NAME,
  bundle,
  seed: 1,
  otakey: "11".repeat(32),
  flashDir: join(folder, "flash"),
});

/** A bench with an empty chip but for the bundle; the power is off. `bundle`: default the energy profile's. */
export async function energyBench(bundle?: Uint8Array, more: Partial<BenchOptions> = {}): Promise<EnergyBench> {
  const folder = mkdtempSync(join(tmpdir(), "hearth-e2e-"));
  const bench = await Bench.make({
    ...common(folder, bundle ?? (await profileBundle("energy"))),
    firmware: await hostFirmware(),
    pace: "fast",
    ...more,
  });
  return watched(bench, more.name ?? NAME, folder, { broker: [], link: [] });
}

/** The same on another machine that is a bench's: the host firmware or an emulated chip. */
export async function energyBenchOn(
  machine: ChosenMachine,
  moreConfig: string[] = [],
): Promise<EnergyBench<BenchMachine>> {
  if (machine.kind === "host") return energyBench(undefined, { moreConfig });
  if (machine.kind !== "qemu") throw new Error(`${machine.text} is not on a bench`);
  const folder = mkdtempSync(join(tmpdir(), "hearth-e2e-"));
  const options = { ...common(folder, await profileBundle("energy")), chip: machine.chip, moreConfig };
  const bench: Bench<BenchMachine> = await Bench.makeQemu(options);
  const broker = ["--broker", bench.broker?.url ?? ""];
  return watched(bench, NAME, folder, { broker, link: [...broker, "--addr", bench.machine.address] });
}

async function watched<M extends BenchMachine>(
  bench: Bench<M>,
  name: string,
  folder: string,
  reach: EnergyBench["reach"],
): Promise<EnergyBench<M>> {
  const configFile = join(folder, `${name}.txt`);
  await Bun.write(configFile, bench.config);
  const seen: SimEvent[] = [];
  observeBench(bench, (event) => seen.push(event));
  return {
    bench,
    folder,
    configFile,
    reach,
    seen,
    saw: (asked, from = 0, limitMs = 900_000) => bench.world.until(() => seen.slice(from).some(asked), limitMs),
    published: publishedBy(name),
    close: async () => {
      await bench.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The energy profile's bundle with some lines changed. */
export async function variantBundle(name: string, ...edits: Edit[]): Promise<Uint8Array> {
  const root = await variantOf("energy", name, edits);
  return profileBundle("energy", root).finally(() => dropVariant(root));
}
