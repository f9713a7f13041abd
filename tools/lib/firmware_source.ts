// Where a firmware that is to be sent comes from: a file that was named, or what this checkout has built for the device's machine.

import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { progress } from "./cli.ts";
import { UsageError, UserError } from "./errors.ts";
import { elfLength, type FirmwareImage, hostImage, readImage } from "./firmware_image.ts";
import { buildNative } from "./native_build.ts";
import { BUILD } from "./paths.ts";

/** Reads an image from a file: what ESP-IDF built, or a PC's executable. Throws UsageError or UserError. */
export function imageFile(path: string): FirmwareImage {
  if (!existsSync(path)) throw new UsageError(`there is no ${path}`);
  const bytes = new Uint8Array(readFileSync(path));
  const image = readImage(bytes);
  if (typeof image === "object") return image;
  // A PC's executable is not an image yet.
  const made = elfLength(bytes) === bytes.length ? readImage(hostImage(bytes)) : image;
  if (typeof made === "string") throw new UserError(`${path}: ${made}`);
  return made;
}

/** This checkout's firmware for a machine: built now for a PC, else the newest image that ESP-IDF has left. Throws UserError when there is none. */
export async function ownImage(machine: string, build = BUILD): Promise<FirmwareImage> {
  if (machine === "host") {
    progress("building the firmware for this PC ...");
    return imageFile((await buildNative()).hearth);
  }
  // `bun run flash` builds in a folder for each chip, idf.py in build/ itself.
  const built = [join(build, "chip", machine, "hearth.bin"), join(build, "hearth.bin")]
    .filter((path) => existsSync(path))
    .map((path) => ({ image: imageFile(path), at: statSync(path).mtimeMs }))
    .filter(({ image }) => image.machine === machine)
    .sort((a, b) => b.at - a.at);
  if (built[0] === undefined)
    throw new UserError(
      `no firmware for ${machine} is built here: \`bun run flash PROFILE --chip ${machine} --build-only\` builds it, --firmware FILE names one`,
    );
  return built[0].image;
}
