// What a virtual device runs: the host firmware and a profile's bundle, built when they are out of date.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../lib/errors.ts";
import { buildBundle, buildNative } from "../lib/native_build.ts";
import { ROOT } from "../lib/paths.ts";

/** Path of the host firmware. */
export async function hostFirmware(tell: (line: string) => void = () => {}): Promise<string> {
  if (!existsSync(join(ROOT, "build", "host", "hearth"))) tell("building the firmware for this PC, about a minute ...");
  return (await buildNative()).hearth;
}

/** A profile's bundle.bin, from this checkout's sources or from the copy of them in `root`. */
export async function profileBundle(profile: string, root = ROOT): Promise<Uint8Array> {
  if (!existsSync(join(root, "profiles", profile, "main.ts")))
    throw new UserError(`There is no profile ${profile}: look into profiles/ for those there are.`);
  return (await buildBundle({ profile, root })).bundle;
}
