// One update of one device, step by step: compare, send (again, where it broke off), restart, and what became of the trial. It owns the order and
// the decisions; MQTT is device_access.ts's, the session link_client.ts's, words on the screen the command's.

import { type BundleHeader, bundleName, decodeBundle } from "./bundle.ts";
import type { DeviceVersion } from "./device_access.ts";
import { UserError } from "./errors.ts";
import type { Hello, LinkClient } from "./link_client.ts";
import { LinkError } from "./link_error.ts";

/** Attempts to send; each goes on where the one before broke off. */
export const SEND_ATTEMPTS = 5;
const RETRY_MS = 500;
/** Between questions about the trial. */
export const ASK_EVERY_MS = 2000;
/** How long one question may stay open while the device restarts. */
const ASK_TIMEOUT_MS = 10_000;

export type UpdateEvent =
  | { event: "connected"; hello: Hello }
  | { event: "same"; bundle: string; state: "recovery" | "trial" | "permanent" }
  | { event: "rejectedBefore"; bundle: string; why: string }
  | { event: "resumed"; offset: number; total: number }
  | { event: "progress"; done: number; total: number }
  | { event: "retry"; attempt: number; why: string }
  | { event: "committed"; bundle: string }
  | { event: "restarting" }
  | { event: "trial"; bundle: string };

export interface SendOptions {
  bundle: Uint8Array;
  /** Opens a session with the device; called for each attempt. */
  open(): Promise<LinkClient>;
  onEvent(event: UpdateEvent): void;
  changeProfile?: boolean;
  /** Sends it even if it runs already. */
  force?: boolean;
  sleep?: (ms: number) => Promise<unknown>;
}

/** Sends, commits and restarts; false when the device runs this bundle already. Throws UserError for what the user can put right. */
export async function sendBundle(options: SendOptions): Promise<boolean> {
  const decoded = decodeBundle(options.bundle);
  if (typeof decoded === "string") throw new UserError(`this is no bundle: ${decoded}`);
  const { header } = decoded;
  const name = bundleName(header);
  const sleep = options.sleep ?? Bun.sleep;
  for (let attempt = 1; ; attempt++) {
    try {
      const client = await options.open();
      try {
        const running = client.hello.bundle;
        if (attempt === 1) options.onEvent({ event: "connected", hello: client.hello });
        if (running.hash === name && options.force !== true) {
          options.onEvent({
            event: "same",
            bundle: name,
            state: (["recovery", "trial", "permanent"] as const)[running.state] ?? "permanent",
          });
          return false;
        }
        refuseUnfit(header, client.hello, options.changeProfile ?? false);
        if (running.rejectedHash === name && attempt === 1)
          options.onEvent({ event: "rejectedBefore", bundle: name, why: running.rejectedWhy });
        await client.putBundle(options.bundle, {
          changeProfile: options.changeProfile ?? false,
          onResumed: (offset, total) => options.onEvent({ event: "resumed", offset, total }),
          onProgress: (done, total) => options.onEvent({ event: "progress", done, total }),
        });
        options.onEvent({ event: "committed", bundle: name });
        await client.reboot();
        options.onEvent({ event: "restarting" });
        return true;
      } finally {
        client.close();
      }
    } catch (thrown) {
      const again = thrown instanceof LinkError && ["closed", "timeout", "protocol", "busy"].includes(thrown.kind);
      if (!again) throw thrown;
      if (attempt === SEND_ATTEMPTS)
        throw new UserError(
          `${thrown.message}; gave up after ${attempt} attempts. The device goes on with what it had, and the next try with what has arrived.`,
        );
      options.onEvent({ event: "retry", attempt, why: thrown.message });
      await sleep(RETRY_MS * attempt);
    }
  }
}

function refuseUnfit(header: BundleHeader, hello: Hello, changeProfile: boolean): void {
  const running = hello.bundle;
  if (header.profile !== running.profile && running.slot >= 0 && !changeProfile)
    throw new UserError(
      `${hello.name} runs ${running.profile}, this bundle is ${header.profile}: add --change-profile if that is meant ` +
        "(its config.txt must have the new profile's tokens)",
    );
  if (header.engineId !== running.engineId)
    throw new UserError(
      `${hello.name} has another engine (${running.engineId}, this bundle needs ${header.engineId}): ` +
        "flash the firmware of this checkout, or build with the checkout that its firmware comes from",
    );
  if (header.apiHash !== running.apiHash)
    throw new UserError(
      `${hello.name} has another native API (${running.apiHash}, this bundle needs ${header.apiHash}): ` +
        "flash the firmware of this checkout, or build with the checkout that its firmware comes from",
    );
}

export type Outcome =
  | { result: "confirmed"; version: DeviceVersion }
  | { result: "rolledBack"; why: string; version: DeviceVersion; exception: unknown }
  | { result: "trial"; version: DeviceVersion }
  | { result: "silent"; version: DeviceVersion | undefined };

export interface TrialOptions {
  /** Of the bundle that was sent. */
  bundle: string;
  /** The device waits for `keepversion` instead of confirming by itself. */
  manual?: boolean;
  timeoutMs: number;
  onEvent(event: UpdateEvent): void;
  sleep?: (ms: number) => Promise<unknown>;
  now?: () => number;
}

/** What is asked of DeviceAccess. */
export interface Asked {
  version(timeoutMs: number): Promise<DeviceVersion>;
  exception(timeoutMs: number): Promise<unknown>;
}

/** Waits until the trial is decided, for at most `timeoutMs`. */
export async function awaitTrial(device: Asked, options: TrialOptions): Promise<Outcome> {
  const sleep = options.sleep ?? Bun.sleep;
  const now = options.now ?? (() => performance.now());
  const endMs = now() + options.timeoutMs;
  let version: DeviceVersion | undefined;
  let told = false;
  while (now() < endMs) {
    try {
      version = await device.version(Math.min(ASK_TIMEOUT_MS, Math.max(1, endMs - now())));
    } catch (thrown) {
      if (!(thrown instanceof UserError)) throw thrown;
      continue; // it restarts
    }
    if (version.bundle === options.bundle) {
      if (version.state === "permanent") return { result: "confirmed", version };
      if (!told) options.onEvent({ event: "trial", bundle: options.bundle });
      told = true;
      if (options.manual) return { result: "trial", version };
    } else if (version.rejected?.bundle === options.bundle) {
      const exception = await device.exception(ASK_TIMEOUT_MS).catch(() => undefined);
      return { result: "rolledBack", why: version.rejected.why, version, exception };
    }
    await sleep(ASK_EVERY_MS);
  }
  return version?.bundle === options.bundle ? { result: "trial", version } : { result: "silent", version };
}

const WHYS: Record<string, string> = {
  crash: "it crashed",
  watchdog: "it hung and the watchdog ended it",
  power: "the power was cut before it was confirmed",
  deadline: "it did not prove in time that it can be reached",
  restart: "it restarted before it was confirmed",
  config: "it could not use the device's config.txt",
  hand: "somebody took it back by hand",
};

/** The reason of a roll-back in words. */
export function explainWhy(why: string): string {
  return WHYS[why] ?? `reason: ${why}`;
}
