// What `ota --all` does with each device: asks what it runs, sends, waits for its trial; and which devices there are, by their files. The
// order among devices is fleet.ts's.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { UsageError, UserError } from "./errors.ts";
import type { Survey } from "./fleet.ts";
import { NetworkDevice, type NetworkOptions } from "./network_device.ts";
import type { OtaBundle } from "./ota_bundle.ts";
import { devicesFolder } from "./paths.ts";
import { awaitTrial, explainWhy, sendBundle } from "./update.ts";

/** A device that is there answers much sooner; commands are repeated meanwhile. */
const SURVEY_TIMEOUT_MS = 10_000;

/** The bundle for a profile. */
export type BundleFor = (profile: string) => Promise<OtaBundle>;

export interface MemberOptions extends NetworkOptions {
  force: boolean;
  changeProfile: boolean;
  timeoutMs: number;
}

/** The devices that have a file, by name; with a group those whose file has a line `#group NAME`. Throws UsageError when there is none. */
export function fleetNames(group: string | undefined, folder = devicesFolder()): string[] {
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => /^[^.].*\.txt$/.test(file)) : [];
  const names = files
    .filter((file) => group === undefined || groupsOf(readFileSync(join(folder, file), "utf8")).includes(group))
    .map((file) => file.slice(0, -".txt".length));
  if (names.length > 0) return names.sort();
  throw new UsageError(
    group === undefined
      ? `there are no device files in ${folder}: make them with \`bun run new_device\``
      : `no device file in ${folder} has a line \`#group ${group}\``,
  );
}

/** The device passes over a line that begins with #: it is the tools' own. */
function groupsOf(text: string): string[] {
  return [...text.matchAll(/^#group[ \t]+(\S+)[ \t]*\r?$/gm)].map((found) => found[1] as string);
}

/** Asks what a device runs. Throws UserError when it does not answer, or runs nothing that tells what it should get. */
export async function surveyMember(given: string, bundleFor: BundleFor, options: MemberOptions): Promise<Survey> {
  const device = await NetworkDevice.connect(given, options);
  try {
    const running = await device.access.version(SURVEY_TIMEOUT_MS);
    if (running.profile === "recovery")
      throw new UserError(`${device.name} runs the recovery bundle: bun run ota ${given} PROFILE`);
    const { name } = await bundleFor(running.profile);
    if (options.force) return { todo: true };
    if (running.bundle === name && running.state === "permanent") return { todo: false, result: "same", detail: "" };
    if (running.rejected?.bundle !== name) return { todo: true };
    const detail = `${explainWhy(running.rejected.why)} in an earlier run; --force sends it again`;
    return { todo: false, result: "rejectedBefore", detail };
  } finally {
    await device.close();
  }
}

/** Brings a device its bundle and waits for the end of the trial. Throws UserError unless that ends well. */
export async function updateMember(
  given: string,
  told: (detail: string) => void,
  bundleFor: BundleFor,
  options: MemberOptions,
): Promise<"confirmed" | "trial"> {
  const device = await NetworkDevice.connect(given, options);
  try {
    const running = await device.access.version(SURVEY_TIMEOUT_MS);
    const { name, bytes } = await bundleFor(running.profile);
    await sendBundle({
      bundle: bytes,
      open: () => device.openLink(),
      changeProfile: options.changeProfile,
      force: options.force,
      onEvent: (event) => {
        if (event.event === "progress") told(`sending ${Math.floor((100 * event.done) / event.total)} %`);
        else if (event.event === "retry") told("broken off; going on");
        else if (event.event === "restarting") told("restarting");
      },
    });
    const outcome = await awaitTrial(device.access, {
      bundle: name,
      manual: device.manual,
      timeoutMs: options.timeoutMs,
      onEvent: () => told("on trial"),
    });
    if (outcome.result === "confirmed") return "confirmed";
    if (outcome.result === "trial" && device.manual) return "trial";
    if (outcome.result === "rolledBack") throw new UserError(`took it back: ${explainWhy(outcome.why)}`);
    throw new UserError(
      outcome.result === "trial" ? "did not confirm it in time" : "has not been heard since it was sent",
    );
  } finally {
    await device.close();
  }
}
