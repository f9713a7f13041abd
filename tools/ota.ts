// `bun run ota NAME [PROFILE]`: builds a profile and brings it to a device over the air, then waits until the device has made it permanent or taken
// it back. The steps are lib/update.ts; this file owns options and words.

import { existsSync, readFileSync } from "node:fs";
import { Command } from "commander";
import pc from "picocolors";
import { bundleName, decodeBundle } from "./lib/bundle.ts";
import { main } from "./lib/cli.ts";
import { UsageError, UserError } from "./lib/errors.ts";
import { type Member, updateFleet } from "./lib/fleet.ts";
import { type BundleFor, fleetNames, surveyMember, updateMember } from "./lib/fleet_devices.ts";
import { FleetView } from "./lib/fleet_view.ts";
import { buildBundle } from "./lib/native_build.ts";
import {
  ANSWER_TIMEOUT_MS,
  deviceKey,
  NetworkDevice,
  type NetworkOptions,
  parseSeconds,
  withNetworkOptions,
} from "./lib/network_device.ts";
import { explainException } from "./lib/trace.ts";
import { awaitTrial, explainWhy, type Outcome, sendBundle } from "./lib/update.ts";
import { Shown } from "./lib/update_view.ts";
import { MailWatch, updateVia, watchMail } from "./lib/via_central.ts";

/** A retained report is there at once. */
const RETAINED_MS = 2000;

interface Options extends NetworkOptions {
  bundle?: string;
  changeProfile?: boolean;
  force?: boolean;
  wait: boolean;
  timeout?: string;
  via?: string;
  viaConfig?: string;
  mac?: string;
  json?: boolean;
  all?: boolean;
  group?: string;
  concurrency: string;
  maxFailures: string;
}

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
  .action((name: string | undefined, profile: string | undefined, options: Options) => {
    if (options.all !== true && options.group === undefined) {
      if (name === undefined) throw new UsageError("say which device, or --all, or --group NAME");
      if (options.via !== undefined) return viaCentral(name, profile, options.via, options);
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
    return updateAll(options);
  });

/** Every device of the fleet. Throws UserError unless all of them run their bundle in the end. */
async function updateAll(options: Options): Promise<void> {
  const names = fleetNames(options.group);
  const concurrency = parseCount("--concurrency", options.concurrency, 1);
  const maxFailures = parseCount("--max-failures", options.maxFailures, 0);
  const member = {
    ...options,
    force: options.force ?? false,
    changeProfile: options.changeProfile ?? false,
    timeoutMs: parseSeconds("--timeout", options.timeout ?? "420") * 1000,
  };
  const built = new Map<string, ReturnType<BundleFor>>();
  // A build that fails is no device's fault, although each device that waits for it ends with it.
  let buildFailure: unknown;
  const bundleFor: BundleFor = (profile) => {
    let made = built.get(profile);
    if (made === undefined) {
      made = makeBundle(profile, false, options).then(named);
      made.catch((thrown) => {
        buildFailure = thrown;
      });
      built.set(profile, made);
    }
    return made;
  };
  const view = new FleetView(names, options.json === true);
  const beganMs = performance.now();
  let members: Member[];
  try {
    members = await updateFleet({
      names,
      concurrency,
      maxFailures,
      survey: (name) => surveyMember(name, bundleFor, member),
      update: (name, told) => updateMember(name, told, bundleFor, member),
      onChange: (changed) => view.change(changed),
    });
  } finally {
    view.end();
  }
  if (buildFailure !== undefined) throw buildFailure;
  const left = view.summary(members, seconds(beganMs));
  if (left > 0)
    throw new UserError(`${left} of ${members.length} devices do not run it: see the table; run it again for those`);
}

function named(bundle: Uint8Array): { name: string; bundle: Uint8Array } {
  const decoded = decodeBundle(bundle);
  if (typeof decoded === "string") throw new UserError(`this is no whole bundle (${decoded}): build it again`);
  return { name: bundleName(decoded.header), bundle };
}

function parseCount(option: string, text: string, min: number): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < min) throw new UsageError(`${option} ${text}: a whole number from ${min} on`);
  return count;
}

async function update(given: string, profile: string | undefined, options: Options): Promise<void> {
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
    const bundle = await makeBundle(
      profile ?? running.profile,
      running.state === "recovery" && profile === undefined,
      options,
    );
    const decoded = decodeBundle(bundle);
    if (typeof decoded === "string")
      throw new UserError(`${options.bundle} is no whole bundle (${decoded}): build it again`);
    const { header } = decoded;
    const name = bundleName(header);
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
    if (sent) show.line({ event: "sent", seconds: seconds(began) }, `sent in ${seconds(began)} s`);
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

/** The same for a device without a network; see lib/via_central.ts. */
async function viaCentral(given: string, profile: string | undefined, via: string, options: Options): Promise<void> {
  const timeoutMs = 1000 * parseSeconds("--timeout", options.timeout ?? "14400");
  const show = new Shown(options.json === true);
  const { name: device, key } = deviceKey(given, options);
  const { broker, viaConfig } = options;
  const central = await NetworkDevice.connect(via, {
    ...(broker === undefined ? {} : { broker }),
    ...(viaConfig === undefined ? {} : { config: viaConfig }),
  });
  const watch = new MailWatch(central.name, key, options.mac?.replaceAll(":", "").toLowerCase());
  const endWatch = await watchMail(central.broker, watch);
  try {
    if ((await watch.until(() => true, RETAINED_MS)) === undefined)
      show.line({ event: "waiting" }, `${device} has not reported to ${central.name} yet; waiting until it wakes`);
    const found = await watch.until((heard) => heard, timeoutMs);
    if (found === undefined)
      throw new UserError(
        `no report of ${device} came from ${central.name}: check that it is paired and powered, and that its config.txt has this otakey`,
      );
    const running = `${found.profile} ${found.version}, bundle ${found.bundle} (${found.state})`;
    show.line({ event: "found", mac: watch.mac, ...found }, `${device} reported last: ${running}`);
    const bundle = await makeBundle(
      profile ?? found.profile,
      found.state === "recovery" && profile === undefined,
      options,
    );
    const decoded = decodeBundle(bundle);
    if (typeof decoded === "string")
      throw new UserError(`${options.bundle} is no whole bundle (${decoded}): build it again`);
    const { header } = decoded;
    const name = bundleName(header);
    show.line({ event: "bundle", bundle: name, bytes: bundle.length }, `bundle ${name}, ${bundle.length} bytes`);
    if (found.bundle === name && options.force !== true && found.state === "permanent") {
      show.line({ event: "done", result: "same", bundle: name }, pc.green(`${device} is already running this bundle.`));
      return;
    }
    const outcome = await updateVia({
      watch,
      otakey: key,
      header,
      bundle,
      changeProfile: options.changeProfile ?? false,
      timeoutMs,
      open: () => central.openLink(),
      wait: options.wait,
      onEvent: (event) => {
        if (event.event !== "posted") show.event(event);
        else show.line(event, `left at ${central.name}; ${device} takes it when it wakes`);
      },
    });
    if (outcome === undefined) {
      show.line(
        { event: "done", result: "posted", bundle: name },
        "Not waiting: run it again to see what became of it.",
      );
      return;
    }
    const why = "why" in outcome ? outcome.why : undefined;
    const confirmed = outcome.result === "confirmed";
    show.line(
      { event: "done", result: outcome.result, bundle: name, why, running: outcome.report?.bundle },
      confirmed ? pc.green(`${device} has confirmed bundle ${name}.`) : "",
    );
    if (confirmed) return;
    if (outcome.result === "silent")
      throw new UserError(
        `${device} has not told of bundle ${name} in ${timeoutMs / 1000} s: the mail stays at ${central.name}, and it goes on when it wakes`,
      );
    const done =
      outcome.result === "refused"
        ? `refused bundle ${name}: ${why}`
        : `took bundle ${name} back: ${explainWhy(why ?? "")}`;
    throw new UserError(`${device} ${done}. It runs ${outcome.report?.bundle} (${outcome.report?.state}).`);
  } finally {
    show.end();
    await endWatch();
    await central.close();
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

async function makeBundle(profile: string, unknown: boolean, options: Options): Promise<Uint8Array> {
  if (options.bundle !== undefined) {
    if (!existsSync(options.bundle)) throw new UsageError(`there is no ${options.bundle}`);
    return new Uint8Array(readFileSync(options.bundle));
  }
  if (unknown)
    throw new UsageError("the device runs the recovery bundle: say which profile it is to get, as second argument");
  return (await buildBundle({ profile })).bundle;
}

function seconds(sinceMs: number): number {
  return Math.round((performance.now() - sinceMs) / 10) / 100;
}

if (import.meta.main) await main(program);
