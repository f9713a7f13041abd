// `bun run otafwtool NAME [FILE]`: brings a firmware into the slot of a device that does not run, restarts into it, and tells whether the device
// has made it permanent or taken it back. What may be sent, and what goes first, is lib/update_plan.ts's decision.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import pc from "picocolors";
import { bundleName, decodeBundle } from "./lib/bundle.ts";
import { main, progress } from "./lib/cli.ts";
import type { DeviceVersion } from "./lib/device_access.ts";
import { UsageError, UserError } from "./lib/errors.ts";
import { elfLength, type FirmwareImage, hostImage, readImage } from "./lib/firmware_image.ts";
import { buildBundle, buildNative } from "./lib/native_build.ts";
import {
  ANSWER_TIMEOUT_MS,
  NetworkDevice,
  type NetworkOptions,
  parseSeconds,
  withNetworkOptions,
} from "./lib/network_device.ts";
import { BUILD } from "./lib/paths.ts";
import { firmwareVerdict, sendFirmware } from "./lib/trial_updates.ts";
import { awaitTrial, awaitVerdict, explainWhy, type Outcome, sendBundle } from "./lib/update.ts";
import { type Ids, planUpdate, type Wanted } from "./lib/update_plan.ts";
import { Shown } from "./lib/update_view.ts";

/** Where `idf.py build` leaves the application. */
const IDF_IMAGE = join(BUILD, "hearth.bin");

interface Options extends NetworkOptions {
  profile?: string;
  /** A file; false: none, recovery is meant. */
  bundle?: string | boolean;
  timeout: string;
  json?: boolean;
}

export const program = withNetworkOptions(new Command("otafwtool"))
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
  bun run otafwtool kitchen build/hearth.bin   sends what idf.py has built, and a new bundle if that is needed
  bun run otafwtool meter                      builds the firmware for this PC and sends it to a virtual device
A firmware that does not prove within 5 minutes that it can be reached is taken back by the device itself, as is one that crashes or loses its power.
Exit codes: 0 done, 1 failed (the device goes on with what it had), 2 wrong usage.`,
  )
  .action((name: string, file: string | undefined, options: Options) => run(name, file, options));

async function run(given: string, file: string | undefined, options: Options): Promise<void> {
  const timeoutMs = parseSeconds("--timeout", options.timeout) * 1000;
  const show = new Shown(options.json === true);
  const device = await NetworkDevice.connect(given, options);
  try {
    const running = await device.access.version(ANSWER_TIMEOUT_MS);
    show.line(
      { event: "found", ...running },
      `${device.name} runs firmware ${running.firmware ?? "?"} (${running.image?.hash ?? "?"}, ${running.image?.state ?? "?"}) with ${running.profile} ${running.bundle}`,
    );
    const ids = idsOf(device.name, running);
    const image = await imageFor(running, file);
    show.line(
      {
        event: "firmware",
        firmware: image.name,
        version: image.version,
        machine: image.machine,
        bytes: image.bytes.length,
      },
      `sending firmware ${image.version} (${image.name}) for ${image.machine}, ${(image.bytes.length / 1024).toFixed(0)} KB`,
    );
    const bundle = await bundleFor(image, ids, running, options);
    const wanted: Wanted = { firmware: image, recoveryMeant: options.bundle === false };
    if (bundle !== undefined) wanted.bundle = bundle;
    const plan = planUpdate(
      {
        name: device.name,
        machine: running.machine ?? "",
        ids,
        firmware:
          running.image === undefined || running.image.slot < 0
            ? undefined
            : { name: running.image.hash, state: running.image.state },
        bundle: { name: running.bundle, state: running.state },
      },
      wanted,
    );
    if ("refused" in plan) throw new UserError(plan.refused);
    if (plan.steps.length === 0)
      show.line(
        { event: "done", result: "same", firmware: image.name },
        pc.green(`${device.name} runs this firmware already.`),
      );
    const session = { open: () => device.openLink(), onEvent: show.event.bind(show) };
    for (const step of plan.steps) {
      if (step === "firmware") {
        await sendFirmware(session, image);
        const outcome = await awaitVerdict(device.access, {
          judge: (version) => firmwareVerdict(image.name, version),
          manual: device.manual,
          timeoutMs,
          onTrial: () => show.event({ event: "trial", firmware: image.name }),
        });
        const last = step === plan.steps.at(-1);
        report(show, device, `firmware ${image.version} (${image.name})`, { firmware: image.name }, outcome, last);
      } else if (bundle !== undefined) {
        await sendBundle({ ...session, bundle: bundle.bytes, changeProfile: true });
        const outcome = await awaitTrial(device.access, {
          bundle: bundle.name,
          manual: device.manual,
          timeoutMs,
          onEvent: session.onEvent,
        });
        report(show, device, `bundle ${bundle.name}`, { bundle: bundle.name }, outcome, true);
      }
    }
  } finally {
    show.end();
    await device.close();
  }
}

function idsOf(name: string, running: DeviceVersion): Ids {
  if (running.engine === undefined || running.api === undefined)
    throw new UserError(`${name} does not tell which bundles its firmware runs: flash it over the cable`);
  return { engineId: running.engine, apiHash: running.api };
}

/** The image to send: the file, or what this checkout builds for that machine. */
async function imageFor(running: DeviceVersion, file: string | undefined): Promise<FirmwareImage> {
  const chip = running.machine !== "host";
  let source = file ?? (chip ? IDF_IMAGE : undefined);
  if (source === undefined) {
    progress("building the firmware for this PC ...");
    source = (await buildNative()).hearth;
  }
  if (!existsSync(source))
    throw new UsageError(
      file === undefined
        ? `there is no ${source}: build it with idf.py build, or name the image`
        : `there is no ${source}`,
    );
  const bytes = new Uint8Array(readFileSync(source));
  const image = readImage(bytes);
  if (typeof image === "object") return image;
  // A PC's executable is not an image yet.
  const made = elfLength(bytes) === bytes.length ? readImage(hostImage(bytes)) : image;
  if (typeof made === "string") throw new UserError(`${source}: ${made}`);
  return made;
}

interface Bundle extends Ids {
  name: string;
  bytes: Uint8Array;
}

/** The bundle that is to follow: the one given, or a new build where the one that runs does not run on the image. */
async function bundleFor(
  image: FirmwareImage,
  ids: Ids,
  running: DeviceVersion,
  options: Options,
): Promise<Bundle | undefined> {
  let bytes: Uint8Array;
  if (typeof options.bundle === "string") {
    if (!existsSync(options.bundle)) throw new UsageError(`there is no ${options.bundle}`);
    bytes = new Uint8Array(readFileSync(options.bundle));
  } else {
    const stays = image.engineId === ids.engineId && image.apiHash === ids.apiHash && running.state !== "recovery";
    const profile = options.profile ?? (running.state === "recovery" ? undefined : running.profile);
    if (options.bundle === false || profile === undefined || (stays && options.profile === undefined)) return undefined;
    bytes = (await buildBundle({ profile })).bundle;
  }
  const decoded = decodeBundle(bytes);
  if (typeof decoded === "string") throw new UserError(`${options.bundle} is no whole bundle (${decoded})`);
  const { engineId, apiHash } = decoded.header;
  return { name: bundleName(decoded.header), engineId, apiHash, bytes };
}

/** Says how one trial ended. Throws UserError unless it ended well. */
function report(
  show: Shown,
  device: NetworkDevice,
  what: string,
  names: { firmware?: string; bundle?: string },
  outcome: Outcome,
  last: boolean,
): void {
  const { name } = device;
  const waits = outcome.result === "trial" && device.manual;
  const why = outcome.result === "rolledBack" ? outcome.why : undefined;
  const running = outcome.version;
  show.line({ event: "done", result: outcome.result, ...names, why, running: running?.image?.hash }, "");
  if (outcome.result === "confirmed")
    show.line({ event: "confirmed", ...names }, pc.green(`${name} has confirmed ${what}.`));
  else if (waits && last)
    show.line(
      { event: "waiting", ...names },
      `${name} runs ${what} on trial and has \`keep manual\`: publish \`keepversion\` on cmnd/${name}/OTA to make it permanent, else it goes back 5 minutes after its start.`,
    );
  else if (waits)
    throw new UserError(
      `${name} runs ${what} on trial and has \`keep manual\`: publish \`keepversion\` on cmnd/${name}/OTA within 5 minutes, then run this again for the bundle`,
    );
  else if (why !== undefined)
    throw new UserError(
      `${name} took ${what} back: ${explainWhy(why)}. It runs firmware ${running?.firmware} (${running?.image?.hash}) with bundle ${running?.bundle} again.`,
    );
  else
    throw new UserError(
      `${name} has not told in time what became of ${what}: look at stat/${name}/LWT and its power; a failed trial goes back by itself.`,
    );
}

if (import.meta.main) await main(program);
