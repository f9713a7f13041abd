// What every ESP-NOW peripheral has: the start-up order, the radio and its protocol, the serial console, the watchdog, the proof of
// reachability, what becomes of exceptions, and sleep. It is to a peripheral what appliance.ts is to an MQTT appliance.

import { Config, keyBytes, readTokens, recoverIfConfig } from "./config.ts";
import { SerialLink } from "./link_serial.ts";
import { Loop, randomBelow } from "./loop.ts";
import { encodeStats } from "./mail_codec.ts";
import { type MailTaker, takeMail } from "./mail_taker.ts";
import { type Netnow, NetnowAuto } from "./netnow_auto.ts";
import { type NetnowKeys, netnowKeys, versionOf } from "./netnow_codec.ts";
import { NetnowPeripheral } from "./netnow_peripheral.ts";
import { NetnowRadio } from "./netnow_radio.ts";
import { Netnow3Peripheral } from "./netnow3_peripheral.ts";
import { explain, keepAll, notTold } from "./ota_commands.ts";
import { keepGood } from "./recovery.ts";
import { Watchdog } from "./watchdog.ts";

export const START_FUDGE_MS = 10_000;
export const WATCHDOG_AFTER_MS = 10_000;
/** After a deep sleep the battery counts. */
export const WATCHDOG_AFTER_SLEEP_MS = 1000;
const DEEP_SLEEP = 4;
const LED_PIN = 2;
/** Between two looks whether the console is still in use. */
const SLEEP_LOOK_MS = 1000;
/** Who does not sleep tells its counters so often. */
const STATS_S = 1800;
const HELP = "commands: keepversion reboot stats";

/** The tokens by which a peripheral is reached and updated; recovery takes them from what was good once. */
export const REACH_TOKENS = ["espnowpsk", "espnowgroup", "espnowrate", "espnowversion", "otakey"];

/** Tokens that the frame itself reads; profiles/espnow_config.ts is their schema. */
export interface PeripheralTokens {
  espnowpsk: string;
  espnowgroup: string;
  watchdog: boolean;
  espnowrate?: string | undefined;
  espnowversion?: string | undefined;
  keep?: string | undefined;
  otakey?: string | undefined;
  otavia?: string | undefined;
}

export class Peripheral<T extends PeripheralTokens = PeripheralTokens> {
  readonly loop: Loop;
  readonly config: Config<T>;
  /** Undefined until the start-up delay is over. */
  netnow: Netnow | undefined;
  exceptions: number;
  /** Undefined where updates do not come over ESP-NOW. */
  mail: MailTaker | undefined;
  readonly serial: SerialLink;
  private readonly watchdog: Watchdog;
  private readonly tokens: Config<PeripheralTokens>;

  /** Reads the configuration; without a usable one the device goes into recovery. `tokens`: the names that it may have, see readTokens;
   * or tokens that are taken instead of config.txt, none of them a must. */
  constructor(tokens: string | string[]) {
    this.exceptions = 0;
    this.netnow = undefined;
    this.mail = undefined;
    this.loop = new Loop();
    this.watchdog = new Watchdog();
    this.loop.onError = (error) => this.failed(error);
    this.serial = new SerialLink(this.loop, {
      name: `hearth-${native.uniqueId()}`,
      onRefused: (why) => native.log(`link refused: ${why}`),
      onLine: (line) => native.log(this.carryOut(line)),
    });
    try {
      this.tokens = new Config(typeof tokens === "string" ? readTokens(tokens) : tokens);
      this.config = this.tokens as unknown as Config<T>;
      if (typeof tokens !== "string") return;
      this.tokens.text("espnowpsk");
      this.tokens.text("espnowgroup");
      this.tokens.flag("watchdog");
    } catch (error) {
      throw recoverIfConfig(error);
    }
  }

  /** Hands the device to the loop. `start` makes the profile's behaviour when the radio is on. Called once, last. */
  run(start: (netnow: Netnow) => void): void {
    const delayMs = native.resetReason() === 0 ? randomBelow(START_FUDGE_MS) : 0;
    this.loop.task(() => this.begin(start), true, "start").once(delayMs);
    this.loop.start();
  }

  /** Sleeps deeply, then boots; not before the mail is done for this wake-up, which is bounded, and not while somebody is at the console. */
  sleep(ms: number): void {
    if (this.mail?.busy === true) this.mail.onIdle = () => this.sleep(ms);
    else if (this.serial.session !== undefined) this.loop.task(() => this.sleep(ms), true, "sleep").once(SLEEP_LOOK_MS);
    else {
      const asleep = () => {
        native.espnowOff();
        native.deepSleep(ms);
      };
      // For an acknowledgement that never comes it does not stay awake.
      if (this.tellStats(asleep)) this.loop.task(asleep, true, "sleep").once(SLEEP_LOOK_MS);
      else asleep();
    }
  }

  /** Tells the central this boot's counters; it has no other way to a person but the console. False when that cannot be. */
  private tellStats(done?: () => void): boolean {
    return this.mail !== undefined && this.netnow?.send(encodeStats(this.stats()), done) === true;
  }

  private stats(): string {
    const counts = this.netnow?.counts.text() ?? "radio off";
    return `exceptions ${this.exceptions} ${counts} mail refused ${this.mail?.refused ?? 0}`;
  }

  private begin(start: (netnow: Netnow) => void): void {
    const graceMs = native.resetReason() === DEEP_SLEEP ? WATCHDOG_AFTER_SLEEP_MS : WATCHDOG_AFTER_MS;
    if (this.tokens.get("watchdog") !== "0") this.loop.task(() => this.watchdog.arm(), true, "watchdog").once(graceMs);
    this.loop.task(() => this.second(), true, "second").every(1000);
    native.pinMode(LED_PIN, 3, 0);
    try {
      // Without a key nobody pairs with it, but over the console it can be reached all the same.
      const keys = netnowKeys(this.tokens.textOr("espnowpsk", ""), this.tokens.textOr("espnowgroup", ""));
      const longRange = this.tokens.get("espnowrate") !== "ordinary";
      const version = versionOf(this.tokens.get("espnowversion"));
      const netnow = startNetnow(this.loop, new NetnowRadio(this.loop), keys, longRange, version);
      netnow.onReady = () => this.proven();
      this.netnow = netnow;
      start(netnow);
      this.startMail(netnow);
    } catch (error) {
      throw recoverIfConfig(error);
    }
  }

  /** Last, so that what the profile does with payloads comes behind. */
  private startMail(netnow: Netnow): void {
    const otakey = keyBytes(this.tokens.get("otakey") ?? "");
    if (otakey === undefined || this.tokens.get("otavia") === "mqtt") return;
    const mail = takeMail(this.loop, netnow, otakey);
    this.mail = mail;
    netnow.onReady = () => {
      this.proven();
      mail.ask();
    };
  }

  private second(): void {
    const seconds = Math.floor(this.loop.now() / 1000);
    this.watchdog.feed();
    native.pinWrite(LED_PIN, seconds & 1);
    if (seconds % STATS_S === 0) this.tellStats();
  }

  /** The central has confirmed that it hears this device: it can reach it. So all that is on trial is permanent, unless `keep` leaves that
   * to a person; recovery speaks for firmware and configuration only, as proof.ts's does. */
  private proven(): void {
    const kept = this.tokens.get("keep") !== "manual";
    const { state } = native.bundleInfo();
    if (state !== 0 && (kept || state !== 1)) native.bundleConfirm();
    if (kept) {
      native.firmwareConfirm();
      native.configConfirm();
    }
    if (state !== 0) keepGood(this.tokens, REACH_TOKENS);
  }

  /** A line that somebody typed; returns what it is answered. */
  private carryOut(line: string): string {
    switch (line) {
      case "keepversion":
        keepAll();
        return `version kept ${native.bundleInfo().hash}`;
      case "reboot":
        return native.restart("reboot command", true);
      case "stats":
        return `stats ${this.stats()}`;
      default:
        return HELP;
    }
  }

  private failed(error: unknown): void {
    this.exceptions++;
    try {
      native.exceptionStore(explain(error), error instanceof Error ? (error.stack ?? "") : "");
    } catch (thrown) {
      notTold(thrown);
    }
  }
}

/** The protocol of `version`: 2, 3 or auto. */
export function startNetnow(
  loop: Loop,
  radio: NetnowRadio,
  keys: NetnowKeys,
  longRange: boolean,
  version: string,
): Netnow {
  if (version === "2") return new NetnowPeripheral(loop, radio, keys, longRange);
  if (version === "auto") return new NetnowAuto(loop, radio, keys, longRange);
  const three = new Netnow3Peripheral(loop, radio, keys, longRange);
  three.start();
  return three;
}
