// What a central publishes of one peripheral's mail, as it comes: the newest report, how far a mail is, and the recorded exception. Bytes are
// mail.ts's.

import { connectBroker } from "./device_access.ts";
import { decodeReport, decodeText, type Report } from "./mail.ts";

export class MailWatch {
  /** The newest report of the device with our key. */
  report: Report | undefined;
  mac: string | undefined;
  /** The exception that it recorded last, as far as it came whole: JSON as of `msg_exception`. */
  exception: unknown;
  /** By MAC: the counters that each peripheral told last. Not under its key: the central has them from the air. */
  readonly stats = new Map<string, string>();
  onChange: () => void = () => {};
  onProgress: (number: number, done: number, total: number) => void = () => {};
  /** Parts of the exception with the number `#textId`. */
  readonly #parts = new Map<number, Buffer>();
  #textId = 0;
  readonly #keys: Uint8Array[];

  /** `mac`: 12 hex digits, where the key alone does not tell the device. */
  constructor(
    private readonly central: string,
    otakey: Uint8Array,
    mac?: string,
  ) {
    this.#keys = [otakey];
    this.mac = mac;
  }

  /** Believes reports under this key as well, which the device is about to get. */
  believe(otakey: Uint8Array): void {
    this.#keys.push(otakey);
  }

  get topics(): string[] {
    return [`stat/${this.central}/Mail/#`];
  }

  message(topic: string, payload: string): void {
    const [mac = "", part] = topic.slice(`stat/${this.central}/Mail/`.length).split("/");
    if (mac === "") {
      const told = parseProgress(payload);
      if (told?.mac === this.mac && told !== undefined)
        this.onProgress(told.number, Math.min(told.size, told.first * 128), told.size);
      return;
    }
    if (this.mac !== undefined && mac !== this.mac) return;
    if (part === "stats") {
      this.stats.set(mac, payload);
      this.onChange();
      return;
    }
    const bytes = Buffer.from(payload, "hex");
    if (part !== undefined) this.#text(mac, bytes);
    else this.#reported(mac, bytes);
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

  #reported(mac: string, bytes: Buffer): void {
    for (const key of this.#keys) {
      const report = decodeReport(key, mac, bytes);
      if (report === undefined) continue;
      this.mac = mac;
      this.report = report;
      this.onChange();
      return;
    }
  }

  #text(mac: string, bytes: Buffer): void {
    for (const key of this.#keys) {
      const told = decodeText(key, mac, bytes);
      if (told === undefined) continue;
      if (told.id !== this.#textId) this.#parts.clear();
      this.#textId = told.id;
      this.#parts.set(told.part, told.text);
      if (this.#parts.size === told.parts) this.exception = parsed(Buffer.concat(inOrder(this.#parts)).toString());
    }
  }
}

/** Subscribes to what the central publishes; returns how to end it. Throws UserError when there is no broker. */
export async function watchMail(url: string, watch: MailWatch): Promise<() => Promise<void>> {
  const client = await connectBroker(url);
  client.on("error", () => {}); // it reconnects
  client.on("message", (topic, payload) => watch.message(topic, payload.toString()));
  await client.subscribeAsync(watch.topics);
  return () => client.endAsync(true);
}

function inOrder(parts: ReadonlyMap<number, Buffer>): Buffer[] {
  return [...parts].sort(([a], [b]) => a - b).map(([, text]) => text);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function parseProgress(text: string): { mac: string; number: number; first: number; size: number } | undefined {
  const told = parsed(text) as { mac: string; number: number; first: number; size: number } | undefined;
  return Number.isInteger(told?.first) && Number.isInteger(told?.size) ? told : undefined;
}
