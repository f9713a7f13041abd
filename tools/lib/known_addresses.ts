// The addresses at which devices were found last, in a file beside the device files (git-ignored). A help for people, never relied upon.

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { DeviceAddress } from "./device_access.ts";
import { devicesFolder } from "./paths.ts";

const FILE = () => join(devicesFolder(), ".addresses.json");

export interface KnownAddress extends DeviceAddress {
  /** When, as ISO 8601. */
  seen: string;
}

/** By device name; empty when there is no file or it cannot be read. */
export function knownAddresses(file = FILE()): Map<string, KnownAddress> {
  if (!existsSync(file)) return new Map();
  try {
    return new Map(Object.entries(JSON.parse(readFileSync(file, "utf8")) as Record<string, KnownAddress>));
  } catch {
    return new Map();
  }
}

/** Keeps where a device was found. Two tools at once may lose one another's entry; the next run brings it back. */
export function rememberAddress({ name, ...found }: DeviceAddress & { name: string }, file = FILE()): void {
  const known = knownAddresses(file);
  known.set(name, { ...found, seen: new Date().toISOString() });
  const scratch = `${file}.${process.pid}.new`;
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(scratch, JSON.stringify(Object.fromEntries([...known].sort()), null, 2));
    renameSync(scratch, file);
  } catch {
    // A checkout that cannot be written to works as well.
  }
}
