// `bun run ota NAME [PROFILE]`: builds a profile and brings it to a device over the air, then waits until the device has made it permanent or taken
// it back. The steps are lib/update.ts; this file owns options and words. Many devices are lib/ota_fleet.ts's, one without a network lib/ota_via.ts's.

import { Command } from "commander";
import pc from "picocolors";
import { main, secondsSince } from "./lib/cli.ts";
import { UsageError, UserError } from "./lib/errors.ts";
import { ANSWER_TIMEOUT_MS, NetworkDevice, parseSeconds, withNetworkOptions } from "./lib/network_device.ts";
import { makeBundle, type OtaOptions, profileFor } from "./lib/ota_bundle.ts";
import { otaFleet } from "./lib/ota_fleet.ts";
import { otaVia } from "./lib/ota_via.ts";
import { explainException } from "./lib/trace.ts";
import { awaitTrial, explainWhy, type Outcome, sendBundle } from "./lib/update.ts";
import { Shown } from "./lib/update_view.ts";

export const program = withNetworkOptions(new Command("ota"), "[name]")
  .description("Builds a profile, sends it to a device over the air, and waits until the device has confirmed it.")
  .argument("[profile]", "the profile to build (default: the one that the device runs)")
  .option("--bundle <file>", "send this bundle.bin instead of building one")
  .option("--change-profile", "allow another profile than the running one")
  .option("--force", "send it even if the device runs it already")
  .option("--no-wait", "do not wait for the trial's end")
  .option("--timeout <seconds>", "how long to wait for the trial's end (default: 420, with --via 14400)")
  .option(
    "--via <central>",
    "the device has no network: leave the update at its central, which hands it on over ESP-NOW",
  )
  .option("--via-config <file>", "the central's config.txt on this PC (default: devices/CENTRAL.txt)")
  .option("--mac <mac>", "with --via: the device's MAC, where two devices have the same otakey")
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
  bun run ota scale --via manager          updates the scale over ESP-NOW, whenever it wakes
  bun run ota --group house                the devices of a group; run again, it does only what is left
  MQTT_URL=mqtt://10.0.0.2 bun run ota kitchen --key-file kitchen.key
Exit codes: 0 done, 1 failed (the device goes on with what it had), 2 wrong usage.`,
  )
  .action((name: string | undefined, profile: string | undefined, options: OtaOptions) => {
    if (options.all !== true && options.group === undefined) {
      if (name === undefined) throw new UsageError("say which device, or --all, or --group NAME");
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

async function update(given: string, profile: string | undefined, options: OtaOptions): Promise<void> {
  const timeoutS = parseSeconds("--timeout", options.timeout ?? "420");
  const show = new Shown(options.json === true);
  const device = await NetworkDevice.connect(given, options);
  const { access, manual } = device;
  try {
    const running = await access.version(ANSWER_TIMEOUT_MS);
    show.line(
      { event: "found", ...running },
      `${device.name} runs ${running.profile} ${running.version}, bundle ${running.bundle} (${running.state})`,
    );
    const { name, header, bytes: bundle } = await makeBundle(profileFor(profile, running), options);
    const kilobytes = (bundle.length / 1024).toFixed(1);
    show.line(
      { event: "bundle", bundle: name, profile: header.profile, version: header.version, bytes: bundle.length },
      `${options.bundle === undefined ? "built" : "read"} ${header.profile} ${header.version}, bundle ${name}, ${kilobytes} KB`,
    );
    if (running.bundle === name && options.force !== true && running.state === "permanent") {
      show.line(
        { event: "done", result: "same", bundle: name },
        pc.green(`${device.name} is already running this bundle.`),
      );
      return;
    }
    const began = performance.now();
    const sent = await sendBundle({
      bundle,
      open: () => device.openLink(),
      onEvent: (event) => show.event(event),
      changeProfile: options.changeProfile ?? false,
      force: options.force ?? false,
    });
    if (sent) show.line({ event: "sent", seconds: secondsSince(began) }, `sent in ${secondsSince(began)} s`);
    if (!options.wait) {
      show.line(
        { event: "done", result: "sent", bundle: name },
        "Not waiting: `getversion` tells later what became of it.",
      );
      return;
    }
    const outcome = await awaitTrial(access, {
      bundle: name,
      manual,
      timeoutMs: timeoutS * 1000,
      onEvent: (event) => show.event(event),
    });
    report(show, device.name, name, outcome, manual, timeoutS);
  } finally {
    show.end();
    await device.close();
  }
}

/** Says how it ended. Throws UserError unless it ended well. */
function report(show: Shown, device: string, name: string, outcome: Outcome, manual: boolean, timeoutS: number): void {
  if (outcome.result === "confirmed") {
    show.line(
      { event: "done", result: "confirmed", bundle: name },
      pc.green(`${device} has confirmed bundle ${name}.`),
    );
    return;
  }
  if (outcome.result === "trial" && manual) {
    show.line(
      { event: "done", result: "trial", bundle: name },
      `${device} runs bundle ${name} on trial and has \`keep manual\`: publish \`keepversion\` on cmnd/${device}/OTA to make it permanent, else it goes back 5 minutes after its start.`,
    );
    return;
  }
  const why = outcome.result === "rolledBack" ? outcome.why : outcome.result;
  // An exception that was stored before the trial says nothing about a missed deadline.
  const exception =
    outcome.result === "rolledBack" && why !== "deadline" && why !== "power"
      ? explainException(outcome.exception, name)
      : undefined;
  show.line(
    { event: "done", result: outcome.result, bundle: name, why, exception, running: outcome.version?.bundle },
    "",
  );
  if (outcome.result === "rolledBack")
    throw new UserError(
      `${device} took bundle ${name} back: ${explainWhy(why)}. It runs ${outcome.version.bundle} (${outcome.version.state}) again.` +
        (exception === undefined ? "" : `\n${exception}`),
    );
  if (outcome.result === "trial")
    throw new UserError(
      `${device} runs bundle ${name}, but has not confirmed it in ${timeoutS} s: watch stat/${device}/Log; it goes back by itself when its deadline passes.`,
    );
  throw new UserError(
    `${device} has not been heard with bundle ${name} in ${timeoutS} s: look at stat/${device}/LWT and its power; a failed trial goes back by itself.`,
  );
}

if (import.meta.main) await main(program);
