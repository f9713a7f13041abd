// An energy meter on the host firmware for end-to-end tests, and what was seen of it.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Bench, type BenchOptions } from "../../tools/sim/bench.ts";
import { observeBench, type SimEvent } from "../../tools/sim/events.ts";
import { hostFirmware, profileBundle } from "../../tools/sim/firmware.ts";
import { dropVariant, type Edit, variantOf } from "../../tools/sim/variants.ts";

export interface EnergyBench {
  bench: Bench;
  /** A folder of its own, removed at the end. */
  folder: string;
  /** The device's config.txt as a tool on the PC takes it. */
  configFile: string;
  seen: SimEvent[];
  /** Lets time pass until an event from number `from` on is as asked. */
  saw(asked: (event: SimEvent) => boolean, from?: number, limitMs?: number): Promise<boolean>;
  published(topic: string, payload?: string): (event: SimEvent) => boolean;
  close(): Promise<void>;
}

/** A bench with an empty chip but for the bundle; the power is off. `bundle`: default the energy profile's. */
export async function energyBench(bundle?: Uint8Array, more: Partial<BenchOptions> = {}): Promise<EnergyBench> {
  const folder = mkdtempSync(join(tmpdir(), "hearth-e2e-"));
  const name = "meter";
  const bench = await Bench.make({
    name,
    firmware: await hostFirmware(),
    bundle: bundle ?? (await profileBundle("energy")),
    pace: "fast",
    seed: 1,
    otakey: "11".repeat(32),
    flashDir: join(folder, "flash"),
    ...more,
  });
  const configFile = join(folder, `${name}.txt`);
  await Bun.write(configFile, bench.config);
  const seen: SimEvent[] = [];
  observeBench(bench, (event) => seen.push(event));
  return {
    bench,
    folder,
    configFile,
    seen,
    saw: (asked, from = 0, limitMs = 900_000) => bench.world.until(() => seen.slice(from).some(asked), limitMs),
    published: (topic, payload) => (event) =>
      event.kind === "publish" &&
      event.topic === `stat/${name}/${topic}` &&
      (payload === undefined || event.payload === payload),
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
