// The configuration file: `token value` lines, and typed reads of them. What tokens there are is each profile's schema on the PC.

/** A longer file is refused; it is read into the heap at once. */
export const CONFIG_MAX_BYTES = 4096;

/** The tokens that the framework itself reads; profiles/base_config.ts is their schema. */
export interface BaseTokens {
  /** Wi-Fi network, or `(wired)`, `(wired2)`, `(qemu)`, `(none)`. */
  ssid: string;
  password?: string | undefined;
  mqttbroker: string;
  mqttname: string;
  mqttport?: number | undefined;
  mqttuser?: string | undefined;
  mqttpass?: string | undefined;
  watchdog: boolean;
  /** 64 hex digits. */
  otakey?: string | undefined;
  keep?: string | undefined;
}

/** Tokens of T whose value is a V. */
type Of<T, V> = { [K in keyof T]-?: NonNullable<T[K]> extends V ? K : never }[keyof T] & string;

/** A token is missing or of the wrong type. The message names it, never its value: it may be a secret. */
export class ConfigError extends Error {}

/** Alternating tokens and values. A line counts when it holds exactly two words and does not begin with `#`; the value `None` means
 * that the token is absent, also when an earlier line gave it. */
export function parseConfig(text: string): string[] {
  const tokens: string[] = [];
  let words: string[] = [];
  let start = 0;
  for (let at = 0; at <= text.length; at++) {
    const char = at < text.length ? text.charCodeAt(at) : 10;
    if (char > 32) continue;
    if (at > start) words.push(text.slice(start, at));
    start = at + 1;
    if (char !== 10) continue;
    if (words.length === 2 && (words[0] as string).charCodeAt(0) !== 35)
      tokens.push(words[0] as string, words[1] as string);
    words = [];
  }
  return tokens;
}

/** parseConfig of config.txt. Throws ConfigError when it cannot be read, or has a token that is not in `known`, a list of names with
 * a blank before and behind each. */
export function readTokens(known: string): string[] {
  const tokens = parseConfig(readConfig());
  for (let index = 0; index < tokens.length; index += 2) {
    // What stands there may be a secret that slipped there: only its place is told.
    if (known.indexOf(` ${tokens[index]} `) < 0) throw new ConfigError(`token number ${index / 2 + 1} is unknown`);
  }
  return tokens;
}

/** The text of config.txt. Throws ConfigError when there is none or it is no text. */
export function readConfig(): string {
  const size = native.fileSize("config.txt");
  if (size < 0) throw new ConfigError("config.txt is missing");
  if (size > CONFIG_MAX_BYTES) throw new ConfigError("config.txt is too long");
  const text = native.decodeText(native.fileRead("config.txt", 0, size), 0, size);
  if (text === undefined || text.indexOf("\0") >= 0) throw new ConfigError("config.txt is not text");
  return text;
}

export class Config<T = BaseTokens> {
  /** Takes the result of parseConfig. Of tokens given twice the last one counts. */
  constructor(private readonly tokens: string[]) {}

  /** The value as it stands, or undefined. */
  get(key: string): string | undefined {
    const tokens = this.tokens;
    for (let index = tokens.length - 2; index >= 0; index -= 2) {
      if (tokens[index] === key) return tokens[index + 1] === "None" ? undefined : tokens[index + 1];
    }
    return undefined;
  }

  /** Throws ConfigError when it is missing. */
  text(key: Of<T, string>): string {
    const value = this.get(key);
    if (value === undefined) throw new ConfigError(`${key} is missing`);
    return value;
  }

  textOr<F>(key: Of<T, string>, fallback: F): string | F {
    return this.get(key) ?? fallback;
  }

  /** A finite decimal number. Throws ConfigError when it is none, or missing without a fallback. */
  number(key: Of<T, number>, fallback?: number): number {
    const value = this.get(key);
    if (value === undefined && fallback !== undefined) return fallback;
    const result = Number(this.text(key as unknown as Of<T, string>));
    if (!(Math.abs(result) < Infinity)) throw new ConfigError(`${key} is not a number`);
    return result;
  }

  /** A whole number from `min` to `max`. Throws ConfigError as `number` does. */
  integer(key: Of<T, number>, min: number, max: number, fallback?: number): number {
    const result = this.number(key, fallback);
    if (result !== Math.floor(result) || result < min || result > max) {
      throw new ConfigError(`${key} is not a whole number from ${min} to ${max}`);
    }
    return result;
  }

  /** 0 or 1. Throws ConfigError when it is neither, or missing without a fallback. */
  flag(key: Of<T, boolean>, fallback?: boolean): boolean {
    const value = this.get(key);
    if (value === undefined && fallback !== undefined) return fallback;
    this.text(key as unknown as Of<T, string>);
    if (value !== "0" && value !== "1") throw new ConfigError(`${key} is not 0 or 1`);
    return value === "1";
  }
}

/** The tokens by which a device reaches its broker and is updated; recovery takes them from what was good once. */
export const REACH_TOKENS = [
  "ssid",
  "password",
  "mqttbroker",
  "mqttname",
  "mqttport",
  "mqttuser",
  "mqttpass",
  "otakey",
];

/** What is wrong with the value of a token by which a device is reached, or undefined. What passes makes neither native nor MQTT nor ESP-NOW throw. */
export function reachFault(token: string, value: string): string | undefined {
  if (token === "otakey") return keyBytes(value) === undefined ? "is not 64 hex digits" : undefined;
  if (token === "mqttport") {
    const port = Number(value);
    const good = port >= 1 && port <= 65535 && port === Math.floor(port);
    return good ? undefined : "is not a whole number from 1 to 65535";
  }
  if (token === "espnowversion") return value === "2" || value === "3" || value === "auto" ? undefined : "is unknown";
  const short = token === "ssid" || token === "mqttname";
  if (native.encodeText(value).length > (short ? 32 : 64)) return "is too long";
  if (token !== "mqttname") return undefined;
  return value.indexOf("+") < 0 && value.indexOf("#") < 0 && value.indexOf("/") < 0 ? undefined : "contains + # or /";
}

/** The bytes of 64 hex digits, or undefined when it is not that. */
export function keyBytes(hex: string): Uint8Array | undefined {
  const bytes = new Uint8Array(32);
  for (let at = 0; at < 64; at++) {
    const digit = "0123456789abcdef".indexOf(hex.charAt(at).toLowerCase());
    if (digit < 0 || hex.length !== 64) return undefined;
    bytes[at >> 1] = ((bytes[at >> 1] as number) << 4) | digit;
  }
  return bytes;
}

/** Goes into recovery for a ConfigError; hands back what is none. */
export function recoverIfConfig(error: unknown): unknown {
  if (!(error instanceof ConfigError)) return error;
  const why = `config: ${error.message}`;
  native.exceptionStore(why, "");
  native.recover(why);
}
