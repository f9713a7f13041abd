// What `bun run ota --all` and `--group NAME` do: one build for each profile, and the fleet's update with what a person sees of it. The order
// among devices is fleet.ts's, what is done with each of them fleet_devices.ts's.

import { secondsSince } from "./cli.ts";
import { UsageError, UserError } from "./errors.ts";
import type { FirmwareImage } from "./firmware_image.ts";
import { type Member, updateFleet } from "./fleet.ts";
import { type BundleFor, fleetNames, surveyMember, updateMember } from "./fleet_devices.ts";
import { FleetView } from "./fleet_view.ts";
import { parseSeconds } from "./network_device.ts";
import { firmwareSource, makeBundle, type OtaOptions } from "./ota_bundle.ts";
import type { FirmwareSource } from "./update_both.ts";

/** Every device of the fleet. Throws UserError unless all of them run their bundle in the end. */
export async function otaFleet(options: OtaOptions): Promise<void> {
  const names = fleetNames(options.group);
  const concurrency = parseCount("--concurrency", options.concurrency, 1);
  const maxFailures = parseCount("--max-failures", options.maxFailures, 0);
  const member = {
    ...options,
    force: options.force ?? false,
    changeProfile: options.changeProfile ?? false,
    firmware: oneBuild(firmwareSource(options)),
    timeoutMs: parseSeconds("--timeout", options.timeout ?? "420") * 1000,
  };
  const built = new Map<string, ReturnType<BundleFor>>();
  // A build that fails is no device's fault, although each device that waits for it ends with it.
  let buildFailure: unknown;
  const bundleFor: BundleFor = (profile) => {
    let made = built.get(profile);
    if (made === undefined) {
      made = makeBundle(profile, options);
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
  const left = view.summary(members, secondsSince(beganMs));
  if (left > 0)
    throw new UserError(`${left} of ${members.length} devices do not run it: see the table; run it again for those`);
}

/** The same, each machine's firmware built once. */
function oneBuild(source: FirmwareSource): FirmwareSource {
  const built = new Map<string, Promise<FirmwareImage>>();
  const own = (machine: string): Promise<FirmwareImage> => {
    const made = built.get(machine) ?? source.own(machine);
    built.set(machine, made);
    return made;
  };
  return { given: source.given, own };
}

function parseCount(option: string, text: string, min: number): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < min) throw new UsageError(`${option} ${text}: a whole number from ${min} on`);
  return count;
}
