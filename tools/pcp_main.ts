// `bun run pcp_main [PROFILE]`: builds a profile and brings its bundle, and nothing else, to the device on a serial port.

import { Command } from "commander";
import { main } from "./lib/cli.ts";
import { UsageError } from "./lib/errors.ts";
import { type BundleOptions, bringBundle, bundleFor } from "./lib/serial_bundle.ts";
import { SerialDevice, type SerialOptions, withFaultOption, withSerialOptions } from "./lib/serial_device.ts";
import { Shown } from "./lib/update_view.ts";

interface Options extends SerialOptions, BundleOptions {
  changeProfile?: boolean;
}

export const program = withFaultOption(
  withSerialOptions(
    new Command("pcp_main")
      .description("Builds a profile and brings its bundle to the device on a serial port.")
      .argument("[profile]", "the profile to build (default: the one that the device runs)")
      .option("--bundle <file>", "send this bundle.bin instead of building one")
      .option("--change-profile", "allow another profile than the running one")
      .option("--force", "send it even if the device runs it already")
      .option("--keep", "make it permanent at once, without a proof that the device can be reached"),
  ),
)
  .addHelpText("after", "\nExample:\n  bun run pcp_main energy --keep\nExit codes: 0 done, 1 failed, 2 wrong usage.")
  .action((profile: string | undefined, options: Options) => send(profile, options));

async function send(profile: string | undefined, options: Options): Promise<void> {
  const show = new Shown(options.json === true, "connected");
  const device = new SerialDevice(options, (line) => show.line({ event: "waiting", why: line }, line));
  try {
    const bundle = await bundleFor(
      profile ?? (options.bundle === undefined ? await running(device) : ""),
      options.bundle,
      show,
    );
    await bringBundle(device, bundle, { ...options, changeProfile: options.changeProfile ?? false }, show);
  } finally {
    show.end();
    if (device.fault !== undefined) show.fault(device.fault);
  }
}

async function running(device: SerialDevice): Promise<string> {
  const { slot, profile } = await device.session(async (client) => client.hello.bundle);
  if (slot >= 0) return profile;
  throw new UsageError("the device runs the recovery bundle: say which profile it is to get");
}

if (import.meta.main) await main(program);
