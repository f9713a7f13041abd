// An update of a device that has no network of its own: mail left at its central, and what its reports, which the central publishes, tell of
// it. Bytes are mail.ts's; options and words are the command's.

import { connectAsync } from "mqtt";
import { type BundleHeader, bundleName } from "./bundle.ts";
import { UserError } from "./errors.ts";
import type { LinkClient } from "./link_client.ts";
import { bundleMail, decodeReport, type Report } from "./mail.ts";

export type ViaEvent =
  | { event: "posted"; mac: string; number: number }
  | { event: "progress"; done: number; total: number }
  | { event: "trial"; bundle: string };

export type ViaOutcome =
  | { result: "confirmed"; report: Report }
  | { result: "rolledBack" | "refused"; why: string; report: Report }
  | { result: "silent"; report: Report | undefined };

/** What a central publishes about mail, as it comes. */
export class MailWatch {
  /** The newest report of the device with our key. */
  report: Report | undefined;
  mac: string | undefined;
  onChange: () => void = () => {};
  onProgress: (number: number, done: number, total: number) => void = () => {};

  /** `mac`: 12 hex digits, where the key alone does not tell the device. */
  constructor(
    private readonly central: string,
    private readonly otakey: Uint8Array,
    mac?: string,
  ) {
    this.mac = mac;
  }

  get topics(): string[] {
    return [`stat/${this.central}/Mail`, `stat/${this.central}/Mail/+`];
  }

  message(topic: string, payload: string): void {
    const mac = topic.slice(`stat/${this.central}/Mail/`.length);
    if (mac === "") {
      const told = parseProgress(payload);
      if (told?.mac === this.mac && told !== undefined)
        this.onProgress(told.number, Math.min(told.size, told.first * 128), told.size);
      return;
    }
    if (this.mac !== undefined && mac !== this.mac) return;
    const report = decodeReport(this.otakey, mac, Buffer.from(payload, "hex"));
    if (report === undefined) return;
    this.mac = mac;
    this.report = report;
    this.onChange();
  }

  /** Waits until `done` gives something of a report; undefined after `timeoutMs`. */
  async until<Value>(done: (report: Report) => Value | undefined, timeoutMs: number): Promise<Value | undefined> {
    const { promise, resolve } = Promise.withResolvers<Value | undefined>();
    const look = () => {
      const value = this.report === undefined ? undefined : done(this.report);
      if (value !== undefined) resolve(value);
    };
    this.onChange = look;
    const timer = setTimeout(() => resolve(undefined), timeoutMs);
    look();
    return promise.finally(() => {
      clearTimeout(timer);
      this.onChange = () => {};
    });
  }
}

export interface ViaOptions {
  watch: MailWatch;
  otakey: Uint8Array;
  header: BundleHeader;
  bundle: Uint8Array;
  changeProfile: boolean;
  timeoutMs: number;
  /** Opens a session with the central. */
  open(): Promise<LinkClient>;
  onEvent(event: ViaEvent): void;
  wait: boolean;
  now?: () => number;
}

/** Subscribes to what the central publishes; returns how to end it. Throws UserError when there is no broker. */
export async function watchMail(url: string, watch: MailWatch): Promise<() => Promise<void>> {
  const client = await connectAsync(url, { connectTimeout: 10_000 }, false).catch((thrown) => {
    throw new UserError(`cannot connect to the broker (${String(thrown)}): check MQTT_URL or --broker`);
  });
  client.on("error", () => {}); // it reconnects
  client.on("message", (topic, payload) => watch.message(topic, payload.toString()));
  await client.subscribeAsync(watch.topics);
  return () => client.endAsync(true);
}

/** Leaves the bundle at the central and waits for what becomes of it. Needs a report first. Throws UserError. */
export async function updateVia(options: ViaOptions): Promise<ViaOutcome | undefined> {
  const { watch, header, onEvent } = options;
  const { report, mac } = watch;
  if (report === undefined || mac === undefined) throw new Error("no report yet");
  refuseUnfit(report, header, options.changeProfile);
  const name = bundleName(header);
  const number = Math.max((options.now ?? Date.now)(), report.number + 1);
  const mail = bundleMail(options.otakey, mac, number, options.bundle, options.changeProfile);
  const client = await options.open();
  try {
    await client.putFile(`mail.${mac}`, mail);
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
    if (now.rejected === name && now.mail === "tried")
      return { result: "rolledBack", why: now.rejectedWhy, report: now };
    if (now.bundle !== name || now.mail !== "tried") return undefined;
    if (now.state === "permanent") return { result: "confirmed", report: now };
    if (!trial) onEvent({ event: "trial", bundle: name });
    trial = true;
    return undefined;
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

function parseProgress(text: string): { mac: string; number: number; first: number; size: number } | undefined {
  try {
    const told = JSON.parse(text) as { mac: string; number: number; first: number; size: number };
    return Number.isInteger(told.first) && Number.isInteger(told.size) ? told : undefined;
  } catch {
    return undefined;
  }
}
