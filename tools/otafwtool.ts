// `bun run otafwtool NAME [FILE]`: brings a firmware into the slot of a device that does not run, restarts into it, and tells whether the device
// has made it permanent or taken it back. What may be sent, and what goes first, is lib/update_plan.ts's decision.

import { Command } from "commander";
import pc from "picocolors";
import { main } from "./lib/cli.ts";
import type { DeviceVersion } from "./lib/device_access.ts";
import type { FirmwareImage } from "./lib/firmware_image.ts";
import { imageFile, ownImage } from "./lib/firmware_source.ts";
import { LinkFault } from "./lib/link_faults.ts";
import {
  ANSWER_TIMEOUT_MS,
  NetworkDevice,
  type NetworkOptions,
  parseSeconds,
  withNetworkOptions,
} from "./lib/network_device.ts";
import { makeBundle, type OtaBundle, profileFor } from "./lib/ota_bundle.ts";
import { withFaultOption } from "./lib/serial_device.ts";
import { idsOf, runningOf, stepsFor } from "./lib/update_both.ts";
import { fits, type Ids, type Wanted } from "./lib/update_plan.ts";
import { showFirmware, tryBundle, tryFirmware } from "./lib/update_steps.ts";
import { Shown } from "./lib/update_view.ts";

interface Options extends NetworkOptions {
  profile?: string;
  /** A file; false: none, recovery is meant. */
  bundle?: string | boolean;
  timeout: string;
  fault?: string;
  json?: boolean;
}

export const program = withFaultOption(withNetworkOptions(new Command("otafwtool")))
  .description(
    "Sends a firmware to a device over the air and waits until the device has confirmed it or taken it back.",
  )
  .argument(
    "[file]",
    "the image: what idf.py built, or a PC's executable (default: this checkout's, newly built for a virtual device)",
  )
  .option("--profile <name>", "the profile to build when the firmware needs a new bundle (default: the one that runs)")
  .option("--bundle <file>", "send this bundle.bin behind the firmware")
  .option("--no-bundle", "send the firmware alone, even if only the recovery bundle runs on it")
  .option("--timeout <seconds>", "how long to wait for each trial's end", "420")
  .option("--json", "one JSON object per line and event")
  .addHelpText(
    "after",
    `
Examples:
  bun run otafwtool kitchen build/chip/esp32/hearth.bin   sends this image, and a new bundle if that is needed
  bun run otafwtool meter                      builds the firmware for this PC and sends it to a virtual device
A firmware that does not prove within 5 minutes that it can be reached is taken back by the device itself, as is one that crashes or loses its power.
Exit codes: 0 done, 1 failed (the device goes on with what it had), 2 wrong usage.`,
  )
  .action((name: string, file: string | undefined, options: Options) => run(name, file, options));

async function run(given: string, file: string | undefined, options: Options): Promise<void> {
  const timeoutS = parseSeconds("--timeout", options.timeout);
  const fault = options.fault === undefined ? undefined : new LinkFault(options.fault);
  const show = new Shown(options.json === true);
  const device = await NetworkDevice.connect(given, options);
  try {
    const running = await device.access.version(ANSWER_TIMEOUT_MS);
    show.line(
      { event: "found", ...running },
      `${device.name} runs firmware ${running.firmware ?? "?"} (${running.image?.hash ?? "?"}, ${running.image?.state ?? "?"}) with ${running.profile} ${running.bundle}`,
    );
    const ids = idsOf(device.name, running);
    const image = file === undefined ? await ownImage(running.machine ?? "") : imageFile(file);
    const bundle = await bundleFor(image, ids, running, options, device.profile);
    const wanted: Wanted = { firmware: image, recoveryMeant: options.bundle === false };
    if (bundle !== undefined) wanted.bundle = { ...bundle.header, name: bundle.name };
    const steps = stepsFor(runningOf(device.name, ids, running), wanted);
    if (steps.length === 0)
      show.line(
        { event: "done", result: "same", firmware: image.name },
        pc.green(`${device.name} runs this firmware already.`),
      );
    const step = { device, show, timeoutS, fault };
    if (steps.includes("firmware")) {
      showFirmware(show, image, "is sent");
      await tryFirmware(image, step, steps.includes("bundle"));
    }
    if (bundle !== undefined && steps.includes("bundle"))
      await tryBundle(bundle, { ...step, changeProfile: true, force: false, wait: true });
  } finally {
    show.end();
    if (fault !== undefined) show.fault(fault);
    await device.close();
  }
}

/** The bundle that is to follow: the one given, or a new build where the one that runs does not run on the image. */
async function bundleFor(
  image: FirmwareImage,
  ids: Ids,
  running: DeviceVersion,
  options: Options,
  ofFile: string | undefined,
): Promise<OtaBundle | undefined> {
  if (typeof options.bundle === "string") return makeBundle(undefined, { bundle: options.bundle });
  if (options.bundle === false) return undefined;
  const profile = profileFor(options.profile, running, ofFile);
  const stays = fits(image, ids) && running.state !== "recovery";
  return profile === undefined || (stays && options.profile === undefined) ? undefined : makeBundle(profile, {});
}

if (import.meta.main) await main(program);
