// One list of the native API: what the firmware exports is what device/native.d.ts declares, and what the in-memory chip has.

import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import { apiHash, readApi } from "../../tools/lib/api.ts";
import { ensureEngine } from "../../tools/lib/fetch_engine.ts";
import { hostImage, readImage } from "../../tools/lib/firmware_image.ts";
import { buildNative } from "../../tools/lib/native_build.ts";
import { mustRun } from "../../tools/lib/run.ts";
import { freshNative } from "../support/fresh_native.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

test("the firmware exports what native.d.ts declares, with the same arities", async () => {
  const { hearth } = await buildNative();
  const printed = await mustRun("Printing the exports", [hearth, "--print-exports"]);
  expect(printed.trim().split("\n")).toEqual(readApi());
});

test("the image's descriptor tells the native API that the firmware has", async () => {
  const { hearth } = await buildNative();
  const image = readImage(hostImage(new Uint8Array(readFileSync(hearth))));
  expect(image).toMatchObject({ machine: "host", apiHash: apiHash(readApi()), engineId: (await ensureEngine()).id });
});

test("the in-memory chip has the same functions with the same arities", () => {
  const functions = Object.entries(freshNative().native) as [string, (...args: unknown[]) => unknown][];
  expect(functions.map(([name, call]) => `${name}/${call.length}`).sort()).toEqual(readApi());
});
