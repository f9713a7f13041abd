// What every MQTT appliance has: the start-up order, network, MQTT, Log, Uptime, Refresh, OTA commands, proof of reachability, and
// what becomes of exceptions. What the appliance is for is the profile's.

import {
  type BaseTokens,
  Config,
  ConfigError,
  keyBytes,
  REACH_TOKENS,
  reachFault,
  readTokens,
  recoverIfConfig,
} from "./config.ts";
import { Log } from "./log.ts";
import { Loop, randomBelow } from "./loop.ts";
import { Mqtt, type MqttHandler, type MqttSettings } from "./mqtt.ts";
import { Net, netKind } from "./net.ts";
import { countEvent } from "./nvram.ts";
import { explain, notTold, OtaCommands } from "./ota_commands.ts";
import { ALONE_MS, Proof } from "./proof.ts";
import { Publisher, type Value } from "./publisher.ts";
import { Watchdog } from "./watchdog.ts";

/** Not after a restart that somebody asked for: it keeps a fleet from coming up at once, after a cut of power or when all of it has
 * given up waiting for the same broker. The other start-up times count from its end. */
export const START_FUDGE_MS = 10_000;
/** `native.resetReason` */
const DEEP_SLEEP = 4;
/** `native.netState` */
const NET_UP = 3;
export const WATCHDOG_AFTER_S = 10;
export const NET_AFTER_S = 12;
/** Without a byte from the broker for so long the device restarts. */
export const SILENT_MS = 600_000;
/** After a long time without a network the broker gets at least this. */
export const SILENT_GRACE_MS = 60_000;
/** The same exception again within this time is only counted, any other one within a second: storing wears the flash. */
export const SAME_EXCEPTION_MS = 60_000;
export const OTHER_EXCEPTION_MS = 1000;

export class Appliance<T extends BaseTokens = BaseTokens> {
  readonly loop: Loop;
  readonly config: Config<T>;
  readonly name: string;
  readonly mqtt: Mqtt;
  readonly log: Log;
  readonly publisher: Publisher;
  readonly watchdog: Watchdog;
  readonly net: Net | undefined;
  readonly proof: Proof;
  readonly ota: OtaCommands;
  /** Exceptions survived since boot. */
  exceptions: number;
  private readonly base: Config;
  /** Not in recovery. */
  private readonly strict: boolean;
  /** "" only in recovery: then there is a network without MQTT. */
  private readonly broker: string;
  private beganMs: number;
  private led: number;
  private started: boolean;
  /** When the broker was last heard, over all connections. */
  private heardMs: number;
  private greeted: boolean;
  private exceptionMs: number;
  private exceptionText: string;

  /** Reads the configuration; without a usable one the device goes into recovery. `tokens` are the names that config.txt may have, see
   * readTokens; or, in recovery, names and values that are taken instead of it, none of which is a must. `ledPin` below 0: no LED. */
  constructor(
    readonly profile: string,
    tokens: string | string[],
    public ledPin = 2,
  ) {
    this.exceptions = this.beganMs = this.led = this.heardMs = this.exceptionMs = 0;
    this.started = this.greeted = false;
    this.exceptionText = "";
    try {
      this.strict = typeof tokens === "string";
      const config = new Config(typeof tokens === "string" ? readTokens(tokens) : tokens);
      this.base = config;
      this.config = config as unknown as Config<T>;
      const ssid = this.must("ssid", "(none)");
      const kind = netKind(ssid);
      const broker = this.must("mqttbroker", "");
      this.broker = broker;
      this.name = this.must("mqttname", `hearth-${native.uniqueId()}`);
      for (const token of REACH_TOKENS) {
        const value = config.get(token);
        const fault = value === undefined ? undefined : reachFault(token, value);
        if (fault !== undefined) throw new ConfigError(`${token} ${fault}`);
      }
      if (this.strict) config.flag("watchdog");
      this.loop = new Loop();
      this.loop.onError = (error) => this.failed(error);
      const settings: MqttSettings = { broker, port: config.integer("mqttport", 1, 65535, 1883), name: this.name };
      const user = config.get("mqttuser");
      const password = config.get("mqttpass");
      if (user !== undefined) settings.user = user;
      if (password !== undefined) settings.password = password;
      this.mqtt = new Mqtt(this.loop, settings);
      this.log = new Log(this.mqtt, `stat/${this.name}/Log`);
      this.publisher = new Publisher(this.loop, this.mqtt);
      this.watchdog = new Watchdog();
      this.net =
        kind === undefined
          ? undefined
          : new Net(this.loop, kind, ssid, config.textOr("password", ""), (up) => this.netChanged(up));
      this.proof = new Proof(this as unknown as Appliance);
      this.ota = new OtaCommands(this as unknown as Appliance, keyBytes(config.textOr("otakey", "")));
    } catch (error) {
      throw recoverIfConfig(error);
    }
  }

  /** Publishes on stat/NAME/`sub`, not retained. False when that is not possible now. */
  publish(sub: string, payload: string): boolean {
    return this.mqtt.publish(`stat/${this.name}/${sub}`, payload);
  }

  /** Publishes stat/NAME/`sub` when it changes and every `forceMs`; see Publisher.add. */
  value(sub: string, evalMs: number, forceMs: number, read: () => string | undefined): Value {
    return this.publisher.add(`stat/${this.name}/${sub}`, evalMs, forceMs, read);
  }

  /** Hands messages on cmnd/NAME/`sub` to `handler`, which is not core. */
  command(sub: string, handler: MqttHandler): void {
    this.mqtt.subscribe(`cmnd/${this.name}/${sub}`, (payload, retained, duplicate, topic) => {
      this.loop.guard(() => handler(payload, retained, duplicate, topic), false);
    });
  }

  /** Hands the device to the loop. `start` makes the appliance's behaviour, after the random delay; `first` is for what cannot wait
   * for that (outputs that are restored). Called once, last. */
  run(start: () => void, first?: () => void): void {
    try {
      first?.();
    } catch (error) {
      throw recoverIfConfig(error);
    }
    const wanted = native.resetAsked() || native.resetReason() === DEEP_SLEEP;
    const delayMs = wanted ? 0 : randomBelow(START_FUDGE_MS);
    this.loop.task(() => this.begin(start), true, "start").once(delayMs);
    this.loop.start();
  }

  private begin(start: () => void): void {
    this.beganMs = this.loop.now();
    this.loop.task(() => this.second(), true, "second").every(1000);
    if (this.ledPin >= 0) {
      native.pinMode(this.ledPin, 3, 0);
      this.loop.task(() => this.blink(), false, "led").every(1000);
    }
    this.mqtt.onConnect(() => this.connected());
    this.mqtt.onLost(() => countEvent("mqttlost"));
    this.command("OTA", (payload, retained) => this.ota.handle(payload, retained));
    this.command("Refresh", (payload, retained, duplicate) => {
      if (payload !== "" && !retained && !duplicate) this.publisher.refresh();
    });
    this.value("Uptime", 60_000, 1_800_000, () => String(Math.floor(this.loop.now() / 60_000)));
    try {
      start();
    } catch (error) {
      throw recoverIfConfig(error);
    }
    // A network that the program before in this boot has left up (native.restartProgram).
    if (this.net === undefined) native.netOff();
    else if (native.netState() === NET_UP) this.startNet();
  }

  /** Once a second: what the start-up order asks for, the watchdog, the broker's silence, log lines that wait. */
  private second(): void {
    const elapsedS = Math.round((this.loop.now() - this.beganMs) / 1000);
    if (elapsedS >= WATCHDOG_AFTER_S && !this.watchdog.armed && this.base.get("watchdog") !== "0") this.watchdog.arm();
    this.watchdog.feed();
    if (elapsedS >= NET_AFTER_S) this.startNet();
    if (this.net === undefined) {
      if (elapsedS * 1000 >= ALONE_MS && !this.proof.done) this.proof.confirm(this.base.get("keep") !== "manual");
      return;
    }
    if (this.mqtt.connected) this.heardMs = this.loop.now() - this.mqtt.secondsSilent() * 1000;
    if (this.net.up && this.broker !== "" && this.loop.now() - this.heardMs >= SILENT_MS) {
      native.restart("no MQTT for 10 min", false);
    }
    this.log.flush();
  }

  private startNet(): void {
    if (this.started) return;
    this.started = true;
    this.heardMs = this.loop.now();
    this.net?.start();
  }

  private blink(): void {
    this.led ^= 1;
    native.pinWrite(this.ledPin, this.led);
  }

  /** MQTT runs while there is a network: a name is not looked up in vain, and a new network is used at once. */
  private netChanged(up: boolean): void {
    if (!up) {
      if (this.mqtt.connected) countEvent("mqttlost");
      this.mqtt.stop();
    } else if (this.broker !== "") {
      this.heardMs = Math.max(this.heardMs, this.loop.now() - SILENT_MS + SILENT_GRACE_MS);
      this.mqtt.start();
    }
  }

  private connected(): void {
    if (!this.greeted) {
      this.greeted = true;
      const exception = native.exceptionRead();
      const reason = native.rebootReason();
      if (exception !== undefined) this.log.line(`exception ${exception}`);
      if (reason !== undefined) this.log.line(`reboot ${reason}`);
    }
    this.log.flush();
    this.proof.begin();
  }

  /** An exception in something that is not core: stored, counted, published. */
  private failed(error: unknown): void {
    this.exceptions++;
    try {
      const nowMs = this.loop.now();
      const text = explain(error);
      const quietMs = text === this.exceptionText ? SAME_EXCEPTION_MS : OTHER_EXCEPTION_MS;
      if (this.exceptionText !== "" && nowMs - this.exceptionMs < quietMs) return;
      this.exceptionText = text;
      this.exceptionMs = nowMs;
      native.exceptionStore(text, error instanceof Error ? (error.stack ?? "") : "");
      const line = `exception ${native.exceptionRead()}`;
      // Before the first connection it would be published twice.
      if (this.greeted) this.log.line(line);
      else native.log(line);
    } catch (thrown) {
      notTold(thrown);
    }
  }

  private must(token: "ssid" | "mqttbroker" | "mqttname", fallback: string): string {
    return this.strict ? this.base.text(token) : this.base.textOr(token, fallback);
  }
}
