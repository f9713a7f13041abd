// A device as a person names it on a command line: its file of tokens, its key, the broker that it is on, and sessions with it over the
// network. What is done in a session is the commands'.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { keyBytes, parseConfig } from "../../device/config.ts";
import { DeviceAccess } from "./device_access.ts";
import { UsageError, UserError } from "./errors.ts";
import { rememberAddress } from "./known_addresses.ts";
import { LINK_PORT, LinkClient } from "./link_client.ts";
import type { LinkFault } from "./link_faults.ts";
import { devicesFolder } from "./paths.ts";
import { setting } from "./settings.ts";
import { connectTcp } from "./wire.ts";

/** How long a device may take to answer over MQTT. */
export const ANSWER_TIMEOUT_MS = 30_000;

export interface NetworkOptions {
  broker?: string;
  config?: string;
  keyFile?: string;
  addr?: string;
}

/** The option by which commands find a broker. */
export function withBrokerOption(command: Command): Command {
  return command.option(
    "--broker <url>",
    "mqtt://[user:password@]host[:port] (default: MQTT_URL, from the environment or .env, else the device file's broker)",
  );
}

/** The argument and the options by which commands find a device that they only talk to over MQTT. */
export function withMqttOptions(command: Command, argument = "<name>"): Command {
  return withBrokerOption(
    command.argument(argument, "the device: its mqttname, or the name of its file in devices/"),
  ).option("--config <file>", "the device's config.txt on this PC (default: devices/NAME.txt)");
}

/** The argument and the options by which commands find a device. */
export function withNetworkOptions(command: Command, argument = "<name>"): Command {
  return withMqttOptions(command, argument)
    .option("--key-file <file>", "a file with the 64 hex digits of the otakey, instead of the device file's")
    .option(
      "--addr <host:port>",
      "connect there instead of the address that the device tells (a proxy, a forwarded port)",
    );
}

export class NetworkDevice {
  readonly name: string;
  /** Of its file; none without one. */
  readonly tokens: Map<string, string>;
  /** What its file says that it is, in a line `#profile NAME`. */
  readonly profile: string | undefined;
  /** Path of its file, which need not be there. */
  readonly file: string;
  readonly access: DeviceAccess;
  readonly #key: Uint8Array;
  readonly #at: { host: string; port: number } | undefined;

  private constructor(
    file: DeviceFile,
    access: DeviceAccess,
    key: Uint8Array,
    at: { host: string; port: number } | undefined,
    /** With its password. */
    readonly broker: string,
  ) {
    this.name = file.name;
    this.tokens = file.tokens;
    this.profile = file.profile;
    this.file = file.file;
    this.access = access;
    this.#key = key;
    this.#at = at;
  }

  /** Connects to the broker. Throws UserError or UsageError for what is missing. */
  static async connect(given: string, options: NetworkOptions): Promise<NetworkDevice> {
    const at = options.addr === undefined ? undefined : parseAddress(options.addr);
    const file = readDevice(given, options);
    const key = readKey(file, options.keyFile);
    const url = options.broker ?? setting("MQTT_URL") ?? brokerUrl(file.tokens);
    return new NetworkDevice(file, await DeviceAccess.connect(url, file.name), key, at, url);
  }

  /** True when its configuration leaves trials to `keepversion`. */
  get manual(): boolean {
    return this.tokens.get("keep") === "manual";
  }

  /** A session over TCP, after the device was told to open its port. `fault`: misbehaviour on purpose. */
  async openLink(fault?: LinkFault): Promise<LinkClient> {
    const found = await this.access.open(ANSWER_TIMEOUT_MS);
    rememberAddress({ name: this.name, ...found });
    const wire = await connectTcp(this.#at?.host ?? found.address, this.#at?.port ?? LINK_PORT);
    return LinkClient.open(wire, { key: this.#key, fault });
  }

  close(): Promise<void> {
    return this.access.close();
  }
}

/** A number of seconds above 0 from an option; throws UsageError for anything else. */
export function parseSeconds(option: string, text: string): number {
  const seconds = Number(text);
  if (!(seconds > 0)) throw new UsageError(`${option} ${text}: a number of seconds above 0`);
  return seconds;
}

/** A device that has no network of its own, as its file on this PC tells. */
export interface MuteDevice {
  name: string;
  file: string;
  profile: string | undefined;
  key: Uint8Array;
  /** Its configuration leaves trials to `keepversion`. */
  manual: boolean;
}

/** Throws UserError or UsageError for what is missing. */
export function deviceKey(given: string, options: NetworkOptions): MuteDevice {
  const device = readDevice(given, options);
  const { name, file, profile, tokens } = device;
  return { name, file, profile, key: readKey(device, options.keyFile), manual: tokens.get("keep") === "manual" };
}

/** A device over MQTT alone: no key is needed. Throws UserError or UsageError for what is missing. */
export function connectMqtt(given: string, options: NetworkOptions): Promise<DeviceAccess> {
  const { name, url } = deviceBroker(given, options);
  return DeviceAccess.connect(url, name);
}

/** Name and broker of a device. Throws UsageError for what is missing. */
export function deviceBroker(
  given: string,
  options: { broker?: string | undefined; config?: string },
): { name: string; url: string } {
  const file = readDevice(given, options.config === undefined ? {} : { config: options.config }, true);
  return { name: file.name, url: options.broker ?? setting("MQTT_URL") ?? brokerUrl(file.tokens) };
}

interface DeviceFile {
  name: string;
  file: string;
  profile: string | undefined;
  tokens: Map<string, string>;
}

/** The device's file; without one the name is all that is known. */
function readDevice(given: string, options: NetworkOptions, keyless = false): DeviceFile {
  const file = options.config ?? join(devicesFolder(), `${given}.txt`);
  let text = "";
  if (existsSync(file)) text = readFileSync(file, "utf8");
  else if (options.config !== undefined || (options.keyFile === undefined && !keyless))
    throw new UsageError(
      `there is no ${file}: put the device's config.txt there, or name it with --config, or use --key-file and --broker`,
    );
  const tokens = tokensOf(text);
  return { name: tokens.get("mqttname") ?? given, file, profile: ownLines(text, "profile").at(-1), tokens };
}

/** What the lines `#WORD VALUE` of a device's file say. The device passes over a line that begins with #: it is the tools' own. */
export function ownLines(text: string, word: string): string[] {
  const lines = text.split(/\r?\n/).map((line) => line.split(/[ \t]+/));
  return lines.flatMap(([first, value]) => (first === `#${word}` && value ? [value] : []));
}

function readKey(device: DeviceFile, keyFile: string | undefined): Uint8Array {
  let hex = device.tokens.get("otakey");
  let source = device.file;
  if (keyFile !== undefined) {
    source = keyFile;
    if (!existsSync(source)) throw new UsageError(`there is no ${source}`);
    hex = readFileSync(source, "utf8").trim();
  }
  if (hex === undefined)
    throw new UserError(`${source} has no otakey: a device without one takes updates over serial only`);
  const key = keyBytes(hex);
  if (key === undefined) throw new UserError(`the otakey in ${source} is not 64 hex digits`);
  return key;
}

/** The tokens of a configuration's text; those with the value None are absent. */
export function tokensOf(text: string): Map<string, string> {
  const tokens = new Map<string, string>();
  const list = parseConfig(text);
  for (let i = 0; i + 1 < list.length; i += 2) {
    if (list[i + 1] === "None") tokens.delete(list[i]!);
    else tokens.set(list[i]!, list[i + 1]!);
  }
  return tokens;
}

/** The broker that a configuration names. Throws UsageError when it names none. */
export function brokerUrl(tokens: Map<string, string>): string {
  const host = tokens.get("mqttbroker");
  if (host === undefined)
    throw new UsageError("no broker: set MQTT_URL (mqtt://[user:password@]host[:port]) or use --broker");
  const url = new URL(`mqtt://${host}:${tokens.get("mqttport") ?? "1883"}`);
  url.username = encodeURIComponent(tokens.get("mqttuser") ?? "");
  url.password = encodeURIComponent(tokens.get("mqttpass") ?? "");
  return url.href;
}

function parseAddress(text: string): { host: string; port: number } {
  const found = /^([^:\s]+)(?::(\d+))?$/.exec(text);
  const port = Number(found?.[2] ?? LINK_PORT);
  if (found === null || port < 1 || port > 65535) throw new UsageError(`--addr ${text}: HOST or HOST:PORT`);
  return { host: found[1] as string, port };
}
