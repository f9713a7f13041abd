// `bun run dev PROFILE NAME`: a device that follows the sources while they are edited. This file owns the options; what happens at a save is
// lib/dev_session.ts's.

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { main } from "./lib/cli.ts";
import { develop } from "./lib/dev_session.ts";
import { UsageError } from "./lib/errors.ts";
import { buildCompiler } from "./lib/native_build.ts";
import { NetworkDevice, type NetworkOptions, parseSeconds, withNetworkOptions } from "./lib/network_device.ts";
import { ROOT } from "./lib/paths.ts";
import { Shown } from "./lib/update_view.ts";

interface Options extends NetworkOptions {
  root: string;
  changeProfile?: boolean;
  types: boolean;
  timeout: string;
  json?: boolean;
}

const program = withNetworkOptions(
  new Command("dev").argument("<profile>", "the profile to build: a folder under profiles/"),
)
  .description("Watches the sources; at every save type-checks, builds, sends to a device, and shows its log.")
  .option("--root <folder>", "the checkout with the sources", ROOT)
  .option("--change-profile", "allow another profile than the running one")
  .option("--no-types", "leave the type check out")
  .option("--timeout <seconds>", "how long to wait for the end of a trial", "420")
  .option("--json", "one JSON object per line and event")
  .addHelpText(
    "after",
    `
Examples:
  bun run dev energy kitchen
  bun run dev energy kitchen --addr localhost:8266 --json
The type check runs in the background and never keeps a bundle back. The device tries each bundle: one that throws, hangs or cannot be reached is taken
back by itself, and the next save is tried.
Exit codes: 0 ended with Ctrl-C, 1 failed (no broker, no compiler), 2 wrong usage.`,
  )
  .action(async (profile: string, name: string, options: Options) => {
    const root = resolve(options.root);
    if (!existsSync(join(root, "profiles", profile, "main.ts")))
      throw new UsageError(`there is no profile ${profile} in ${join(root, "profiles")}`);
    const timeoutMs = parseSeconds("--timeout", options.timeout) * 1000;
    const compiler = await buildCompiler();
    const show = new Shown(options.json === true);
    const device = await NetworkDevice.connect(name, options);
    const ending = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => ending.abort());
    try {
      const { changeProfile = false, types: typeCheck } = options;
      await develop({ device, profile, compiler, root, changeProfile, typeCheck, timeoutMs, show }, ending.signal);
    } finally {
      show.end();
      await device.close();
    }
  });

export { program };

if (import.meta.main) await main(program);
