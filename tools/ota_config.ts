// `bun run ota_config NAME FILE`: brings a configuration to a device over the air, where it is on trial: a device that cannot be reached with it
// puts the old one back by itself. Checked against the profile's schema before anything is sent.

import { existsSync, readFileSync } from "node:fs";
import { Command } from "commander";
import pc from "picocolors";
import { main } from "./lib/cli.ts";
import { checkConfig } from "./lib/config_file.ts";
import { configVia } from "./lib/config_via.ts";
import { DeviceAccess, type DeviceVersion } from "./lib/device_access.ts";
import { updateDeviceFile } from "./lib/device_file.ts";
import { UsageError, UserError } from "./lib/errors.ts";
import { LinkFault } from "./lib/link_faults.ts";
import {
  ANSWER_TIMEOUT_MS,
  brokerUrl,
  NetworkDevice,
  parseSeconds,
  tokensOf,
  withNetworkOptions,
} from "./lib/network_device.ts";
import { withFaultOption } from "./lib/serial_device.ts";
import { setting } from "./lib/settings.ts";
import { configName, configVerdict, sendConfig } from "./lib/trial_updates.ts";
import { type Asked, awaitVerdict, explainWhy, type Outcome } from "./lib/update.ts";
import { Shown } from "./lib/update_view.ts";
import { VIA_OPTIONS, type ViaOptions } from "./lib/via_session.ts";

interface Options extends ViaOptions {
  profile?: string;
  fault?: string;
  json?: boolean;
}

export const program = withFaultOption(withNetworkOptions(new Command("ota_config")))
  .description(
    "Sends a config.txt to a device over the air and waits until the device has kept it or put the old one back.",
  )
  .argument("<file>", "the new config.txt; devices/NAME.txt (or --config) is the one that the device has now")
  .option("--profile <name>", "check it for this profile (default: the one that the device runs)")
  .option("--timeout <seconds>", "how long to wait for the trial's end (default: 420, with --via 14400)")
  .option("--json", "one JSON object per line and event")
  .addHelpText(
    "after",
    `
Examples:
  bun run ota_config kitchen new.txt           the device has 5 minutes to prove that it can be reached with it
  bun run ota_config kitchen new.txt --profile energy
  bun run ota_config scale new.txt --via manager
Name, broker and key may change: the device is then looked for under the old and the new ones.
Once the device has kept it, devices/NAME.txt (or --config) becomes this configuration, with the lines #profile and #group that it had.
Exit codes: 0 kept, 1 failed (the device goes on with the configuration that it had), 2 wrong usage.`,
  )
  .action((name: string, file: string, options: Options) => run(name, file, options));
for (const [flags, description] of VIA_OPTIONS) program.option(flags, description);

async function run(given: string, file: string, options: Options): Promise<void> {
  if (!existsSync(file)) throw new UsageError(`there is no ${file}`);
  const content = readFileSync(file);
  const text = content.toString();
  if (options.via !== undefined) return runVia(given, options.via, file, content, options);
  const timeoutMs = parseSeconds("--timeout", options.timeout ?? "420") * 1000;
  const fault = options.fault === undefined ? undefined : new LinkFault(options.fault);
  const show = new Shown(options.json === true);
  const device = await NetworkDevice.connect(given, options);
  let moved: DeviceAccess | undefined;
  try {
    const running = await device.access.version(ANSWER_TIMEOUT_MS);
    show.line(
      { event: "found", ...running },
      `${device.name} runs ${running.profile} ${running.bundle} (${running.state}) with configuration ${running.config?.hash ?? "?"}`,
    );
    const profile = options.profile ?? running.profile;
    if (profile === "recovery")
      throw new UsageError(
        "the device runs the recovery bundle: say with --profile which profile the configuration is for",
      );
    await refuseFaults(file, profile, content);
    const name = configName(text);
    if (running.config?.hash === name && running.config.state === "permanent") {
      show.line(
        { event: "done", result: "same", config: name },
        pc.green(`${device.name} has this configuration already.`),
      );
      noteKept(show, device.file, text, name);
      return;
    }
    moved = await accessAfter(device, text, options);
    await sendConfig({ open: () => device.openLink(fault), onEvent: (event) => show.event(event) }, text);
    const manual = tokensOf(text).get("keep") === "manual";
    const outcome = await awaitVerdict(either(device.access, moved), {
      judge: (version) => configVerdict(name, version),
      manual,
      timeoutMs,
      onTrial: () => show.event({ event: "trial", config: name }),
    });
    report(show, moved?.name ?? device.name, name, outcome, manual);
    if (outcome.result === "confirmed") noteKept(show, device.file, text, name);
  } finally {
    show.end();
    if (fault !== undefined) show.fault(fault);
    await moved?.close();
    await device.close();
  }
}

function runVia(given: string, via: string, file: string, content: Uint8Array, options: Options): Promise<void> {
  if (options.fault !== undefined) throw new UsageError("--fault is for a session: not with --via");
  const text = Buffer.from(content).toString();
  const show = new Shown(options.json === true);
  return configVia(given, via, options, show, {
    text,
    profile: options.profile,
    check: (profile) => refuseFaults(file, profile, content),
    kept: (deviceFile, name) => noteKept(show, deviceFile, text, name),
  });
}

async function refuseFaults(file: string, profile: string, content: Uint8Array): Promise<void> {
  const checked = await checkConfig(profile, content);
  if ("faults" in checked)
    throw new UserError(
      `${file} is not a configuration for ${profile}; nothing was sent:\n  ${checked.faults.join("\n  ")}`,
    );
}

/** The device as it will be known, where the new configuration gives it another name or broker. */
async function accessAfter(device: NetworkDevice, text: string, options: Options): Promise<DeviceAccess | undefined> {
  const tokens = tokensOf(text);
  const name = tokens.get("mqttname") ?? device.name;
  const fixed = options.broker ?? setting("MQTT_URL");
  const url = fixed ?? brokerUrl(tokens);
  if (name === device.name && (fixed !== undefined || url === brokerUrl(device.tokens))) return undefined;
  return DeviceAccess.connect(url, name);
}

/** Asks a device under both of its names; it answers to one. */
function either(first: DeviceAccess, second: DeviceAccess | undefined): Asked {
  if (second === undefined) return first;
  const any = <Value>(asked: Promise<Value>[]): Promise<Value> =>
    Promise.any(asked).catch((thrown: AggregateError) => {
      throw thrown.errors[0];
    });
  return {
    version: (ms): Promise<DeviceVersion> => any([first.version(ms), second.version(ms)]),
    exception: (ms) => any([first.exception(ms), second.exception(ms)]),
  };
}

/** The device's file here is what tools find the device by, so it follows what the device has kept. */
function noteKept(show: Shown, file: string, text: string, name: string): void {
  if (updateDeviceFile(file, text)) show.line({ event: "file", config: name, file }, `${file} has it now.`);
  else if (!existsSync(file)) show.line({ event: "nofile", file }, `There is no ${file}: put it there for next time.`);
}

/** Says how it ended. Throws UserError unless it ended well. */
function report(show: Shown, device: string, name: string, outcome: Outcome, manual: boolean): void {
  const why = outcome.result === "rolledBack" ? outcome.why : undefined;
  show.line({ event: "done", result: outcome.result === "confirmed" ? "kept" : outcome.result, config: name, why }, "");
  if (outcome.result === "confirmed")
    show.line({ event: "kept", config: name }, pc.green(`${device} has kept the configuration.`));
  else if (outcome.result === "trial" && manual)
    show.line(
      { event: "waiting", config: name },
      `${device} tries the configuration and has \`keep manual\`: publish \`keepversion\` on cmnd/${device}/OTA to make it permanent, else the old one comes back 5 minutes after its start.`,
    );
  else if (why !== undefined)
    throw new UserError(
      `${device} has put its old configuration back: ${explainWhy(why === "config" ? "unusable" : why)}. It can be reached as before.`,
    );
  else
    throw new UserError(
      `${device} has not told in time what became of its configuration: look at stat/${device}/LWT; one that leads nowhere is put back by the device itself.`,
    );
}

if (import.meta.main) await main(program);
