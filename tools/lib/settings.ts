// The settings of a person's PC: environment variables, else the checkout's `.env` file (git-ignored; HEARTH_ENV names another one). The only
// place that reads either.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { ROOT } from "./paths.ts";

/** MQTT_URL: `mqtt://[user:password@]host[:port]`. SERIAL_PORT: a path like /dev/ttyUSB0. NETNOW_PSK, NETNOW_GROUP: as
 * espnowpsk and espnowgroup in config.txt. NETNOW_PAIR_KEY: 64 hex digits. */
export type Setting = "MQTT_URL" | "SERIAL_PORT" | "NETNOW_PSK" | "NETNOW_GROUP" | "NETNOW_PAIR_KEY";

/** A setting; undefined when it is not given or empty. */
export function setting(name: Setting, file = process.env["HEARTH_ENV"] ?? join(ROOT, ".env")): string | undefined {
  // An empty variable is one that was switched off, so that the file does not bring it back.
  const given = process.env[name] ?? (existsSync(file) ? parseEnv(readFileSync(file, "utf8"))[name] : undefined);
  return given === undefined || given === "" ? undefined : given;
}
