// The options of `bun run ota`, and the bundle that they ask for: read from a file or built, and its header. What is done with it is the
// command's for one device, ota_fleet.ts's for many, ota_via.ts's for one without a network.

import { existsSync, readFileSync } from "node:fs";
import { type BundleHeader, bundleName, decodeBundle } from "./bundle.ts";
import { UsageError, UserError } from "./errors.ts";
import { buildBundle } from "./native_build.ts";
import type { NetworkOptions } from "./network_device.ts";

export interface OtaOptions extends NetworkOptions {
  bundle?: string;
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

/** What to build: what was asked for, else what runs, unless that is the recovery bundle. */
export function profileFor(asked: string | undefined, running: { profile: string; state: string }): string | undefined {
  return asked ?? (running.state === "recovery" ? undefined : running.profile);
}

async function bundleBytes(profile: string | undefined, file: string | undefined): Promise<Uint8Array> {
  if (file !== undefined) {
    if (!existsSync(file)) throw new UsageError(`there is no ${file}`);
    return new Uint8Array(readFileSync(file));
  }
  if (profile === undefined)
    throw new UsageError("the device runs the recovery bundle: say which profile it is to get, as second argument");
  return (await buildBundle({ profile })).bundle;
}
