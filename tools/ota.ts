// `bun run ota NAME [PROFILE]`: builds a profile and brings it to a device over the air, before it the firmware that it needs, then waits until the
// device has made it permanent or taken it back. This file owns options and the order; what is sent is lib/update_both.ts's, the steps are
// lib/update_steps.ts's. Many devices are lib/ota_fleet.ts's, one without a network lib/ota_via.ts's.

import { Command } from "commander";
import pc from "picocolors";
import { main } from "./lib/cli.ts";
import { UsageError } from "./lib/errors.ts";
import { ANSWER_TIMEOUT_MS, NetworkDevice, parseSeconds, withNetworkOptions } from "./lib/network_device.ts";
import { firmwareSource, makeBundle, type OtaOptions, profileFor } from "./lib/ota_bundle.ts";
import { otaFleet } from "./lib/ota_fleet.ts";
import { otaVia } from "./lib/ota_via.ts";
import { planBoth } from "./lib/update_both.ts";
import { showFirmware, tryBundle, tryFirmware } from "./lib/update_steps.ts";
import { kilobytes, Shown } from "./lib/update_view.ts";
import { VIA_OPTIONS } from "./lib/via_session.ts";

export const program = withNetworkOptions(new Command("ota"), "[name]")
  .description("Builds a profile, sends it to a device over the air, and waits until the device has confirmed it.")
  .argument("[profile]", "the profile to build (default: the one that the device runs)")
  .option("--bundle <file>", "send this bundle.bin instead of building one")
  .option(
    "--firmware <file>",
    "send this firmware first if another one runs; of several, each with its own --firmware, the one for the device's machine (default: this checkout's, where the bundle needs it)",
    (file: string, before: string[] = []) => [...before, file],
  )
  .option("--change-profile", "allow another profile than the running one")
  .option("--force", "send it even if the device runs it already, and all of it")
  .option("--no-wait", "do not wait for the trial's end")
  .option("--timeout <seconds>", "how long to wait for the trial's end (default: 420, with --via 14400)")
  .option("--all", "every device that has a file in devices/, one of them first as a canary")
  .option("--group <name>", "the devices whose file has a line `#group NAME`")
  .option("--concurrency <count>", "with --all or --group: so many at a time", "8")
  .option("--max-failures <count>", "with --all or --group: with more failures no other device is begun", "1")
  .option("--json", "one JSON object per line and event")
  .addHelpText(
    "after",
    `
Examples:
  bun run ota kitchen                      builds what the device kitchen runs, and brings it there
  bun run ota kitchen energy --force       sends the energy profile even if it runs already
  bun run ota kitchen --firmware new.bin   another firmware first, and when that is confirmed the bundle
  bun run ota scale --via manager          updates the scale over ESP-NOW, whenever it wakes
  bun run ota --group house                the devices of a group; run again, it does only what is left
  MQTT_URL=mqtt://10.0.0.2 bun run ota kitchen --key-file kitchen.key
A bundle runs on firmware with the same engine and native API only. Where the device's does not fit, a virtual device gets the firmware of this
checkout, newly built, a chip the one that \`bun run flash\` or idf.py built here last; with --8mb builds use --firmware.
Exit codes: 0 done, 1 failed (the device goes on with what it had), 2 wrong usage.`,
  )
  .action((name: string | undefined, profile: string | undefined, options: OtaOptions) => {
    if (options.all !== true && options.group === undefined) {
      if (name === undefined) throw new UsageError("say which device, or --all, or --group NAME");
      if (options.via !== undefined && options.firmware !== undefined)
        throw new UsageError("--via brings bundles only: a firmware goes over the network or the cable");
      if (options.via !== undefined) return otaVia(name, profile, options.via, options);
      return update(name, profile, options);
    }
    if (
      name !== undefined ||
      options.config !== undefined ||
      options.keyFile !== undefined ||
      options.addr !== undefined
    )
      throw new UsageError("--all and --group take no name, --config, --key-file or --addr: each device's file tells");
    if (options.via !== undefined) throw new UsageError("--via takes one device: not --all or --group");
    if (!options.wait) throw new UsageError("--all and --group wait for every device's trial: leave --no-wait out");
    return otaFleet(options);
  });
for (const [flags, description] of VIA_OPTIONS) program.option(flags, description);

async function update(given: string, profile: string | undefined, options: OtaOptions): Promise<void> {
  const timeoutS = parseSeconds("--timeout", options.timeout ?? "420");
  const firmware = firmwareSource(options);
  const show = new Shown(options.json === true);
  const device = await NetworkDevice.connect(given, options);
  try {
    const running = await device.access.version(ANSWER_TIMEOUT_MS);
    show.line(
      { event: "found", ...running },
      `${device.name} runs ${running.profile} ${running.version}, bundle ${running.bundle} (${running.state})`,
    );
    const bundle = await makeBundle(profileFor(profile, running, device.profile), options);
    const { name, header, bytes } = bundle;
    show.line(
      { event: "bundle", bundle: name, profile: header.profile, version: header.version, bytes: bytes.length },
      `${options.bundle === undefined ? "built" : "read"} ${header.profile} ${header.version}, bundle ${name}, ${kilobytes(bytes)}`,
    );
    const [force, changeProfile] = [options.force ?? false, options.changeProfile ?? false];
    const { steps, image } = await planBoth(device.name, running, bundle, firmware, { force, changeProfile });
    if (steps.length === 0 && running.state === "permanent") {
      show.line(
        { event: "done", result: "same", bundle: name },
        pc.green(`${device.name} is already running this bundle.`),
      );
      return;
    }
    const step = { device, show, timeoutS };
    if (image !== undefined && steps.includes("firmware")) {
      const next = steps.includes("bundle");
      showFirmware(show, image, next ? "goes first" : "is sent");
      await tryFirmware(image, step, next);
      if (!next) return;
    }
    // Without a step it runs this bundle on trial: what is left is to see how that ends.
    await tryBundle(bundle, { ...step, changeProfile, force, wait: options.wait });
  } finally {
    show.end();
    await device.close();
  }
}

if (import.meta.main) await main(program);
