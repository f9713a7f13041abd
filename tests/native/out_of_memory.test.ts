// The energy bundle on the 32-bit firmware with every heap from a bare context's up: each boot that runs out of memory says so and restarts.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { has32BitParts } from "../../tools/lib/host_packages.ts";
import { buildNative } from "../../tools/lib/native_build.ts";
import { profileBundle } from "../../tools/sim/firmware.ts";
import { partitionImage } from "../../tools/sim/flash_image.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

/** Bytes, on the 32-bit build: with the first the engine cannot start; every one of them is too little for the energy bundle. */
const FROM = 2048;
const TO = 20480;
/** HEAP_STEP=64 for all. */
const STEP = Number(process.env["HEAP_STEP"] ?? 256);
/** The firmware's exit code of a restart, see --help. */
const RESTART = 11;

const has32 = await has32BitParts();
if (!has32) console.warn("The 32-bit C library is not here: running out of memory is left out (see README.md).");

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hearth-memory-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.skipIf(!has32)("32 bits: with too little memory a boot ends in a recorded exception and a restart", async () => {
  const { hearth } = await buildNative({ m32: true });
  const chip = join(folder, "chip");
  mkdirSync(chip);
  await Bun.write(join(chip, "app_0.bin"), partitionImage(await profileBundle("energy"), 1, true));
  const wrong: unknown[] = [];
  for (let limit = FROM; limit <= TO; limit += STEP) {
    const flash = join(folder, "flash");
    rmSync(flash, { recursive: true, force: true });
    cpSync(chip, flash, { recursive: true });
    const command = [hearth, "--flash", flash, "--fast-wait", "--seed", "1", "--heap-limit", String(limit)];
    const run = Bun.spawnSync(command, { stdout: "pipe", stderr: "pipe", timeout: 10_000 });
    const said = run.stdout.toString() + run.stderr.toString();
    const stored = await Bun.file(join(flash, "nvs.bin")).bytes();
    const recorded = /^exception: ./m.test(said) && Buffer.from(stored).includes('{"message":"');
    if (run.exitCode !== RESTART || !recorded) wrong.push({ limit, exit: run.exitCode, signal: run.signalCode, said });
  }
  expect(wrong).toEqual([]);
});
