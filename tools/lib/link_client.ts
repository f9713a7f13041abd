// The update protocol's client (docs/WIRE.md, "Link protocol"): handshake, pipelined requests, windowed puts that go on where an earlier
// attempt ended. It owns the session, not the bytes' way (Wire) and not the decision what to send (tools/ota.ts).

import { createHash } from "node:crypto";
import { UserError } from "./errors.ts";
import { NoiseSession } from "./noise.ts";
import type { Wire } from "./wire.ts";

export const LINK_PORT = 8266;
export const PROLOGUE = "hearth-link-1";
/** Nothing heard for so long while an answer is due: the connection is given up. */
export const ANSWER_TIMEOUT_MS = 20_000;
export const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Reads of a file that are on the way at a time. */
const GETS_AHEAD = 8;

const T = {
  hello: 0x01,
  info: 0x02,
  list: 0x03,
  hash: 0x04,
  remove: 0x05,
  log: 0x06,
  reboot: 0x07,
  get: 0x08,
  putFile: 0x10,
  putBundle: 0x11,
  data: 0x12,
  commit: 0x13,
  taken: 0x82,
  error: 0xff,
} as const;

export interface Hello {
  link: number;
  name: string;
  chunk: number;
  window: number;
  machine: string;
  bundle: BundleInfo;
}

export interface DeviceInfo {
  uptimeMs: number;
  heap: [live: number, peak: number, free: number, largest: number];
  firmware: string;
  id: string;
  space: number;
}

/** The reasons of an error frame, by code. */
export const ERRORS = ["", "malformed", "refused", "order", "unverified", "medium", "nothing", "unknown"] as const;

/** A failure of the link. `kind` tells which one; the message tells the user what to do. */
export class LinkError extends UserError {
  override readonly name = "LinkError";
  readonly kind: (typeof ERRORS)[number] | "busy" | "key" | "closed" | "timeout" | "protocol";

  constructor(kind: LinkError["kind"], message: string) {
    super(message);
    this.kind = kind;
  }
}

export interface LinkClientOptions {
  /** The device's `otakey`, 32 bytes. */
  key: Uint8Array;
  answerTimeoutMs?: number;
  handshakeTimeoutMs?: number;
  /** Calls back after `ms`; returns what cancels it. Real time by default. */
  after?: (ms: number, run: () => void) => () => void;
}

export interface PutOptions {
  /** Called with the bytes that are written on the device. */
  onProgress?: (done: number, total: number) => void;
  /** Called when an earlier attempt is continued, with the bytes that are on the device already. */
  onResumed?: (offset: number, total: number) => void;
}

interface Pending {
  resolve(frame: Uint8Array): void;
  reject(error: Error): void;
}

export class LinkClient {
  /** What the device said of itself; set when `open` resolves. */
  hello!: Hello;
  readonly #wire: Wire;
  readonly #options: LinkClientOptions;
  readonly #noise: NoiseSession;
  readonly #pending = new Map<number, Pending>();
  #received: Uint8Array = new Uint8Array(0);
  #greeted: { resolve(): void; reject(error: Error): void } | undefined;
  #failure: LinkError | undefined;
  #lastId = 0;
  #cancelTimer: (() => void) | undefined;
  /** A put waits for the device even when every request has been answered. */
  #putting = false;
  /** Wakes a put that waits for room in the window. */
  #onFailure: () => void = () => {};
  #onTaken: ((id: number, offset: number) => void) | undefined;

  private constructor(wire: Wire, options: LinkClientOptions) {
    this.#wire = wire;
    this.#options = options;
    this.#noise = new NoiseSession({ initiator: true, psk: options.key, prologue: Buffer.from(PROLOGUE) });
  }

  /** Shakes hands over a connected wire. Throws LinkError (kinds key, busy, closed, timeout, protocol). */
  static async open(wire: Wire, options: LinkClientOptions): Promise<LinkClient> {
    const client = new LinkClient(wire, options);
    const greeted = new Promise<void>((resolve, reject) => {
      client.#greeted = { resolve, reject };
    });
    wire.onData = (bytes) => client.#receive(bytes);
    wire.onEnd = (why) => client.#fail(new LinkError("closed", `the connection ended: ${why}`));
    client.#watch(options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS);
    client.#send(client.#noise.write(new Uint8Array(0)));
    await greeted;
    // A device counts a session as real only when a first frame has verified (a handshake can be played from a recording).
    client.#request(T.hello).catch(() => {});
    return client;
  }

  /** Ends the session; what is under way fails. */
  close(): void {
    this.#fail(new LinkError("closed", "the session was ended here"));
  }

  async info(): Promise<DeviceInfo> {
    return json(await this.#request(T.info));
  }

  /** Files by name, with their sizes in bytes. */
  async list(): Promise<Map<string, number>> {
    const flat = json<(string | number)[]>(await this.#request(T.list));
    const files = new Map<string, number>();
    for (let i = 0; i + 1 < flat.length; i += 2) files.set(String(flat[i]), Number(flat[i + 1]));
    return files;
  }

  /** Size and SHA-256 (hex) of a file; undefined when there is none. */
  async hash(name: string): Promise<{ size: number; sha256: string } | undefined> {
    const answer = json<{ size: number; sha256?: string }>(await this.#request(T.hash, Buffer.from(name)));
    return answer.sha256 === undefined ? undefined : { size: answer.size, sha256: answer.sha256 };
  }

  async remove(name: string): Promise<void> {
    await this.#request(T.remove, Buffer.from(name));
  }

  /** The stored reboot reason and exception (JSON text), if any. */
  async log(): Promise<{ reboot?: string; exception?: string }> {
    return json(await this.#request(T.log));
  }

  /** Asks for a restart; resolves when the device has said yes. */
  async reboot(): Promise<void> {
    await this.#request(T.reboot);
  }

  /** The content of a file. Throws LinkError "refused" when there is none, "unverified" when it changed meanwhile. */
  async get(name: string): Promise<Uint8Array> {
    const known = await this.hash(name);
    if (known === undefined) throw new LinkError("refused", `there is no file ${name} on the device`);
    const content = new Uint8Array(known.size);
    const ahead: Promise<Uint8Array>[] = [];
    for (let asked = 0, got = 0; got < known.size; ) {
      for (; asked < known.size && ahead.length < GETS_AHEAD; asked += this.hello.chunk) {
        const answer = this.#request(T.get, u32(asked), Buffer.from(name));
        answer.catch(() => {});
        ahead.push(answer);
      }
      const bytes = (await ahead.shift()!).subarray(4, 4 + known.size - got);
      if (bytes.length === 0) break;
      content.set(bytes, got);
      got += bytes.length;
    }
    if (sha256(content) !== known.sha256) throw new LinkError("unverified", `${name} changed while it was read`);
    return content;
  }

  /** Writes a file and puts it in force: it replaces the old one only when all of it has verified. */
  async putFile(name: string, content: Uint8Array, options: PutOptions = {}): Promise<void> {
    const head = Buffer.concat([u32(content.length), Buffer.from(sha256(content), "hex"), Buffer.from(name)]);
    await this.#put(T.putFile, head, content, options);
  }

  /** Writes a bundle (header and body, as `bundle.bin`) and commits it: the next boot tries it. */
  async putBundle(bundle: Uint8Array, options: PutOptions & { changeProfile?: boolean } = {}): Promise<void> {
    const flag = options.changeProfile ? Uint8Array.of(1) : new Uint8Array(0);
    await this.#put(T.putBundle, Buffer.concat([bundle.subarray(0, 256), flag]), bundle.subarray(256), options);
  }

  /** Sends the content within the window without waiting for the put's own answer, and the commit right behind it. */
  async #put(type: number, head: Uint8Array, content: Uint8Array, options: PutOptions): Promise<void> {
    const { chunk, window } = this.hello;
    const total = content.length;
    let next = 0;
    let taken = 0;
    let wake = () => {};
    const progress = (offset: number) => {
      if (offset <= taken) return;
      taken = Math.min(offset, total);
      next = Math.max(next, taken);
      options.onProgress?.(taken, total);
      wake();
    };
    let failed = false;
    this.#putting = true;
    const begun = this.#request(type, head);
    const id = this.#lastId;
    begun.then(
      (frame) => {
        const { offset } = json<{ offset: number }>(frame);
        if (offset > 0) options.onResumed?.(offset, total);
        progress(offset);
      },
      () => {
        failed = true;
        this.#putting = false;
        wake();
      },
    );
    this.#onTaken = (of, offset) => {
      if (of === id) progress(offset);
    };
    options.onProgress?.(0, total);
    while (next < total && !failed && this.#failure === undefined) {
      if (next - taken < window) {
        const end = Math.min(next + chunk, total, taken + window);
        this.#sendFrame(T.data, id, u32(next), content.subarray(next, end));
        next = end;
      } else {
        await new Promise<void>((resolve) => {
          wake = this.#onFailure = resolve;
        });
      }
    }
    if (failed) await begun;
    if (this.#failure !== undefined) throw this.#failure;
    this.#putting = false; // from here on the commit's answer is waited for
    const committed = this.#request(T.commit);
    committed.catch(() => {});
    await begun;
    await committed;
    progress(total);
  }

  #request(type: number, ...body: Uint8Array[]): Promise<Uint8Array> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    do this.#lastId = (this.#lastId % 0xffff) + 1;
    while (this.#pending.has(this.#lastId));
    const id = this.#lastId;
    if (this.#pending.size === 0) this.#watch();
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#sendFrame(type, id, ...body);
    });
  }

  #sendFrame(type: number, id: number, ...body: Uint8Array[]): void {
    if (this.#failure !== undefined) return;
    this.#send(this.#noise.write(Buffer.concat([Uint8Array.of(type, id >> 8, id), ...body])));
  }

  #send(message: Uint8Array): void {
    this.#wire.send(Buffer.concat([Uint8Array.of(message.length >> 8, message.length), message]));
  }

  #receive(bytes: Uint8Array): void {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
    while (this.#failure === undefined && this.#received.length >= 2) {
      const all = this.#received;
      const length = all[0]! * 256 + all[1]!;
      if (all.length < 2 + Math.max(1, length)) return;
      if (length === 0) {
        this.#fail(refusal(all[2]!));
        return;
      }
      this.#received = all.subarray(2 + length);
      this.#message(all.subarray(2, 2 + length));
    }
  }

  #message(message: Uint8Array): void {
    const greeted = this.#greeted;
    const payload = this.#noise.read(message);
    if (payload === undefined) {
      this.#fail(
        greeted === undefined
          ? new LinkError("protocol", "a message of the device did not verify; somebody disturbs the connection")
          : new LinkError("key", "whoever answered does not have this device's key: is the address right?"),
      );
      return;
    }
    if (greeted !== undefined) {
      this.#greeted = undefined;
      this.#unwatch();
      this.hello = parse<Hello>(payload);
      if (this.hello.link === 1) greeted.resolve();
      else greeted.reject(new LinkError("protocol", `the device speaks link version ${this.hello.link}, this tool 1`));
      return;
    }
    this.#frame(payload);
  }

  #frame(frame: Uint8Array): void {
    if (frame.length < 3) {
      this.#fail(new LinkError("protocol", "the device sent a frame that is too short"));
      return;
    }
    const id = frame[1]! * 256 + frame[2]!;
    if (frame[0] === T.taken) {
      if (frame.length >= 7) this.#onTaken?.(id, Buffer.from(frame).readUInt32BE(3));
    } else {
      // Errors about data carry the put's id, which may have been answered already; the commit tells the outcome.
      const pending = this.#pending.get(id);
      this.#pending.delete(id);
      if (frame[0] === T.error) pending?.reject(deviceError(frame));
      else pending?.resolve(frame.subarray(3));
    }
    if (this.#pending.size > 0 || this.#putting) this.#watch();
    else this.#unwatch();
  }

  #watch(ms = this.#options.answerTimeoutMs ?? ANSWER_TIMEOUT_MS): void {
    this.#unwatch();
    this.#cancelTimer = (this.#options.after ?? realAfter)(ms, () =>
      this.#fail(
        new LinkError("timeout", `the device has not answered for ${ms / 1000} s; it may have restarted: try again`),
      ),
    );
  }

  #unwatch(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #fail(error: LinkError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#unwatch();
    this.#wire.close();
    this.#greeted?.reject(error);
    this.#greeted = undefined;
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
    this.#onFailure();
  }
}

function realAfter(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}

function refusal(code: number): LinkError {
  if (code === 1)
    return new LinkError(
      "busy",
      "another client is connected to the device: try again when it is done, at the latest in a minute",
    );
  if (code === 2)
    return new LinkError("key", "the device does not know this key: use the `otakey` that its config.txt has");
  if (code === 3) return new LinkError("protocol", "the device found a message too long");
  return new LinkError(
    "protocol",
    "the device ended the session because a message did not verify or came too late: try again",
  );
}

function deviceError(frame: Uint8Array): LinkError {
  const kind = ERRORS[frame[3] ?? 0] || "protocol";
  const said = Buffer.from(frame.subarray(4)).toString();
  const advice =
    kind === "medium"
      ? "; look at the free space, or power the device off and on"
      : kind === "unverified"
        ? "; send it again"
        : "";
  return new LinkError(kind, `the device says: ${said}${advice}`);
}

function json<Shape>(body: Uint8Array): Shape {
  return parse(body);
}

function parse<Shape>(bytes: Uint8Array): Shape {
  try {
    return JSON.parse(Buffer.from(bytes).toString()) as Shape;
  } catch {
    throw new LinkError("protocol", "the device sent an answer that is not JSON");
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function u32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
