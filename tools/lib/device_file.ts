// Bringing a device's file on this PC up to date with the configuration that the device has kept. Reading it is network_device.ts's.

import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";

/** `text` behind those lines of `before` that are the tools' own (`#profile`, `#group`), where it has none of that word itself. */
export function deviceFileWith(before: string, text: string): string {
  const word = (line: string): string => line.split(/[ \t]+/, 1)[0] as string;
  const own = (of: string): string[] => of.split(/\r?\n/).filter((line) => /^#[a-z]/.test(line));
  const has = new Set(own(text).map(word));
  const kept = own(before).filter((line) => !has.has(word(line)));
  return kept.map((line) => `${line}\n`).join("") + text;
}

/** Makes it the device's file, in one step and for its owner's eyes only; false when the file is as it is to be. Without a file none is made. */
export function updateDeviceFile(file: string, text: string): boolean {
  if (!existsSync(file)) return false;
  const before = readFileSync(file, "utf8");
  const after = deviceFileWith(before, text);
  if (after === before) return false;
  const scratch = `${file}.${process.pid}.new`;
  writeFileSync(scratch, after, { mode: 0o600 });
  renameSync(scratch, file);
  return true;
}
