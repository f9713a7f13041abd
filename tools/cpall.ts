// `bun run cpall PROFILE`: brings everything of a profile but the configuration to the device on a serial port: its files, then its bundle.

import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { main } from "./lib/cli.ts";
import { UserError } from "./lib/errors.ts";
import { ROOT } from "./lib/paths.ts";
import { checkRemoteName, putFile } from "./lib/put_file.ts";
import { type BundleOptions, bringBundle, bundleFor } from "./lib/serial_bundle.ts";
import { SerialDevice, type SerialOptions, withSerialOptions } from "./lib/serial_device.ts";
import { Shown } from "./lib/update_view.ts";

type Options = SerialOptions & BundleOptions;

export const program = withSerialOptions(
  new Command("cpall")
    .description(
      "Brings a profile's bundle and files, everything but the configuration, to the device on a serial port.",
    )
    .argument("<profile>", "folder under profiles/; its files are in profiles/PROFILE/files")
    .option("--force", "send also what the device has already")
    .option("--keep", "make the bundle permanent at once, without a proof that the device can be reached"),
)
  .addHelpText(
    "after",
    "\nExample, a new board:\n  bun run cpall energy\n  bun run pcp_conf devices/kitchen.txt\nExit codes: 0 done, 1 failed, 2 wrong usage.",
  )
  .action((profile: string, options: Options) => copyAll(profile, options));

async function copyAll(profile: string, options: Options): Promise<void> {
  if (!existsSync(join(ROOT, "profiles", profile, "main.ts")))
    throw new UserError(`there is no profile ${profile}: look into profiles/ for those there are`);
  const show = new Shown(options.json === true, "connected");
  const device = new SerialDevice(options, (line) => show.line({ event: "waiting", why: line }, line));
  try {
    const files = profileFiles(join(ROOT, "profiles", profile, "files"));
    const bundle = await bundleFor(profile, undefined, show);
    const { changed, configured } = await device.session(async (client) => {
      let any = false;
      for (const [name, path] of files)
        any = (await putFile(client, name, new Uint8Array(readFileSync(path)), show, options.force)) || any;
      return { changed: any, configured: (await client.hash("config.txt")) !== undefined };
    });
    const sent = await bringBundle(device, bundle, { ...options, changeProfile: true }, show);
    if (changed && !sent) {
      await device.session((client) => client.reboot());
      show.line({ event: "restarting" }, "restarting, for the new files");
    }
    if (!configured)
      show.line({ event: "unconfigured" }, "It has no config.txt yet, so it waits in recovery: bun run pcp_conf FILE");
  } finally {
    show.end();
  }
}

/** Names on the device with paths here. */
function profileFiles(folder: string): [name: string, path: string][] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => name.replaceAll("\\", "/"));
  const files = names.filter((name) => statSync(join(folder, name)).isFile()).sort();
  for (const name of files) checkRemoteName(name);
  return files.map((name) => [name, join(folder, name)]);
}

if (import.meta.main) await main(program);
