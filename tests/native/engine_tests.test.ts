// The engine's own tests, run by the patched engine as the firmware has it: for 64 and for 32 bits, and with the address sanitizer and a
// collection before every object.

import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { ensureEngine } from "../../tools/lib/fetch_engine.ts";
import { has32BitParts } from "../../tools/lib/host_packages.ts";
import { buildNative, type NativeVariant } from "../../tools/lib/native_build.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const FILES = ["language", "builtin", "closure", "loop", "bigint"];
const has32 = await has32BitParts();
if (!has32)
  console.warn("The 32-bit C library is not here: the engine's tests for 32 bits are left out (see README.md).");

async function run(
  variant: NativeVariant,
  file: string,
  ...options: string[]
): Promise<{ exit: number | null; said: string }> {
  const { pristine } = await ensureEngine();
  const { engineTest } = await buildNative(variant);
  const path = join(pristine, "tests", `test_${file}.js`);
  const child = Bun.spawn([engineTest, ...options, path], { stdout: "pipe", stderr: "pipe" });
  const said = (await child.stdout.text()) + (await child.stderr.text());
  return { exit: await child.exited, said };
}

test.each(FILES)("64 bits: %s", async (file) => {
  expect(await run({}, file)).toEqual({ exit: 0, said: expect.any(String) });
});

test.skipIf(!has32).each(FILES)("32 bits: %s", async (file) => {
  expect(await run({ m32: true }, file)).toEqual({ exit: 0, said: expect.any(String) });
});

test.each(FILES)("a collection before every object, watched by the address sanitizer: %s", async (file) => {
  expect(await run({ sanitize: true, gcAlways: true }, file)).toEqual({ exit: 0, said: expect.any(String) });
});

test("a test that fails is told", async () => {
  const { engineTest } = await buildNative();
  const script = join(import.meta.dir, "..", "support", "engine_throws.js");
  const child = Bun.spawnSync([engineTest, script], { stderr: "pipe" });
  expect({ exit: child.exitCode, said: child.stderr.toString() }).toEqual({
    exit: 1,
    said: expect.stringContaining("Error: as it should be"),
  });
});
