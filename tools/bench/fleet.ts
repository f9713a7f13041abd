// Part `fleet`: many virtual devices on this machine: how long all of them take to start and to be updated, and what memory each has.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { FleetBench } from "../../tests/support/fleet_bench.ts";
import { compileBundle } from "../lib/build_bundle.ts";
import { buildCompiler } from "../lib/native_build.ts";
import { dropVariant, FASTER_WINDOWS, variantOf } from "../sim/variants.ts";
import { round } from "./boot.ts";
import { type Figure, median, type Part } from "./figure.ts";

const DEVICES = 100;
const AT_A_TIME = 16;

export const fleetPart: Part = {
  name: "fleet",
  title: `${DEVICES} virtual devices at once`,
  async *measure(say) {
    const fleet = await FleetBench.make();
    const figure = (name: string, value: number, unit: string, method: string): Figure => ({
      ...{ key: `fleet.${name}`, value, unit, method },
      better: "lower",
    });
    try {
      for (let count = 0; count < DEVICES; count++) await fleet.add(`device${count}`);
      say(`fleet: ${DEVICES} devices start`);
      let beganMs = performance.now();
      if (!(await fleet.powerOn())) throw new Error("not all devices came to the broker");
      const startS = (performance.now() - beganMs) / 1000;
      yield figure(
        "startS",
        round(startS, 2),
        "s",
        `power on to the broker, all ${DEVICES} energy meters, virtual time`,
      );
      const kilobytes = residentKilobytes(fleet.folder);
      if (kilobytes.length !== DEVICES) throw new Error(`${kilobytes.length} processes instead of ${DEVICES}`);
      const memory = "resident memory of a device's process that no other process shares, median";
      yield figure("deviceKB", median(kilobytes), "KB", memory);
      const root = await variantOf("energy", "fleet", [FASTER_WINDOWS]);
      try {
        const { path } = await compileBundle(await buildCompiler(), {
          profile: "energy",
          root,
          out: join(fleet.folder, "update.bin"),
        });
        say(`fleet: ${DEVICES} devices are updated`);
        beganMs = performance.now();
        const { counts, err } = await fleet.ota(["--all", "--bundle", path, "--concurrency", String(AT_A_TIME)]);
        const updateS = (performance.now() - beganMs) / 1000;
        if (counts["confirmed"] !== DEVICES) throw new Error(`not all were updated: ${JSON.stringify(counts)} ${err}`);
        const method = `\`ota --all --concurrency ${AT_A_TIME}\` to the last confirmation; the devices' clocks run at 5 times real time`;
        yield figure("updateS", round(updateS, 1), "s", method);
      } finally {
        dropVariant(root);
      }
    } finally {
      await fleet.close();
    }
  },
};

/** Of the processes that have `folder` on their command line. */
function residentKilobytes(folder: string): number[] {
  const found: number[] = [];
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(folder)) continue;
      const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
      const own = [...rollup.matchAll(/^Private_\w+:\s+(\d+) kB/gm)];
      found.push(own.slice(0, 2).reduce((sum, each) => sum + Number(each[1]), 0));
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
}
