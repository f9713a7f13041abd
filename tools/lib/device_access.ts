// A device as seen over MQTT: opens its update link, learns its address, asks for version and stored messages. It knows topics, not the link.

import { connectAsync, type MqttClient } from "mqtt";
import { messageOf, UsageError, UserError } from "./errors.ts";

/** Commands are QoS 0 and a device may just be connecting: they are sent again after so long. */
const REPEAT_MS = 3000;
/** A log line longer than a message comes in pieces; so many are put together. */
const PIECES_MAX = 8;

/** What is needed of an MQTT client. */
export interface MqttPort {
  publish(topic: string, payload: string): void;
  close(): Promise<void>;
}

export interface DeviceVersion {
  profile: string;
  version: string;
  /** First 16 hex digits of the running bundle's SHA-256. */
  bundle: string;
  slot: number;
  state: "recovery" | "trial" | "permanent";
  rejected: { bundle: string; why: string } | null;
  recovery?: string | null;
  uptimeS?: number;
  machine?: string;
  /** Of the bundles that its firmware runs. */
  engine?: string;
  api?: string;
  /** Version and name of the firmware; state as in ESP-IDF's otadata. */
  firmware?: string;
  image?: { hash: string; slot: number; state: string; rejected: { hash: string; why: string } | null };
  config?: { hash: string | null; state: "trial" | "permanent"; rejected: { hash: string; why: string } | null };
}

export interface DeviceAddress {
  address: string;
  mac: string;
  profile: string;
}

interface Waiter {
  take(topic: string, payload: string): boolean;
}

/** A broker's address as it was given. Throws UsageError when it is none. */
export function brokerAddress(url: string | undefined): string {
  const parsed = url !== undefined && URL.canParse(url) ? new URL(url) : undefined;
  if (url === undefined || parsed === undefined || !/^mqtts?:$/.test(parsed.protocol) || parsed.hostname === "")
    throw new UsageError(
      `the broker's address${url === undefined ? " is not known: MQTT_URL or --broker" : ""} must be mqtt://[user:password@]host[:port]`,
    );
  return url;
}

/** Without user and password. */
export function shownAddress(url: string): string {
  return url.replace(/\/\/[^/@]*@/, "//");
}

/** Connects to the broker at `url`, again when it goes. Throws UserError when that is not possible, without the password. */
export async function connectBroker(url: string, timeoutMs = 10_000): Promise<MqttClient> {
  const shown = shownAddress(brokerAddress(url));
  return connectAsync(url, { connectTimeout: timeoutMs, reconnectPeriod: 2000 }, false).catch((thrown) => {
    throw new UserError(
      `cannot connect to the broker ${shown} (${messageOf(thrown) || "no answer"}): check MQTT_URL or --broker`,
    );
  });
}

export class DeviceAccess {
  readonly name: string;
  /** Called with each line on stat/NAME/Log. */
  onLog: (line: string) => void = () => {};
  /** The last will's topic: true online, false offline, undefined not heard yet. */
  online: boolean | undefined;
  readonly #mqtt: MqttPort;
  readonly #waiters = new Set<Waiter>();

  constructor(name: string, mqtt: MqttPort) {
    this.name = name;
    this.#mqtt = mqtt;
  }

  /** Connects to the broker at `url`. Throws UserError when that is not possible. */
  static async connect(url: string, name: string, timeoutMs = 10_000): Promise<DeviceAccess> {
    const client = await connectBroker(url, timeoutMs);
    const access = new DeviceAccess(name, {
      publish: (topic, payload) => void client.publish(topic, payload),
      close: () => client.endAsync(true),
    });
    client.on("error", () => {}); // it reconnects; what is waited for runs into its time-out
    client.on("message", (topic, payload) => access.message(topic, payload.toString()));
    await client.subscribeAsync([`stat/${name}/Log`, `stat/${name}/OTA`, `stat/${name}/LWT`]);
    return access;
  }

  /** Waits until the broker says that the device is online, for at most `timeoutMs` or until `signal`; true when it is. */
  async untilOnline(timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    const online = () => this.online === true;
    if (online() || timeoutMs <= 0 || signal?.aborted) return online();
    await new Promise<void>((resolve) => {
      const waiter: Waiter = { take: () => online() && end() };
      const end = (): true => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", end);
        this.#waiters.delete(waiter);
        resolve();
        return true;
      };
      const timer = setTimeout(end, timeoutMs);
      signal?.addEventListener("abort", end);
      this.#waiters.add(waiter);
    });
    return online();
  }

  close(): Promise<void> {
    return this.#mqtt.close();
  }

  /** A message that came in. */
  message(topic: string, payload: string): void {
    const sub = topic.slice(`stat/${this.name}/`.length);
    if (sub === "LWT") this.online = payload === "online";
    if (sub === "Log") this.onLog(payload);
    for (const waiter of [...this.#waiters]) if (waiter.take(sub, payload)) this.#waiters.delete(waiter);
  }

  /** Sends `open` until the device tells where it listens. */
  async open(timeoutMs: number): Promise<DeviceAddress> {
    return this.#ask("open", timeoutMs, (topic, payload) => {
      if (topic === "Log" && payload.startsWith("no otakey"))
        throw new UserError(
          `${this.name} has no otakey in its config.txt: give it one over serial, then it takes updates over the air`,
        );
      if (topic === "Log" && payload.startsWith("link refused: cannot listen"))
        throw new UserError(
          `${this.name} cannot open its update port (${payload.slice(14)}): restart it and try again`,
        );
      const found = /^netstatus (\d+) addr (\S+) mac (\S+) flavor (\S+)/.exec(payload);
      if (topic !== "OTA" || found === null || found[2] === "0.0.0.0") return undefined;
      return { address: found[2] as string, mac: found[3] as string, profile: found[4] as string };
    });
  }

  version(timeoutMs: number): Promise<DeviceVersion> {
    return this.#askJson("getversion", "version ", timeoutMs);
  }

  /** The stored exception; undefined when there is none. */
  exception(timeoutMs: number): Promise<unknown> {
    return this.#askJson("msg_exception", "exception ", timeoutMs);
  }

  /** Sends a command once and gathers what comes on Log (and, for `open`, on OTA) until it has been quiet for `quietMs`; empty
   * when nothing has come in `timeoutMs`. */
  async answer(command: string, timeoutMs: number, quietMs: number): Promise<string[]> {
    const lines: string[] = [];
    const waiter: Waiter = { take: () => false };
    await new Promise<void>((resolve) => {
      let timer = setTimeout(resolve, timeoutMs);
      waiter.take = (topic, payload) => {
        if (topic !== "Log" && !(topic === "OTA" && command === "open")) return false;
        lines.push(payload);
        clearTimeout(timer);
        timer = setTimeout(resolve, quietMs);
        return false;
      };
      this.#waiters.add(waiter);
      this.send(command);
    });
    this.#waiters.delete(waiter);
    return lines;
  }

  send(command: string): void {
    this.#mqtt.publish(`cmnd/${this.name}/OTA`, command);
  }

  /** An answer on Log that is a word and JSON, possibly in pieces; `none` gives undefined. */
  #askJson<Value>(command: string, word: string, timeoutMs: number): Promise<Value> {
    let text = "";
    let pieces = 0;
    return this.#ask(command, timeoutMs, (topic, payload) => {
      if (topic !== "Log") return undefined;
      if (payload.startsWith(word)) {
        text = payload.slice(word.length);
        pieces = 0;
      } else if (text !== "" && ++pieces < PIECES_MAX) text += payload;
      if (text === "none") return { value: undefined as Value };
      try {
        return { value: JSON.parse(text) as Value };
      } catch {
        return undefined;
      }
    }).then((answer) => answer.value);
  }

  /** Sends a command, again and again, until `take` makes something of what comes. */
  async #ask<Value>(
    command: string,
    timeoutMs: number,
    take: (topic: string, payload: string) => Value | undefined,
  ): Promise<Value> {
    let repeat: ReturnType<typeof setInterval> | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const waiter: Waiter = { take: () => false };
    try {
      return await new Promise<Value>((resolve, reject) => {
        waiter.take = (topic, payload) => {
          try {
            const value = take(topic, payload);
            if (value !== undefined) resolve(value);
            return value !== undefined;
          } catch (thrown) {
            reject(thrown);
            return true;
          }
        };
        this.#waiters.add(waiter);
        timer = setTimeout(() => reject(new UserError(this.#silent(command, timeoutMs))), timeoutMs);
        repeat = setInterval(() => this.send(command), REPEAT_MS);
        this.send(command);
      });
    } finally {
      clearTimeout(timer);
      clearInterval(repeat);
      this.#waiters.delete(waiter);
    }
  }

  #silent(command: string, timeoutMs: number): string {
    const known =
      this.online === undefined
        ? "the broker knows no device of this name: check the name and the broker"
        : this.online
          ? "the broker says it is online: try again"
          : "the broker says it is offline: check its power and network";
    return `${this.name} did not answer \`${command}\` in ${timeoutMs / 1000} s; ${known}`;
  }
}
