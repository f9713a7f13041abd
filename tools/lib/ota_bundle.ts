// The options of `bun run ota`, and the bundle and the firmware that they ask for: read from a file or built. What is done with it is the
// command's for one device, ota_fleet.ts's for many, ota_via.ts's for one without a network.

import { existsSync, readFileSync } from "node:fs";
import { type BundleHeader, bundleName, decodeBundle } from "./bundle.ts";
import { UsageError, UserError } from "./errors.ts";
import { imageFile, ownImage } from "./firmware_source.ts";
import { buildBundle } from "./native_build.ts";
import type { NetworkOptions } from "./network_device.ts";
import type { FirmwareSource } from "./update_both.ts";

export interface OtaOptions extends NetworkOptions {
  bundle?: string;
  /** Files. */
  firmware?: string[];
  changeProfile?: boolean;
  force?: boolean;
  wait: boolean;
  timeout?: string;
  via?: string;
  viaConfig?: string;
  mac?: string;
  json?: boolean;
  all?: boolean;
  group?: string;
  concurrency: string;
  maxFailures: string;
}

export interface OtaBundle {
  /** 16 hex digits: what a device calls it. */
  name: string;
  header: BundleHeader;
  bytes: Uint8Array;
}

/** Reads the file that `--bundle` names, else builds `profile`; undefined: nobody has said which. Throws UsageError or UserError. */
export async function makeBundle(profile: string | undefined, options: { bundle?: string }): Promise<OtaBundle> {
  const bytes = await bundleBytes(profile, options.bundle);
  const decoded = decodeBundle(bytes);
  if (typeof decoded === "string")
    throw new UserError(`${options.bundle} is no whole bundle (${decoded}): build it again`);
  return { name: bundleName(decoded.header), header: decoded.header, bytes };
}

/** What to build: what was asked for, else what runs; instead of the recovery bundle what the device's file says that it is. */
export function profileFor(
  asked: string | undefined,
  running: { profile: string; state: string },
  ofFile?: string,
): string | undefined {
  return asked ?? (running.state === "recovery" ? ofFile : running.profile);
}

async function bundleBytes(profile: string | undefined, file: string | undefined): Promise<Uint8Array> {
  if (file !== undefined) {
    if (!existsSync(file)) throw new UsageError(`there is no ${file}`);
    return new Uint8Array(readFileSync(file));
  }
  if (profile === undefined)
    throw new UsageError(
      "the device runs the recovery bundle: say which profile it is to get, as second argument or as a line `#profile NAME` in its file",
    );
  return (await buildBundle({ profile })).bundle;
}

/** Where a firmware comes from: the files that `--firmware` names, else this checkout. Throws UsageError or UserError for a file that is none. */
export function firmwareSource(options: { firmware?: string[] }): FirmwareSource {
  return { given: (options.firmware ?? []).map(imageFile), own: ownImage };
}
