// `bun run new_device NAME PROFILE`: makes a device's file from the profile's sample, with a name and a key of its own.

import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { main } from "./lib/cli.ts";
import { UsageError, UserError } from "./lib/errors.ts";
import { devicesFolder, ROOT } from "./lib/paths.ts";

/** A name is a file's and a level of topics. */
const NAME = /^[A-Za-z0-9_-]{1,32}$/;

interface Options {
  group?: string;
  json?: boolean;
}

export const program = new Command("new_device")
  .description(
    "Makes devices/NAME.txt (git-ignored): the profile's sample configuration with a name and an otakey of its own.",
  )
  .argument("<name>", "the device's name, also its mqttname: letters, digits, _ and -")
  .argument("<profile>", "what the device is to be, e.g. energy")
  .option("--group <name>", "the group that `ota --group` updates together")
  .option("--json", "one JSON object")
  .addHelpText(
    "after",
    `
Example:
  bun run new_device kitchen energy --group house
Then edit the file (Wi-Fi, broker), and bring it to the device: bun run pcp_conf devices/kitchen.txt
Exit codes: 0 made, 1 failed, 2 wrong usage.`,
  )
  .action((name: string, profile: string, options: Options) => make(name, profile, options));

function make(name: string, profile: string, options: Options): void {
  if (!NAME.test(name)) throw new UsageError(`${name}: a name has 1 to 32 letters, digits, _ or -`);
  if (options.group !== undefined && !NAME.test(options.group))
    throw new UsageError(`--group ${options.group}: a name has 1 to 32 letters, digits, _ or -`);
  const sample = join(ROOT, "profiles", profile, "config.sample.txt");
  if (!/^[a-z0-9_]+$/.test(profile) || !existsSync(sample)) throw new UsageError(`there is no profile ${profile}`);
  const folder = devicesFolder();
  const file = join(folder, `${name}.txt`);
  mkdirSync(folder, { recursive: true });
  try {
    // Only for the owner: it holds the key and, soon, the Wi-Fi's password.
    writeFileSync(file, deviceFile(readFileSync(sample, "utf8"), name, profile, options.group), {
      flag: "wx",
      mode: 0o600,
    });
  } catch (thrown) {
    if ((thrown as { code?: string }).code !== "EEXIST") throw thrown;
    throw new UserError(`${file} exists: a device keeps its key; delete the file if the device is gone`);
  }
  if (options.json) console.log(JSON.stringify({ name, profile, file }));
  else
    console.log(
      `made ${file} with a new otakey. Edit it (network, broker), then: bun run cpall ${profile} && bun run pcp_conf ${file}`,
    );
}

/** The sample with the device's name and a new key. A line that begins with # is the tools' own: the device passes it over. */
export function deviceFile(sample: string, name: string, profile: string, group?: string): string {
  const lines = sample.split("\n").filter((line) => line !== "" && !line.startsWith("otakey "));
  const own = lines.map((line) => (line.startsWith("mqttname ") ? `mqttname ${name}` : line));
  const head = [`#profile ${profile}`, ...(group === undefined ? [] : [`#group ${group}`])];
  return [...head, ...own, `otakey ${randomBytes(32).toString("hex")}`, ""].join("\n");
}

if (import.meta.main) await main(program);
