// What `bun run ota_config NAME FILE --via CENTRAL` and `bun run otacmd NAME keepversion|stats --via CENTRAL` do, in their order and words. How it gets
// there is via_session.ts's.

import pc from "picocolors";
import { keyBytes } from "../../device/config.ts";
import { UsageError, UserError } from "./errors.ts";
import { tokensOf } from "./network_device.ts";
import { configName } from "./trial_updates.ts";
import type { Shown } from "./update_view.ts";
import { configParcel, KEEP_PARCEL } from "./via_central.ts";
import { type ViaOptions, ViaSession } from "./via_session.ts";

export interface ConfigVia {
  /** The new config.txt. */
  text: string;
  /** Instead of the one that the device runs. */
  profile?: string | undefined;
  /** Throws UserError for what is no configuration for the profile. */
  check(profile: string): Promise<void>;
  /** The device has kept it; `file` is the device's on this PC. */
  kept(file: string, name: string): void;
}

/** Throws UserError unless the device has kept it, or tries it and leaves that to a person. */
export async function configVia(
  given: string,
  via: string,
  options: ViaOptions,
  show: Shown,
  config: ConfigVia,
): Promise<void> {
  const session = await ViaSession.open(given, via, options, show);
  const { device, watch } = session;
  try {
    const found = await session.found();
    const profile = config.profile ?? (found.state === "recovery" ? session.profile : found.profile);
    if (profile === undefined)
      throw new UsageError("the device runs recovery: say with --profile which profile the configuration is for");
    await config.check(profile);
    const name = configName(config.text);
    if (found.config === name && !found.configTrial) {
      show.line({ event: "done", result: "same", config: name }, pc.green(`${device} has this configuration already.`));
      config.kept(session.file, name);
      return;
    }
    const tokens = tokensOf(config.text);
    const key = keyBytes(tokens.get("otakey") ?? "");
    if (key !== undefined) watch.believe(key);
    session.manual = tokens.get("keep") === "manual";
    const outcome = await session.send(configParcel(config.text));
    if (outcome === undefined) return;
    const { result } = outcome;
    const why = "why" in outcome ? outcome.why : undefined;
    const words = result === "trial" ? session.tellToKeep(`configuration ${name}`) : "";
    show.line({ event: "done", result: result === "confirmed" ? "kept" : result, config: name, why }, words);
    if (result === "confirmed") config.kept(session.file, name);
    else if (result !== "trial") throw session.failure(`configuration ${name}`, outcome);
  } finally {
    show.end();
    await session.close();
  }
}

/** Makes permanent what is on trial. Throws UserError when the device does not say that it did. */
export async function keepVia(given: string, via: string, options: ViaOptions, show: Shown): Promise<void> {
  const session = await ViaSession.open(given, via, options, show);
  try {
    await session.found();
    session.manual = false;
    const outcome = await session.send(KEEP_PARCEL);
    if (outcome === undefined) return;
    if (outcome.result !== "confirmed") throw session.failure("keepversion", outcome);
    const { bundle, state } = outcome.report;
    show.line(
      { event: "done", result: "kept", bundle },
      pc.green(`${session.device} keeps bundle ${bundle} (${state}).`),
    );
  } finally {
    show.end();
    await session.close();
  }
}

/** Shows the counters that the device told its central last. Throws UserError when none come. */
export async function statsVia(given: string, via: string, options: ViaOptions, show: Shown): Promise<void> {
  const session = await ViaSession.open(given, via, options, show);
  try {
    const { mac = "" } = await session.found().then(() => session.watch);
    const stats = await session.watch.until(() => session.watch.stats.get(mac), session.timeoutMs);
    if (stats === undefined)
      throw new UserError(`${session.device} has told no counters: it does when it falls asleep`);
    show.line({ event: "stats", mac, stats }, `${session.device}, in its last boot: ${stats}`);
  } finally {
    show.end();
    await session.close();
  }
}
