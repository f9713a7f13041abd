// `bun run pcp_conf FILE`: checks a configuration with its profile's schema, makes it the config.txt of the device on a serial port, and
// restarts the device. A fault in it stops before anything is sent.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { main } from "./lib/cli.ts";
import { checkConfig } from "./lib/config_file.ts";
import { UsageError, UserError } from "./lib/errors.ts";
import type { Hello } from "./lib/link_frames.ts";
import { ROOT } from "./lib/paths.ts";
import { putFile } from "./lib/put_file.ts";
import { SerialDevice, type SerialOptions, withSerialOptions } from "./lib/serial_device.ts";
import { Shown } from "./lib/update_view.ts";

interface Options extends SerialOptions {
  profile?: string;
  restart: boolean;
}

export const program = withSerialOptions(
  new Command("pcp_conf")
    .description("Checks a configuration file and makes it the device's config.txt, over a serial port.")
    .argument("<file>", "the configuration on this PC")
    .option("--profile <name>", "check it for this profile (default: the one that the device runs)")
    .option("--no-restart", "leave the device running with what it has read before"),
)
  .addHelpText(
    "after",
    "\nExample:\n  bun run pcp_conf devices/kitchen.txt\nExit codes: 0 done, 1 failed, 2 wrong usage.",
  )
  .action((file: string, options: Options) => send(file, options));

async function send(file: string, options: Options): Promise<void> {
  if (!existsSync(file)) throw new UsageError(`there is no file ${file}`);
  const content = new Uint8Array(readFileSync(file));
  if (options.profile !== undefined) await mustFit(options.profile, content, file);
  const show = new Shown(options.json === true, "connected");
  const device = new SerialDevice(options, (line) => show.line({ event: "waiting", why: line }, line));
  try {
    await device.session(async (client) => {
      if (options.profile === undefined) await checkFor(client.hello, content, file);
      const changed = await putFile(client, "config.txt", content, show);
      if (!changed || !options.restart) return;
      await client.reboot();
      show.line({ event: "restarting" }, "the device restarts with it");
    });
  } finally {
    show.end();
  }
}

/** Checks for what the device runs; in recovery, where that is not known, for any profile. */
async function checkFor(hello: Hello, content: Uint8Array, file: string): Promise<void> {
  if (hello.bundle.slot >= 0) {
    await mustFit(hello.bundle.profile, content, file);
    return;
  }
  const profiles = readdirSync(join(ROOT, "profiles")).filter((name) =>
    existsSync(join(ROOT, "profiles", name, "config.ts")),
  );
  const faults = await Promise.all(profiles.map((profile) => faultsFor(profile, content)));
  const fewest = faults.reduce((best, list, index) => (list.length < (faults[best]?.length ?? 0) ? index : best), 0);
  if (faults[fewest]?.length === 0) return;
  throw refused(profiles[fewest] ?? "", faults[fewest] ?? [], file, "; another one is named with --profile");
}

async function mustFit(profile: string, content: Uint8Array, file: string): Promise<void> {
  const faults = await faultsFor(profile, content);
  if (faults.length > 0) throw refused(profile, faults, file);
}

async function faultsFor(profile: string, content: Uint8Array): Promise<string[]> {
  const checked = await checkConfig(profile, content);
  return "faults" in checked ? checked.faults : [];
}

function refused(profile: string, faults: string[], file: string, more = ""): UserError {
  const list = faults.map((fault) => `  ${fault}`).join("\n");
  return new UserError(`${file} is no configuration for the profile ${profile}${more}; nothing was sent:\n${list}`);
}

if (import.meta.main) await main(program);
