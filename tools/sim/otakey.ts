// The update key of a virtual device: made once per name and kept beside its flash, so that a tool in another terminal has it too.

import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BUILD } from "../lib/paths.ts";

/** 64 hex digits. */
export function otakeyOf(name: string): string {
  const folder = join(BUILD, "sim");
  const path = join(folder, `${name}.otakey`);
  if (existsSync(path)) return readFileSync(path, "utf8").trim();
  mkdirSync(folder, { recursive: true });
  const key = randomBytes(32).toString("hex");
  writeFileSync(path, `${key}\n`, { mode: 0o600 });
  return key;
}
