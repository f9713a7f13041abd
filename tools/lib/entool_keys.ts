// Where entool has its keys from: options, a device's file, .env. They are never shown.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Command, Option } from "commander";
import { type NetnowKeys, netnowKeys } from "../../device/netnow_codec.ts";
import { hexBytes } from "./entool_frames.ts";
import { UsageError, UserError } from "./errors.ts";
import { devicesFolder } from "./paths.ts";
import { setting } from "./settings.ts";

export interface KeyOptions {
  psk?: string;
  group?: string;
  device?: string;
  v: "2" | "3";
  pairKey?: string;
  json?: boolean;
}

export function keysOf(options: KeyOptions): NetnowKeys {
  const device = options.device === undefined ? new Map<string, string>() : deviceTokens(options.device);
  const psk = options.psk ?? device.get("espnowpsk") ?? setting("NETNOW_PSK");
  const group = options.group ?? device.get("espnowgroup") ?? setting("NETNOW_GROUP");
  if (psk === undefined || group === undefined)
    throw new UsageError(
      "The keys are missing: give --device, --psk and --group, or NETNOW_PSK and NETNOW_GROUP in .env.",
    );
  return netnowKeys(psk, group);
}

/** The configuration of a device of ours. */
function deviceTokens(name: string): Map<string, string> {
  const file = join(devicesFolder(), `${name}.txt`);
  if (!existsSync(file)) throw new UserError(`There is no ${file}: --device takes the name of a file in devices/.`);
  const line = (token: string) => new RegExp(`^${token}[ \\t]+(\\S+)`, "m").exec(readFileSync(file, "utf8"))?.[1];
  return new Map(
    ["espnowpsk", "espnowgroup"].flatMap((token) => {
      const value = line(token);
      return value === undefined ? [] : [[token, value] as const];
    }),
  );
}

export function pairKeyOf(options: KeyOptions): Uint8Array {
  const key = options.pairKey ?? setting("NETNOW_PAIR_KEY");
  if (key === undefined) throw new UsageError("Version 3 has a key for each pair: give --pair-key or NETNOW_PAIR_KEY.");
  return hexBytes("--pair-key", key, 32);
}

export function withKeys(command: Command): Command {
  return command
    .option("--psk <text>", "espnowpsk (default: NETNOW_PSK of the environment or .env)")
    .option("--group <text>", "espnowgroup (default: NETNOW_GROUP)")
    .option("--device <name>", "both from devices/NAME.txt")
    .addOption(new Option("--v <version>", "version of the protocol").choices(["2", "3"]).default("2"))
    .option("--pair-key <hex>", "key of a pair of version 3 (default: NETNOW_PAIR_KEY)")
    .option("--json", "one JSON object a line");
}
