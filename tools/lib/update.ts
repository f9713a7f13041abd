// One update of one device, step by step: compare, send (again, where it broke off), restart, and what became of the trial. It owns the order and
// the decisions; MQTT is device_access.ts's, the session link_client.ts's, words on the screen the command's.

import { loadArtifact } from "./artifacts.ts";
import { type BundleHeader, bundleName, decodeBundle, HEADER_BYTES } from "./bundle.ts";
import type { DeviceVersion } from "./device_access.ts";
import { UserError } from "./errors.ts";
import type { LinkClient, PutOptions } from "./link_client.ts";
import { LinkError } from "./link_error.ts";
import type { Hello } from "./link_frames.ts";
import { NO_BASE, PATCH_VERSION } from "./patch_frames.ts";
import type { Bytes } from "./patch_search.ts";

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
  | { event: "committed"; sentBytes?: number; bundle?: string; firmware?: string; config?: string }
  | { event: "restarting" }
  | { event: "trial"; bundle?: string; firmware?: string; config?: string };

export interface SessionOptions {
  /** Opens a session with the device; called for each attempt. */
  open(): Promise<LinkClient>;
  onEvent(event: UpdateEvent): void;
  sleep?: (ms: number) => Promise<unknown>;
}

export interface SendOptions extends SessionOptions {
  bundle: Uint8Array;
  changeProfile?: boolean;
  /** Restarts the program alone, not the chip, where the device can. */
  programOnly?: boolean;
  /** Sends it even if it runs already, and all of it as it is. */
  force?: boolean;
  /** The artifact store, in which the running bundle is looked for: only what differs is sent then. */
  store?: string | undefined;
}

/** Sends, commits and restarts; false when the device runs this bundle already. Throws UserError for what the user can put right. */
export async function sendBundle(options: SendOptions): Promise<boolean> {
  const decoded = decodeBundle(options.bundle);
  if (typeof decoded === "string") throw new UserError(`this is no bundle: ${decoded}`);
  const { header } = decoded;
  const name = bundleName(header);
  return inSession(options, async (client, attempt) => {
    const running = client.hello.bundle;
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
      base: options.force === true ? undefined : await runningBody(client, options),
      changeProfile: options.changeProfile ?? false,
      ...putEvents(options.onEvent),
    });
    options.onEvent({ event: "committed", bundle: name, sentBytes: client.contentSent });
    await client.reboot(options.programOnly);
    options.onEvent({ event: "restarting" });
    return true;
  });
}

/** The body that runs: whole from the artifact store, or what the device can tell of it. */
async function runningBody(client: LinkClient, { bundle, store }: SendOptions): Promise<Bytes> {
  const { patch, bundle: running } = client.hello;
  // Recovery is a part of the firmware, from which nothing is copied.
  if (running.slot < 0) return NO_BASE;
  const artifact = loadArtifact(running.hash, store);
  if (artifact !== undefined) return artifact.bundle.subarray(HEADER_BYTES);
  return patch === PATCH_VERSION ? client.knownBase(bundle) : NO_BASE;
}

/** What a put tells on its way, as events. */
export function putEvents(onEvent: (event: UpdateEvent) => void): PutOptions {
  return {
    onResumed: (offset, total) => onEvent({ event: "resumed", offset, total }),
    onProgress: (done, total) => onEvent({ event: "progress", done, total }),
  };
}

/** Does `work` in a session with the device, and again in a new one when that breaks off. */
export async function inSession<Value>(
  options: SessionOptions,
  work: (client: LinkClient, attempt: number) => Promise<Value>,
): Promise<Value> {
  const sleep = options.sleep ?? Bun.sleep;
  for (let attempt = 1; ; attempt++) {
    try {
      const client = await options.open();
      try {
        if (attempt === 1) options.onEvent({ event: "connected", hello: client.hello });
        return await work(client, attempt);
      } finally {
        client.close();
      }
    } catch (thrown) {
      if (!brokeOff(thrown)) throw thrown;
      if (attempt === SEND_ATTEMPTS)
        throw new UserError(
          `${thrown.message}; gave up after ${attempt} attempts. The device goes on with what it had, and the next try with what has arrived.`,
        );
      options.onEvent({ event: "retry", attempt, why: thrown.message });
      await sleep(RETRY_MS * attempt);
    }
  }
}

/** True for what a new session may put right. */
export function brokeOff(thrown: unknown): thrown is LinkError {
  return thrown instanceof LinkError && ["closed", "timeout", "protocol", "busy"].includes(thrown.kind);
}

/** Throws UserError for a bundle of another profile than the running one's, unless that is meant. */
export function refuseProfile(
  name: string,
  running: string,
  recovery: boolean,
  header: BundleHeader,
  changeProfile: boolean,
): void {
  if (header.profile === running || recovery || changeProfile) return;
  throw new UserError(
    `${name} runs ${running}, this bundle is ${header.profile}: add --change-profile if that is meant ` +
      "(its config.txt must have the new profile's tokens)",
  );
}

function refuseUnfit(header: BundleHeader, hello: Hello, changeProfile: boolean): void {
  const running = hello.bundle;
  refuseProfile(hello.name, running.profile, running.slot < 0, header, changeProfile);
  if (header.engineId !== running.engineId)
    throw new UserError(
      `${hello.name} has another engine (${running.engineId}, this bundle needs ${header.engineId}): ` +
        "send the firmware of this checkout first (`bun run otafwtool`), or build with the checkout that its firmware comes from",
    );
  if (header.apiHash !== running.apiHash)
    throw new UserError(
      `${hello.name} has another native API (${running.apiHash}, this bundle needs ${header.apiHash}): ` +
        "send the firmware of this checkout first (`bun run otafwtool`), or build with the checkout that its firmware comes from",
    );
}

export type Outcome =
  | { result: "confirmed"; version: DeviceVersion }
  | { result: "rolledBack"; why: string; version: DeviceVersion; exception: unknown }
  | { result: "trial"; version: DeviceVersion }
  | { result: "silent"; version: DeviceVersion | undefined };

/** What the device tells of the thing that was sent: in force, on trial, taken back, or nothing yet. */
export type Verdict = "confirmed" | "trial" | { why: string } | undefined;

export interface WaitOptions {
  judge(version: DeviceVersion): Verdict;
  /** The device waits for `keepversion` instead of confirming by itself. */
  manual?: boolean;
  timeoutMs: number;
  /** Called once, when it is seen on trial. */
  onTrial(): void;
  /** Waited for before each question: nothing is asked of a device that is known to be away. */
  ready?: () => Promise<unknown>;
  sleep?: (ms: number) => Promise<unknown>;
  now?: () => number;
}

export interface TrialOptions extends Omit<WaitOptions, "judge" | "onTrial"> {
  /** Of the bundle that was sent. */
  bundle: string;
  onEvent(event: UpdateEvent): void;
}

/** What is asked of DeviceAccess. */
export interface Asked {
  version(timeoutMs: number): Promise<DeviceVersion>;
  exception(timeoutMs: number): Promise<unknown>;
}

/** Waits until a bundle's trial is decided, for at most `timeoutMs`. */
export function awaitTrial(device: Asked, options: TrialOptions): Promise<Outcome> {
  const { bundle } = options;
  return awaitVerdict(device, {
    ...options,
    onTrial: () => options.onEvent({ event: "trial", bundle }),
    judge: (version) => {
      if (version.bundle === bundle) return version.state === "permanent" ? "confirmed" : "trial";
      return version.rejected?.bundle === bundle ? { why: version.rejected.why } : undefined;
    },
  });
}

/** Asks the device again and again until `judge` decides, for at most `timeoutMs`. */
export async function awaitVerdict(device: Asked, options: WaitOptions): Promise<Outcome> {
  const sleep = options.sleep ?? Bun.sleep;
  const now = options.now ?? (() => performance.now());
  const endMs = now() + options.timeoutMs;
  let version: DeviceVersion | undefined;
  let verdict: Verdict;
  let told = false;
  while (now() < endMs) {
    await options.ready?.();
    if (now() >= endMs) break;
    try {
      version = await device.version(Math.min(ASK_TIMEOUT_MS, Math.max(1, endMs - now())));
    } catch (thrown) {
      if (!(thrown instanceof UserError)) throw thrown;
      continue; // it restarts
    }
    verdict = options.judge(version);
    if (verdict === "confirmed") return { result: "confirmed", version };
    if (typeof verdict === "object") {
      const exception = await device.exception(ASK_TIMEOUT_MS).catch(() => undefined);
      return { result: "rolledBack", why: verdict.why, version, exception };
    }
    if (verdict === "trial") {
      if (!told) options.onTrial();
      told = true;
      if (options.manual) return { result: "trial", version };
    }
    await sleep(ASK_EVERY_MS);
  }
  return version !== undefined && verdict === "trial" ? { result: "trial", version } : { result: "silent", version };
}

const WHYS: Record<string, string> = {
  crash: "it crashed",
  watchdog: "it hung and the watchdog ended it",
  power: "the power was cut before it was confirmed",
  deadline: "it did not prove in time that it can be reached",
  restart: "it restarted before it was confirmed",
  config: "it could not use the device's config.txt",
  hand: "somebody took it back by hand",
  image: "the boot loader did not accept it",
  unusable: "its program could not use it",
};

/** The reason of a roll-back in words. */
export function explainWhy(why: string): string {
  return WHYS[why] ?? `reason: ${why}`;
}
