// Every profile on the 32-bit firmware, and on the sanitized one, with too little heap, from the engine's start to an update that arrives: it ends in
// an error that is told or a restart with a reason, never in a crash. CI takes a sample of limits; HEAP_STEP=64 takes all, in steps of 64 bytes.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readBudget } from "../../tools/bench/budget.ts";
import { measuredProfiles } from "../../tools/bench/device.ts";
import { has32BitParts } from "../../tools/lib/host_packages.ts";
import { buildNative, type NativeVariant } from "../../tools/lib/native_build.ts";
import { profileBundle } from "../../tools/sim/firmware.ts";
import { partitionImage } from "../../tools/sim/flash_image.ts";
import { type Life, live, OUTCOMES } from "../support/memory_sweep.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

/** Bytes between two limits of a whole sweep; 0: a sample. */
const STEP = Number(process.env["HEAP_STEP"] ?? 0);
const WHOLE_SWEEP_MS = 12 * 3_600_000;
setDefaultTimeout(STEP > 0 ? WHOLE_SWEEP_MS : SLOW_TEST_MS);

/** Bytes, on the 32-bit build: with the first the engine cannot start; every one of them is too little for the energy bundle. */
const FROM = 2048;
const TO = 20480;
const SAMPLE_STEP = 1024;
/** The firmware's exit code of a restart, see --help. */
const RESTART = 11;
/** Where the sample's limits lie, in parts of the connected device's heap: evaluation, connecting, publishing, the update. */
const SAMPLE = [0.5, 0.9, 0.98, 1.04];
/** What the 64-bit build takes, in parts of what the 32-bit one does; measured 1.65 to 1.75. */
const WIDER = 1.7;

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
  for (let limit = FROM; limit <= TO; limit += STEP > 0 ? STEP : SAMPLE_STEP) {
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

async function limits(profile: string, variant: NativeVariant, parts: readonly number[]): Promise<number[]> {
  const connected = (readBudget()[profile]?.["connectedBytes"] ?? 0) * (variant.m32 === true ? 1 : WIDER);
  if (STEP === 0) return parts.map((part) => Math.round(connected * part));
  const { outcome, peak } = await live(profile, variant, 0);
  expect(outcome).toBe("ran");
  return Array.from({ length: Math.ceil((peak - FROM) / STEP) }, (_, index) => FROM + index * STEP);
}

async function sweep(profile: string, variant: NativeVariant, parts: readonly number[]): Promise<void> {
  const lives: Life[] = [];
  for (const limit of await limits(profile, variant, parts)) lives.push(await live(profile, variant, limit));
  if (STEP > 0) {
    const counts = OUTCOMES.map((outcome) => `${lives.filter((each) => each.outcome === outcome).length} ${outcome}`);
    console.log(
      `${profile}, ${lives[0]?.limit} to ${lives.at(-1)?.limit} bytes: ${lives.length} lives, ${counts.join(", ")}`,
    );
  }
  expect(lives.filter(({ outcome }) => outcome === "crash")).toEqual([]);
}

const profiles = measuredProfiles().map((profile, index) => ({
  profile,
  parts: profile === "energy" ? SAMPLE : [SAMPLE[index % SAMPLE.length] as number],
}));

test.skipIf(!has32).each(profiles)("32 bits, $profile, up to an update", async ({ profile, parts }) => {
  await sweep(profile, { m32: true }, parts);
});

test.each(STEP > 0 ? profiles : profiles.filter(({ profile }) => profile === "energy"))(
  "watched by the sanitizers, $profile, up to an update",
  async ({ profile, parts }) => {
    await sweep(profile, { sanitize: true }, parts);
  },
);
