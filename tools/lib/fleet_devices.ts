// What `ota --all` does with each device: asks what it runs, sends a firmware, a bundle or both, waits for the trials; and which devices there are, by their files. The
// order among devices is fleet.ts's.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { DeviceVersion } from "./device_access.ts";
import { UsageError, UserError } from "./errors.ts";
import type { Survey } from "./fleet.ts";
import { NetworkDevice, type NetworkOptions, ownLines } from "./network_device.ts";
import { type OtaBundle, profileFor } from "./ota_bundle.ts";
import { devicesFolder } from "./paths.ts";
import { firmwareVerdict, sendFirmware } from "./trial_updates.ts";
import { awaitTrial, awaitVerdict, explainWhy, type Outcome, sendBundle, type UpdateEvent } from "./update.ts";
import { type FirmwareSource, planBoth } from "./update_both.ts";
import type { Step } from "./update_plan.ts";

/** A device that is there answers much sooner; commands are repeated meanwhile. */
const SURVEY_TIMEOUT_MS = 10_000;

/** The bundle for a profile. */
export type BundleFor = (profile: string) => Promise<OtaBundle>;

export interface MemberOptions extends NetworkOptions {
  force: boolean;
  changeProfile: boolean;
  firmware: FirmwareSource;
  timeoutMs: number;
}

/** The devices that have a file, by name; with a group those whose file has a line `#group NAME`. Throws UsageError when there is none. */
export function fleetNames(group: string | undefined, folder = devicesFolder()): string[] {
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => /^[^.].*\.txt$/.test(file)) : [];
  const names = files
    .filter(
      (file) => group === undefined || ownLines(readFileSync(join(folder, file), "utf8"), "group").includes(group),
    )
    .map((file) => file.slice(0, -".txt".length));
  if (names.length > 0) return names.sort();
  throw new UsageError(
    group === undefined
      ? `there are no device files in ${folder}: make them with \`bun run new_device\``
      : `no device file in ${folder} has a line \`#group ${group}\``,
  );
}

/** Asks what a device runs. Throws UserError when it does not answer. */
export async function surveyMember(given: string, bundleFor: BundleFor, options: MemberOptions): Promise<Survey> {
  const device = await NetworkDevice.connect(given, options);
  try {
    const running = await device.access.version(SURVEY_TIMEOUT_MS);
    const profile = profileFor(undefined, running, device.profile);
    if (profile === undefined)
      return refused(
        `runs the recovery bundle, and its file has no line \`#profile NAME\`: bun run ota ${given} PROFILE`,
      );
    const bundle = await bundleFor(profile);
    try {
      const { steps, image } = await planBoth(device.name, running, bundle, options.firmware, options);
      const before = options.force ? undefined : rejectedBefore(running, steps, bundle.name, image?.name);
      if (before !== undefined) return { todo: false, result: "rejectedBefore", detail: before };
      return steps.length > 0 || running.state === "trial"
        ? { todo: true }
        : { todo: false, result: "same", detail: "" };
    } catch (thrown) {
      if (thrown instanceof UserError) return refused(thrown.message);
      throw thrown;
    }
  } finally {
    await device.close();
  }
}

/** What the device took back that would be sent again, in words. */
function rejectedBefore(
  running: DeviceVersion,
  steps: readonly Step[],
  bundle: string,
  firmware: string | undefined,
): string | undefined {
  const back = running.image?.rejected;
  const [what, why] =
    steps.includes("firmware") && back?.hash === firmware
      ? ["firmware: ", back?.why]
      : steps.includes("bundle") && running.rejected?.bundle === bundle
        ? ["", running.rejected.why]
        : [];
  return why === undefined ? undefined : `${what}${explainWhy(why)} in an earlier run; --force sends it again`;
}

function refused(detail: string): Survey {
  return { todo: false, result: "refused", detail };
}

/** Brings a device its bundle, and before it the firmware that it needs, and waits for the end of each trial. Throws UserError unless they end well. */
export async function updateMember(
  given: string,
  told: (detail: string) => void,
  bundleFor: BundleFor,
  options: MemberOptions,
): Promise<"confirmed" | "trial"> {
  const device = await NetworkDevice.connect(given, options);
  try {
    const running = await device.access.version(SURVEY_TIMEOUT_MS);
    const bundle = await bundleFor(profileFor(undefined, running, device.profile) ?? "");
    const { steps, image } = await planBoth(device.name, running, bundle, options.firmware, options);
    const session = (what: string) => ({ open: () => device.openLink(), onEvent: tell(told, what) });
    const wait = { manual: device.manual, timeoutMs: options.timeoutMs };
    if (image !== undefined && steps.includes("firmware")) {
      const last = !steps.includes("bundle");
      await sendFirmware(session("firmware"), image);
      const ended = await awaitVerdict(device.access, {
        ...wait,
        judge: (version) => firmwareVerdict(image.name, version),
        onTrial: () => told("firmware on trial"),
      });
      const result = resultOf("firmware", ended, device.manual);
      if (result === "trial" && !last)
        throw new UserError("firmware waits for keepversion; run it again within 5 minutes for the bundle");
      if (last) return result;
    }
    // Without a step it runs this bundle on trial: what is left is to see how that ends.
    await sendBundle({
      ...session("bundle"),
      bundle: bundle.bytes,
      changeProfile: options.changeProfile,
      force: options.force,
    });
    const ended = await awaitTrial(device.access, { ...wait, bundle: bundle.name, onEvent: () => told("on trial") });
    return resultOf("bundle", ended, device.manual);
  } finally {
    await device.close();
  }
}

function tell(told: (detail: string) => void, what: string): (event: UpdateEvent) => void {
  return (event) => {
    if (event.event === "progress") told(`sending ${what} ${Math.floor((100 * event.done) / event.total)} %`);
    else if (event.event === "retry") told("broken off; going on");
    else if (event.event === "restarting") told("restarting");
  };
}

function resultOf(what: string, outcome: Outcome, manual: boolean): "confirmed" | "trial" {
  if (outcome.result === "confirmed") return "confirmed";
  if (outcome.result === "trial" && manual) return "trial";
  if (outcome.result === "rolledBack") throw new UserError(`took the ${what} back: ${explainWhy(outcome.why)}`);
  throw new UserError(
    outcome.result === "trial"
      ? `did not confirm the ${what} in time`
      : `has not been heard since the ${what} was sent`,
  );
}
