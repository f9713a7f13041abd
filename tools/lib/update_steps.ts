// One step of an update with what a person sees of it: a firmware or a bundle is sent and tried, and how that ended is told. What is sent, and in
// which order, is update_both.ts's.

import pc from "picocolors";
import { secondsSince } from "./cli.ts";
import { UserError } from "./errors.ts";
import type { FirmwareImage } from "./firmware_image.ts";
import type { LinkFault } from "./link_faults.ts";
import type { NetworkDevice } from "./network_device.ts";
import type { OtaBundle } from "./ota_bundle.ts";
import { explainException } from "./trace.ts";
import { firmwareVerdict, sendFirmware } from "./trial_updates.ts";
import { awaitTrial, awaitVerdict, explainWhy, type Outcome, sendBundle } from "./update.ts";
import { kilobytes, type Shown } from "./update_view.ts";

export interface StepOptions {
  device: NetworkDevice;
  show: Shown;
  /** For the end of the trial. */
  timeoutS: number;
  /** Misbehaviour on purpose. */
  fault?: LinkFault | undefined;
}

export interface BundleStep extends StepOptions {
  changeProfile: boolean;
  force: boolean;
  /** false: the trial's end is nobody's business. */
  wait: boolean;
}

/** Says which firmware is to be sent. */
export function showFirmware(show: Shown, image: FirmwareImage, what: string): void {
  const { name, version, machine, bytes } = image;
  show.line(
    { event: "firmware", firmware: name, version, machine, bytes: bytes.length },
    `firmware ${version} (${name}) for ${machine}, ${kilobytes(bytes)}, ${what}`,
  );
}

/** Sends a firmware and waits for the end of its trial; `next`: a bundle is to follow. Throws UserError unless it ended well. */
export async function tryFirmware(image: FirmwareImage, options: StepOptions, next: boolean): Promise<void> {
  const { device, show } = options;
  await sendFirmware({ open: () => device.openLink(options.fault), onEvent: (event) => show.event(event) }, image);
  const outcome = await awaitVerdict(device.access, {
    judge: (version) => firmwareVerdict(image.name, version),
    manual: device.manual,
    timeoutMs: options.timeoutS * 1000,
    onTrial: () => show.event({ event: "trial", firmware: image.name }),
  });
  reportFirmware(image, outcome, options, next);
}

/** Sends a bundle and waits for the end of its trial. Throws UserError unless it ended well. */
export async function tryBundle({ name, bytes }: OtaBundle, options: BundleStep): Promise<void> {
  const { device, show, changeProfile, force } = options;
  const beganMs = performance.now();
  const sent = await sendBundle({
    bundle: bytes,
    open: () => device.openLink(options.fault),
    onEvent: (event) => show.event(event),
    changeProfile,
    force,
  });
  const seconds = secondsSince(beganMs);
  if (sent) show.line({ event: "sent", seconds }, `sent in ${seconds} s`);
  if (!options.wait) {
    const words = "Not waiting: `getversion` tells later what became of it.";
    show.line({ event: "done", result: "sent", bundle: name }, words);
    return;
  }
  const outcome = await awaitTrial(device.access, {
    bundle: name,
    manual: device.manual,
    timeoutMs: options.timeoutS * 1000,
    onEvent: (event) => show.event(event),
  });
  reportBundle(name, outcome, options);
}

function reportFirmware(
  { name, version }: FirmwareImage,
  outcome: Outcome,
  { device, show }: StepOptions,
  next: boolean,
): void {
  const what = `firmware ${version} (${name})`;
  const running = outcome.version;
  const waits = outcome.result === "trial" && device.manual;
  const why = outcome.result === "rolledBack" ? outcome.why : undefined;
  show.line(
    { event: "done", result: outcome.result, firmware: name, why, running: running?.image?.hash },
    outcome.result === "confirmed" ? pc.green(`${device.name} has confirmed ${what}.`) : "",
  );
  if (outcome.result === "confirmed") return;
  if (waits && next)
    throw new UserError(
      `${device.name} runs ${what} on trial and has \`keep manual\`: publish \`keepversion\` on cmnd/${device.name}/OTA within 5 minutes, then run this again for the bundle`,
    );
  if (waits) {
    show.line({ event: "waiting", firmware: name }, tellToKeep(device.name, what));
    return;
  }
  throw new UserError(
    why !== undefined
      ? `${device.name} took ${what} back: ${explainWhy(why)}. It runs firmware ${running?.firmware} (${running?.image?.hash}) with bundle ${running?.bundle} again.`
      : `${device.name} has not told in time what became of ${what}: look at stat/${device.name}/LWT and its power; a failed trial goes back by itself.`,
  );
}

function reportBundle(name: string, outcome: Outcome, { device, show, timeoutS }: StepOptions): void {
  if (outcome.result === "confirmed") {
    const words = pc.green(`${device.name} has confirmed bundle ${name}.`);
    show.line({ event: "done", result: "confirmed", bundle: name }, words);
    return;
  }
  if (outcome.result === "trial" && device.manual) {
    show.line({ event: "done", result: "trial", bundle: name }, tellToKeep(device.name, `bundle ${name}`));
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
      `${device.name} took bundle ${name} back: ${explainWhy(why)}. It runs ${outcome.version.bundle} (${outcome.version.state}) again.` +
        (exception === undefined ? "" : `\n${exception}`),
    );
  if (outcome.result === "trial")
    throw new UserError(
      `${device.name} runs bundle ${name}, but has not confirmed it in ${timeoutS} s: watch stat/${device.name}/Log; it goes back by itself when its deadline passes.`,
    );
  throw new UserError(
    `${device.name} has not been heard with bundle ${name} in ${timeoutS} s: look at stat/${device.name}/LWT and its power; a failed trial goes back by itself.`,
  );
}

function tellToKeep(device: string, what: string): string {
  return `${device} runs ${what} on trial and has \`keep manual\`: publish \`keepversion\` on cmnd/${device}/OTA to make it permanent, else it goes back 5 minutes after its start.`;
}
