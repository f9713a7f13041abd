// Compares what a display shows with the picture in tests/vectors/displays, dot by dot. HEARTH_PICTURES=write makes them anew: look at each.

import { expect } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { decodePng, encodePng, halfBlocks, type Picture } from "../../tools/sim/picture.ts";

const FOLDER = `${import.meta.dir}/../vectors/displays`;

export function expectPicture(name: string, picture: Picture): void {
  const path = `${FOLDER}/${name}.png`;
  if (process.env["HEARTH_PICTURES"] === "write") {
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(path, encodePng(picture));
  }
  if (!existsSync(path)) throw new Error(`there is no picture ${name}: make it with HEARTH_PICTURES=write`);
  expect(halfBlocks(picture).join("\n")).toBe(halfBlocks(decodePng(readFileSync(path))).join("\n"));
}
