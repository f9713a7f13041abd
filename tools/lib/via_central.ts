// Something brought to a device that has no network of its own: mail left at its central, and what its reports tell of it. Bytes are mail.ts's,
// reports mail_watch.ts's; options and words are the commands'.

import type { BundleHeader } from "./bundle.ts";
import { bundleName } from "./bundle.ts";
import { UserError } from "./errors.ts";
import type { LinkClient } from "./link_client.ts";
import { bundleMail, configMail, keepMail, type Report } from "./mail.ts";
import type { MailWatch } from "./mail_watch.ts";
import { configName } from "./trial_updates.ts";
import type { Verdict } from "./update.ts";

export type ViaEvent =
  | { event: "posted"; mac: string; number: number }
  | { event: "progress"; done: number; total: number }
  | { event: "trial"; bundle?: string; config?: string };

export type ViaOutcome =
  | { result: "confirmed" | "trial"; report: Report }
  | { result: "rolledBack" | "refused"; why: string; report: Report; exception?: unknown }
  | { result: "silent"; report: Report | undefined };

/** What is brought. */
export interface Parcel {
  /** As events call it: kind and name. */
  what: { bundle: string } | { config: string } | Record<string, never>;
  mail(otakey: Uint8Array, mac: string, number: number): Uint8Array;
  /** What a report says of it that calls its mail tried. */
  judge(report: Report): Verdict;
}

export interface ViaOptions {
  watch: MailWatch;
  otakey: Uint8Array;
  parcel: Parcel;
  timeoutMs: number;
  /** Opens a session with the central. */
  open(): Promise<LinkClient>;
  onEvent(event: ViaEvent): void;
  wait: boolean;
  /** A person makes trials permanent: then the trial is the end. */
  manual?: boolean;
  now?: () => number;
}

/** Throws UserError for a bundle that does not fit what the device has reported. */
export function bundleParcel(report: Report, header: BundleHeader, bundle: Uint8Array, changeProfile: boolean): Parcel {
  refuseUnfit(report, header, changeProfile);
  const name = bundleName(header);
  return {
    what: { bundle: name },
    mail: (otakey, mac, number) => bundleMail(otakey, mac, number, bundle, changeProfile),
    judge: (now) => {
      if (now.rejected === name) return { why: now.rejectedWhy };
      if (now.bundle !== name) return undefined;
      return now.state === "permanent" ? "confirmed" : "trial";
    },
  };
}

export function configParcel(text: string): Parcel {
  const name = configName(text);
  return {
    what: { config: name },
    mail: (otakey, mac, number) => configMail(otakey, mac, number, text),
    judge: (now) => {
      if (now.configRejected === name) return { why: now.configWhy };
      if (now.config !== name) return undefined;
      return now.configTrial ? "trial" : "confirmed";
    },
  };
}

/** `keepversion`. */
export const KEEP_PARCEL: Parcel = { what: {}, mail: keepMail, judge: () => "confirmed" };

/** Leaves the parcel at the central and waits for what becomes of it. Needs a report first. Throws UserError. */
export async function sendVia(options: ViaOptions): Promise<ViaOutcome | undefined> {
  const { watch, parcel, onEvent } = options;
  const { report, mac } = watch;
  if (report === undefined || mac === undefined) throw new Error("no report yet");
  const number = Math.max((options.now ?? Date.now)(), report.number + 1);
  const client = await options.open();
  try {
    await client.putFile(`mail.${mac}`, parcel.mail(options.otakey, mac, number));
  } finally {
    client.close();
  }
  onEvent({ event: "posted", mac, number });
  if (!options.wait) return undefined;
  watch.onProgress = (of, done, total) => {
    if (of === number) onEvent({ event: "progress", done, total });
  };
  let trial = false;
  const outcome = await watch.until((now): ViaOutcome | undefined => {
    if (now.number !== number) return undefined;
    if (now.mail === "refused") return { result: "refused", why: now.mailWhy, report: now };
    const verdict = now.mail === "tried" ? parcel.judge(now) : undefined;
    if (verdict === undefined) return undefined;
    if (typeof verdict === "object")
      return { result: "rolledBack", why: verdict.why, report: now, exception: watch.exception };
    if (verdict === "confirmed") return { result: "confirmed", report: now };
    if (!trial) onEvent({ event: "trial", ...parcel.what });
    trial = true;
    return options.manual === true ? { result: "trial", report: now } : undefined;
  }, options.timeoutMs);
  return outcome ?? { result: "silent", report: watch.report };
}

function refuseUnfit(report: Report, header: BundleHeader, changeProfile: boolean): void {
  if (header.profile !== report.profile && report.state !== "recovery" && !changeProfile)
    throw new UserError(
      `the device runs ${report.profile}, this bundle is ${header.profile}: add --change-profile if that is meant`,
    );
  if (header.engineId !== report.engineId || header.apiHash !== report.apiHash)
    throw new UserError(
      "the firmware of the device does not run this bundle (another engine or native API): build with the checkout that its firmware comes from, or flash it over the cable",
    );
}
