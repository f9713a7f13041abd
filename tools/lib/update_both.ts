// What is sent to one device when its bundle, its firmware or both are to be replaced: the firmware that the bundle needs is found, and what cannot
// end well is refused, before anything is sent. The rules are update_plan.ts's, sending is update.ts's.

import type { DeviceVersion } from "./device_access.ts";
import { UserError } from "./errors.ts";
import type { FirmwareImage } from "./firmware_image.ts";
import type { OtaBundle } from "./ota_bundle.ts";
import { refuseProfile } from "./update.ts";
import { difference, fits, type Ids, planUpdate, type Running, type Step, type Wanted } from "./update_plan.ts";

export interface FirmwareSource {
  /** Images that the user has named. */
  given: readonly FirmwareImage[];
  /** This checkout's; throws UserError when there is none. */
  own(machine: string): Promise<FirmwareImage>;
}

export interface Both {
  /** In their order; each has to be confirmed before the next one. */
  steps: Step[];
  /** There is one where steps has a firmware. */
  image: FirmwareImage | undefined;
}

/** Decides what to send so that the device runs `bundle`. Throws UserError for what cannot be. */
export async function planBoth(
  name: string,
  running: DeviceVersion,
  bundle: OtaBundle,
  firmware: FirmwareSource,
  options: { force: boolean; changeProfile: boolean },
): Promise<Both> {
  refuseProfile(name, running.profile, running.state === "recovery", bundle.header, options.changeProfile);
  const ids = idsOf(name, running);
  const needs = { engineId: bundle.header.engineId, apiHash: bundle.header.apiHash };
  const image = await chooseImage(name, running.machine ?? "", ids, needs, firmware);
  const wanted: Wanted = { bundle: { name: bundle.name, ...needs } };
  if (image !== undefined) wanted.firmware = image;
  const steps = stepsFor(runningOf(name, ids, running), wanted);
  if (!steps.includes("bundle") && options.force) steps.push("bundle");
  return { steps, image };
}

/** What a device runs, as `getversion` tells it. */
export function runningOf(name: string, ids: Ids, running: DeviceVersion): Running {
  const { image } = running;
  return {
    name,
    machine: running.machine ?? "",
    ids,
    firmware: image === undefined || image.slot < 0 ? undefined : { name: image.hash, state: image.state },
    bundle: { name: running.bundle, state: running.state },
  };
}

/** The bundles that its firmware runs. Throws UserError when it does not tell. */
export function idsOf(name: string, running: DeviceVersion): Ids {
  if (running.engine === undefined || running.api === undefined)
    throw new UserError(`${name} does not tell which bundles its firmware runs: flash it over the cable`);
  return { engineId: running.engine, apiHash: running.api };
}

/** As planUpdate; throws UserError for what it refuses. */
export function stepsFor(running: Running, wanted: Wanted): Step[] {
  const plan = planUpdate(running, wanted);
  if ("refused" in plan) throw new UserError(plan.refused);
  return plan.steps;
}

/** The firmware that was named for this machine, else this checkout's if the bundle needs another one than runs. */
async function chooseImage(
  name: string,
  machine: string,
  ids: Ids,
  needs: Ids,
  { given, own }: FirmwareSource,
): Promise<FirmwareImage | undefined> {
  // One for another machine is refused with the others' words.
  if (given.length > 0) return given.find((image) => image.machine === machine) ?? given[0];
  if (fits(needs, ids)) return undefined;
  const why = `the firmware of ${name} does not run this bundle (${difference(ids, needs)})`;
  const image = await own(machine).catch((thrown) => {
    throw thrown instanceof UserError ? new UserError(`${why}, and ${thrown.message}`) : thrown;
  });
  if (fits(needs, image)) return image;
  throw new UserError(
    `${why}, nor does this checkout's (${difference(image, needs)}): build both from one checkout, or name the firmware with --firmware FILE`,
  );
}
