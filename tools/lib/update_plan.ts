// Which of firmware and bundle goes first when either or both are to be replaced, and what must not be sent at all. A pure decision; the reasons
// are docs/decisions/0020-trials.md's.

/** What a bundle needs of a firmware, and a firmware gives a bundle. */
export interface Ids {
  engineId: string;
  apiHash: string;
}

export interface Running {
  /** The device. */
  name: string;
  machine: string;
  /** What its firmware gives. */
  ids: Ids;
  /** undefined: it has no second firmware slot, or a firmware that cannot tell. */
  firmware: { name: string; state: string } | undefined;
  bundle: { name: string; state: "recovery" | "trial" | "permanent" };
}

export interface Wanted {
  firmware?: Ids & { name: string; machine: string };
  bundle?: Ids & { name: string };
  /** The device is meant to end in the recovery bundle. */
  recoveryMeant?: boolean;
}

export type Step = "firmware" | "bundle";
export type Plan = { steps: Step[] } | { refused: string };

/** The steps, in their order, each of which has to be confirmed before the next one; or why nothing may be sent. */
export function planUpdate(running: Running, wanted: Wanted): Plan {
  const { name, firmware: slot } = running;
  const image = wanted.firmware?.name === slot?.name ? undefined : wanted.firmware;
  const after = image ?? running.ids;
  const bundle = wanted.bundle;
  if (wanted.firmware !== undefined && wanted.firmware.machine !== running.machine)
    return { refused: `this firmware is for ${wanted.firmware.machine}, and ${name} is a ${running.machine}` };
  if (image !== undefined) {
    if (slot === undefined) return { refused: `${name} has no second firmware slot: flash it over the cable` };
    if (slot.state === "pending")
      return {
        refused: `the firmware of ${name} is still on trial: wait until it is confirmed, or send \`keepversion\``,
      };
    if (running.bundle.state === "trial")
      return {
        refused: `the bundle of ${name} is still on trial: wait until it is confirmed, or send \`keepversion\`; two trials at once could not tell which is to blame`,
      };
  }
  if (bundle !== undefined && !fits(bundle, after))
    return {
      refused:
        image === undefined
          ? `this bundle does not run on the firmware of ${name} (${difference(bundle, after)}): send the firmware of the same checkout with it`
          : `this bundle does not run on that firmware (${difference(bundle, after)}): build both from one checkout`,
    };
  const stranded = image !== undefined && bundle === undefined && !fits(image, running.ids);
  if (stranded && running.bundle.state !== "recovery" && !wanted.recoveryMeant)
    return {
      refused: `the bundle that ${name} runs does not run on that firmware (${difference(running.ids, image)}): send one that does with it`,
    };
  const steps: Step[] = [];
  // The firmware first, also where the order would not matter: each has its trial alone, and a bundle for the new one is refused by the old one.
  if (image !== undefined) steps.push("firmware");
  // The name is that of the body alone: the same program for another firmware has the same one.
  const runs = bundle?.name === running.bundle.name && running.bundle.state !== "recovery";
  if (bundle !== undefined && !(runs && fits(bundle, running.ids))) steps.push("bundle");
  return { steps };
}

/** True when one runs on the other. */
export function fits(a: Ids, b: Ids): boolean {
  return a.engineId === b.engineId && a.apiHash === b.apiHash;
}

/** In which of them they differ, in words. */
export function difference(has: Ids, needs: Ids): string {
  return has.engineId !== needs.engineId
    ? `engine ${has.engineId} and ${needs.engineId}`
    : `native API ${has.apiHash} and ${needs.apiHash}`;
}
