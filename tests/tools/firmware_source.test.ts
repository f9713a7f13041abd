// Proves where a firmware comes from when none is named: the newest that ESP-IDF has left here for the device's machine.

import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { imageFile, ownImage } from "../../tools/lib/firmware_source.ts";
import { elf, espImage } from "../support/images.ts";

const folder = mkdtempSync(join(tmpdir(), "hearth-images-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes an image that is named after `hash`, so many seconds old. */
function put(path: string, machine: string, hash: number, ageS: number): string {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  const image = espImage(machine);
  image.fill(hash, 176, 208);
  writeFileSync(file, image);
  const at = Date.now() / 1000 - ageS;
  utimesSync(file, at, at);
  return file;
}

test("the newest image for the machine, whether flash or idf.py built it", async () => {
  put("a/chip/esp32c3/hearth.bin", "esp32c3", 0x11, 100);
  put("a/hearth.bin", "esp32c3", 0x22, 50);
  expect(await ownImage("esp32c3", join(folder, "a"))).toMatchObject({ name: "22".repeat(8), machine: "esp32c3" });
  put("a/chip/esp32c3/hearth.bin", "esp32c3", 0x33, 10);
  expect(await ownImage("esp32c3", join(folder, "a"))).toMatchObject({ name: "33".repeat(8) });
});

test("one for another machine is none, and the message says how to build it", async () => {
  put("b/hearth.bin", "esp32", 0x11, 0);
  await expect(ownImage("esp32s3", join(folder, "b"))).rejects.toThrow(
    "no firmware for esp32s3 is built here: `bun run flash PROFILE --chip esp32s3 --build-only` builds it, --firmware FILE names one",
  );
});

test("a PC's executable is made into an image; what is no firmware is told", async () => {
  const program = join(folder, "program");
  writeFileSync(program, elf());
  expect(imageFile(program)).toMatchObject({ machine: "host", version: "1.2.3" });
  writeFileSync(program, "nothing");
  expect(() => imageFile(program)).toThrow("there is no Hearth firmware in this file");
  expect(() => imageFile(join(folder, "missing"))).toThrow("there is no ");
});
