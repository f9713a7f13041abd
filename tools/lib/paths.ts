// Where things are in a checkout; the only place that knows the layout outside the sources.

import { join } from "node:path";

/** The checkout's root. */
export const ROOT = join(import.meta.dir, "..", "..");

/** What set-up brings; never committed. */
export const CACHE = join(ROOT, ".cache");

/** What is built; never committed. */
export const BUILD = join(ROOT, "build");

/** The artifact store; HEARTH_ARTIFACTS names another folder. */
export function artifactsFolder(): string {
  return process.env["HEARTH_ARTIFACTS"] ?? join(ROOT, "artifacts");
}

/** The device files; HEARTH_DEVICES names another folder. */
export function devicesFolder(): string {
  return process.env["HEARTH_DEVICES"] ?? join(ROOT, "devices");
}
