// The program is executed where it lies in flash: the engine counts no byte of code on its heap (js_func_code_size == 0, which the boot line
// tells as "bytecode in flash: yes"), and ordinary bytecode runs all the same, from the heap, and says so.

import { afterAll, afterEach, expect, setDefaultTimeout } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HEADER_BYTES } from "../../tools/lib/bundle.ts";
import { buildBundle } from "../../tools/lib/native_build.ts";
import { profileBundle } from "../../tools/sim/firmware.ts";
import { energyBench } from "../support/energy_bench.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const folder = mkdtempSync(join(tmpdir(), "hearth-plain-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const BOOT_LINE = /^boot: .*, bytecode in flash: (yes|no), heap raw \d+ base \d+ now (\d+)$/;

interface Boot {
  inFlash: string;
  /** Bytes of heap when the bundle is loaded, before it runs. */
  heap: number;
}

/** Boots a bundle until it has published; `undefined`: a chip without one, until recovery runs. */
async function boot(bundle?: Uint8Array): Promise<Boot> {
  const energy = await energyBench(bundle ?? new Uint8Array(0x200));
  ends.push(energy.close);
  await energy.bench.machine.powerOn();
  const online = energy.published("VA");
  expect(await energy.saw((event) => online(event) || (bundle === undefined && event.kind === "connect"))).toBe(true);
  for (const event of energy.seen) {
    const found = event.kind === "log" ? BOOT_LINE.exec(event.line) : null;
    if (found !== null) return { inFlash: found[1] ?? "", heap: Number(found[2]) };
  }
  throw new Error("there is no boot line in the log");
}

test("a bundle's bytecode stays in flash", async () => {
  expect((await boot(await profileBundle("energy"))).inFlash).toBe("yes");
});

test("the recovery bundle's bytecode stays in the firmware's image", async () => {
  expect((await boot()).inFlash).toBe("yes");
});

test("ordinary bytecode runs from the heap, and the boot line says so", async () => {
  const { bundle } = await buildBundle({ profile: "energy", plain: true, out: join(folder, "plain.bin") });
  const [inFlash, inHeap] = [await boot(await profileBundle("energy")), await boot(bundle)];
  expect(inHeap.inFlash).toBe("no");
  // Names, code and the functions' tables are copies then.
  expect(inHeap.heap - inFlash.heap).toBeGreaterThan(bundle.length - HEADER_BYTES);
  console.log(
    `bytecode on the heap costs ${inHeap.heap - inFlash.heap} bytes of a ${bundle.length - HEADER_BYTES}-byte body`,
  );
});
