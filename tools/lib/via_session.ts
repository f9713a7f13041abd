// The command line's way to a device that has no network: its file, its central, and the first report of it. What is brought and how it ends is
// via_central.ts's.

import { UserError } from "./errors.ts";
import type { Report } from "./mail.ts";
import { MailWatch, watchMail } from "./mail_watch.ts";
import { deviceKey, NetworkDevice, type NetworkOptions, parseSeconds } from "./network_device.ts";
import { explainWhy } from "./update.ts";
import type { Shown } from "./update_view.ts";
import { type Parcel, sendVia, type ViaOutcome } from "./via_central.ts";

/** A retained report is there at once. */
const RETAINED_MS = 2000;
/** Without --timeout: a device may sleep for an hour, and need a few wake-ups. */
const TIMEOUT_S = "14400";

export interface ViaOptions extends NetworkOptions {
  via?: string;
  viaConfig?: string;
  mac?: string;
  timeout?: string;
}

/** What every command with --via takes. */
export const VIA_OPTIONS = [
  ["--via <central>", "the device has no network: leave it at its central, which hands it on over ESP-NOW"],
  ["--via-config <file>", "the central's config.txt on this PC (default: devices/CENTRAL.txt)"],
  ["--mac <mac>", "with --via: the device's MAC, where two devices have the same otakey"],
] as const;

export class ViaSession {
  readonly timeoutMs: number;
  #endWatch: () => Promise<void> = async () => {};

  private constructor(
    /** As a person calls it. */
    readonly device: string,
    /** Its file. */
    readonly file: string,
    /** What its file says that it is. */
    readonly profile: string | undefined,
    /** A person makes its trials permanent. */
    public manual: boolean,
    readonly watch: MailWatch,
    private readonly key: Uint8Array,
    private readonly central: NetworkDevice,
    /** As a person calls the central. */
    private readonly via: string,
    private readonly show: Shown,
    timeout: string,
  ) {
    this.timeoutMs = 1000 * parseSeconds("--timeout", timeout);
  }

  /** Throws UserError or UsageError for what is missing. */
  static async open(given: string, via: string, options: ViaOptions, show: Shown): Promise<ViaSession> {
    const { broker, viaConfig } = options;
    const { name, file, profile, key, manual } = deviceKey(given, options);
    const central = await NetworkDevice.connect(via, {
      ...(broker === undefined ? {} : { broker }),
      ...(viaConfig === undefined ? {} : { config: viaConfig }),
    });
    const watch = new MailWatch(central.name, key, options.mac?.replaceAll(":", "").toLowerCase());
    const timeout = options.timeout ?? TIMEOUT_S;
    const session = new ViaSession(name, file, profile, manual, watch, key, central, via, show, timeout);
    session.#endWatch = await watchMail(central.broker, watch);
    return session;
  }

  /** What the device has reported, now or as soon as it wakes. Throws UserError when that does not come. */
  async found(): Promise<Report> {
    const { watch, device, central, show } = this;
    if ((await watch.until(() => true, RETAINED_MS)) === undefined)
      show.line({ event: "waiting" }, `${device} has not reported to ${central.name} yet; waiting until it wakes`);
    const found = await watch.until((heard) => heard, this.timeoutMs);
    if (found === undefined)
      throw new UserError(
        `no report of ${device} came from ${central.name}: check that it is paired and powered, and that its config.txt has this otakey`,
      );
    const running = `${found.profile} ${found.version}, bundle ${found.bundle} (${found.state})`;
    show.line({ event: "found", mac: watch.mac, ...found }, `${device} reported last: ${running}`);
    return found;
  }

  /** Leaves a parcel at the central; undefined without `wait`, else what has become of it. */
  send(parcel: Parcel, wait = true): Promise<ViaOutcome | undefined> {
    const { central, show, device } = this;
    return sendVia({
      watch: this.watch,
      otakey: this.key,
      parcel,
      timeoutMs: this.timeoutMs,
      open: () => central.openLink(),
      wait,
      manual: this.manual,
      onEvent: (event) => {
        if (event.event !== "posted") show.event(event);
        else show.line(event, `left at ${central.name}; ${device} takes it when it wakes`);
      },
    });
  }

  /** What to say of an end that is none of the good ones; `what` as in "bundle 0123456789abcdef". */
  failure(what: string, outcome: ViaOutcome): UserError {
    const { device, central } = this;
    if (outcome.result === "silent")
      return new UserError(
        `${device} has not told of ${what} in ${this.timeoutMs / 1000} s: the mail stays at ${central.name}, and it goes on when it wakes`,
      );
    const why = "why" in outcome ? outcome.why : "";
    const done = outcome.result === "refused" ? `refused ${what}: ${why}` : `took ${what} back: ${explainWhy(why)}`;
    return new UserError(`${device} ${done}. It runs ${outcome.report.bundle} (${outcome.report.state}).`);
  }

  /** What a person does whose device leaves trials to him. */
  tellToKeep(what: string): string {
    return `${this.device} runs ${what} on trial and has \`keep manual\`: bun run otacmd ${this.device} keepversion --via ${this.via}`;
  }

  async close(): Promise<void> {
    await this.#endWatch();
    await this.central.close();
  }
}
