// The update protocol's client (docs/WIRE.md, "Link protocol"): handshake, pipelined requests, windowed puts that go on where an earlier
// attempt ended. It owns requests and answers, not the frames' way (FrameChannel) and not the decision what to send (tools/ota.ts).

import { createHash } from "node:crypto";
import { askKnownBase } from "./block_sums.ts";
import { HEADER_BYTES } from "./bundle.ts";
import { type After, type FrameChannel, realAfter } from "./frame_channel.ts";
import { deviceError, LinkError } from "./link_error.ts";
import type { LinkFault } from "./link_faults.ts";
import { type DeviceInfo, type Hello, NO_ID, parseJson, T, u32 } from "./link_frames.ts";
import { NoiseChannel } from "./noise_channel.ts";
import { bundlePatch, PATCH_VERSION, type PatchFrame } from "./patch_frames.ts";
import type { Bytes } from "./patch_search.ts";
import { PutStream } from "./put_stream.ts";
import type { Wire } from "./wire.ts";

export const LINK_PORT = 8266;
/** Nothing heard for so long while an answer is due: the connection is given up. */
export const ANSWER_TIMEOUT_MS = 20_000;
export const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Reads of a file that are on the way at a time. */
const GETS_AHEAD = 8;
/** Where frames get lost: an answer that has not come after so long is asked for again, so often at most. */
export const RESEND_MS = 1000;
export const RESENDS_MAX = 15;
/** Attempts of a put that bring nothing on. */
const ROUNDS_MAX = 20;
export interface LinkClientOptions {
  answerTimeoutMs?: number;
  handshakeTimeoutMs?: number;
  /** Real time by default. */
  after?: After;
  /** Something that goes wrong on purpose. */
  fault?: LinkFault | undefined;
}

export interface PutOptions {
  /** Called with the bytes that are written on the device. */
  onProgress?: (done: number, total: number) => void;
  /** Called when an earlier attempt is continued, with the bytes that are on the device already. */
  onResumed?: (offset: number, total: number) => void;
}

export interface BundlePut extends PutOptions {
  changeProfile?: boolean;
  /** The body that the device runs, as far as that is known, or NO_BASE: then only what differs is sent, compressed, and all of it if that does not verify. */
  base?: Bytes | undefined;
}

interface Pending {
  resolve(frame: Uint8Array): void;
  reject(error: Error): void;
}

export class LinkClient {
  /** What the device said of itself; set when `open` resolves. */
  hello!: Hello;
  readonly #channel: FrameChannel;
  readonly #options: LinkClientOptions;
  readonly #after: After;
  readonly #pending = new Map<number, Pending>();
  #failure: LinkError | undefined;
  #onFailure: (error: LinkError) => void = () => {};
  #lastId = 0;
  #cancelTimer: (() => void) | undefined;
  /** A put waits for the device even when every request has been answered. */
  #putting = false;
  /** Hears of a put's progress, and of what went wrong with its data; NO_ID: some frame did not arrive whole. */
  #onTaken: ((id: number, offset: number) => void) | undefined;
  #onGap: ((id: number) => void) | undefined;
  /** What the open put's content is made by. */
  #patch: PatchFrame[] | undefined;
  /** Bytes of content that were sent, in frames of data and of patches. */
  contentSent = 0;
  /** On a lossy channel: the request before this one. */
  #before: Promise<unknown> = Promise.resolve();

  private constructor(channel: FrameChannel, options: LinkClientOptions) {
    this.#channel = channel;
    this.#options = options;
    this.#after = options.after ?? realAfter;
    channel.onFrame = (frame) => this.#frame(frame);
    channel.onEnd = (error) => this.#fail(error);
  }

  /** Shakes hands over a connected wire with the device's `otakey`, 32 bytes. Throws LinkError (kinds key, busy, closed, timeout, protocol). */
  static async open(wire: Wire, options: LinkClientOptions & { key: Uint8Array }): Promise<LinkClient> {
    const noise = new NoiseChannel(options.fault?.wire(wire) ?? wire, options.key);
    const client = new LinkClient(options.fault?.channel(noise) ?? noise, options);
    client.#watch(options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS);
    const greeting = await new Promise<Uint8Array>((resolve, reject) => {
      noise.onGreeting = resolve;
      client.#onFailure = reject;
    });
    client.#unwatch();
    client.#greeted(parseJson<Hello>(greeting));
    // A device counts a session as real only when a first frame has verified (a handshake can be played from a recording).
    client.#request(T.hello).catch(() => {});
    return client;
  }

  /** Greets the device over a channel that needs no key. Throws LinkError (kinds closed, timeout, protocol). */
  static async greet(channel: FrameChannel, options: LinkClientOptions = {}): Promise<LinkClient> {
    const client = new LinkClient(options.fault?.channel(channel) ?? channel, options);
    try {
      client.#greeted(parseJson<Hello>(await client.#request(T.hello)));
    } catch (thrown) {
      client.close();
      throw thrown;
    }
    return client;
  }

  #greeted(hello: Hello): void {
    this.hello = hello;
    if (hello.link === 1) return;
    throw new LinkError("protocol", `the device speaks link version ${hello.link}, this tool 1`);
  }

  /** Ends the session; what is under way fails. */
  close(): void {
    this.#fail(new LinkError("closed", "the session was ended here"));
  }

  async info(): Promise<DeviceInfo> {
    return parseJson(await this.#request(T.info));
  }

  /** Files by name, with their sizes in bytes. */
  async list(): Promise<Map<string, number>> {
    const flat = parseJson<(string | number)[]>(await this.#request(T.list));
    const files = new Map<string, number>();
    for (let i = 0; i + 1 < flat.length; i += 2) files.set(String(flat[i]), Number(flat[i + 1]));
    return files;
  }

  /** Size and SHA-256 (hex) of a file; undefined when there is none. */
  async hash(name: string): Promise<{ size: number; sha256: string } | undefined> {
    const answer = parseJson<{ size: number; sha256?: string }>(await this.#request(T.hash, Buffer.from(name)));
    return answer.sha256 === undefined ? undefined : { size: answer.size, sha256: answer.sha256 };
  }

  async remove(name: string): Promise<void> {
    await this.#request(T.remove, Buffer.from(name));
  }

  /** The stored reboot reason and exception (JSON text), if any. */
  async log(): Promise<{ reboot?: string; exception?: string }> {
    return parseJson(await this.#request(T.log));
  }

  /** Asks for a restart of the chip, or of its program alone where that is possible; resolves when the device has said yes. */
  async reboot(programOnly = false): Promise<void> {
    await this.#request(T.reboot, Uint8Array.from(programOnly ? [1] : []));
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

  /** Of the running bundle's body what its blocks' sums tell: where it has bytes that are in `bundle` as well. */
  knownBase(bundle: Uint8Array): Promise<Bytes> {
    const ask = (first: number) => this.#request(T.blocks, Uint8Array.of(first >> 8, first));
    return askKnownBase(ask, bundle.subarray(HEADER_BYTES));
  }

  /** Writes a file and puts it in force: it replaces the old one only when all of it has verified. */
  async putFile(name: string, content: Uint8Array, options: PutOptions = {}): Promise<void> {
    const head = Buffer.concat([u32(content.length), Buffer.from(sha256(content), "hex"), Buffer.from(name)]);
    await this.#put(T.putFile, head, content, options);
  }

  /** Writes a bundle (header and body, as `bundle.bin`) and commits it: the next boot tries it. */
  async putBundle(bundle: Uint8Array, options: BundlePut = {}): Promise<void> {
    const flag = options.changeProfile ? Uint8Array.of(1) : new Uint8Array(0);
    const [head, body] = [Buffer.concat([bundle.subarray(0, 256), flag]), bundle.subarray(256)];
    const { base } = options;
    if (base !== undefined && this.hello.patch === PATCH_VERSION) {
      try {
        this.#patch = bundlePatch(base, bundle, this.hello.chunk);
        return await this.#put(T.putBundle, head, body, options);
      } catch (thrown) {
        // The device has not what was to be copied, and has given the put up or found out at the end.
        if (!(thrown instanceof LinkError && ["unverified", "nothing"].includes(thrown.kind))) throw thrown;
      } finally {
        this.#patch = undefined;
      }
    }
    await this.#put(T.putBundle, head, body, options);
  }

  /** Writes a firmware image for `machine` and commits it: the next boot tries it. */
  async putFirmware(image: Uint8Array, machine: string, options: PutOptions = {}): Promise<void> {
    const head = Buffer.concat([u32(image.length), Buffer.from(sha256(image), "hex"), Buffer.from(machine)]);
    await this.#put(T.putFirmware, head, image, options);
  }

  #put(type: number, head: Uint8Array, content: Uint8Array, options: PutOptions): Promise<void> {
    options.onProgress?.(0, content.length);
    return this.#channel.lossy
      ? this.#putInRounds(type, head, content, options)
      : this.#putAhead(type, head, content, options);
  }

  /** Sends the content within the window without waiting for the put's own answer, and the commit right behind it. */
  async #putAhead(type: number, head: Uint8Array, content: Uint8Array, options: PutOptions): Promise<void> {
    let refused = false;
    this.#putting = true;
    const begun = this.#request(type, head);
    const id = this.#lastId;
    const stream = this.#stream(id, content, 0, options.onProgress);
    begun.then(
      (frame) => {
        const { offset } = parseJson<{ offset: number }>(frame);
        if (offset > 0) options.onResumed?.(offset, content.length);
        stream.taken(offset);
      },
      () => {
        refused = true;
        this.#putting = false;
        stream.stop();
      },
    );
    await stream.sent;
    if (refused) await begun;
    if (this.#failure !== undefined) throw this.#failure;
    this.#putting = false; // from here on the commit's answer is waited for
    const committed = this.#request(T.commit);
    committed.catch(() => {});
    await begun;
    await committed;
    stream.taken(content.length);
  }

  /** Where frames get lost: begins the put again, with a number of its own, wherever the device says that it stands. */
  async #putInRounds(type: number, head: Uint8Array, content: Uint8Array, options: PutOptions): Promise<void> {
    let best = -1;
    for (let rounds = 0; ; rounds++) {
      const begun = this.#request(type, head);
      const id = this.#lastId;
      const { offset } = parseJson<{ offset: number }>(await begun);
      if (best < 0 && offset > 0) options.onResumed?.(offset, content.length);
      if (offset > best) rounds = 0;
      if (rounds === ROUNDS_MAX)
        throw new LinkError("timeout", "the line is so disturbed that nothing arrives: look at cable and baud rate");
      best = Math.max(best, offset);
      const stream = this.#stream(id, content, offset, options.onProgress);
      if (await stream.arrived(this.#after)) break;
      if (this.#failure !== undefined) throw this.#failure;
    }
    await this.#request(T.commit);
  }

  #stream(id: number, content: Uint8Array, offset: number, onProgress: PutOptions["onProgress"]): PutStream {
    const { chunk, window } = this.hello;
    const send = (at: number, bytes: Uint8Array, patch: boolean) => {
      this.contentSent += bytes.length;
      this.#sendFrame(patch ? T.patch : T.data, id, u32(at), bytes);
    };
    const stream = new PutStream(content, offset, chunk, window, onProgress ?? (() => {}), send, this.#patch);
    this.#onTaken = (of, at) => {
      if (of === id) stream.taken(at);
    };
    this.#onGap = (of) => {
      if (of === id || of === NO_ID) stream.stop();
    };
    this.#onFailure = () => stream.stop();
    stream.start();
    return stream;
  }

  #request(type: number, ...body: Uint8Array[]): Promise<Uint8Array> {
    const id = this.#nextId();
    if (!this.#channel.lossy) return this.#ask(id, type, body);
    // One at a time, because the device keeps one answer.
    const asked = this.#before.then(() => this.#insist(id, type, body));
    this.#before = asked.catch(() => {});
    return asked;
  }

  #nextId(): number {
    do this.#lastId = (this.#lastId % 0xffff) + 1;
    while (this.#pending.has(this.#lastId));
    return this.#lastId;
  }

  #ask(id: number, type: number, body: Uint8Array[]): Promise<Uint8Array> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#pending.size === 0) this.#watch();
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#sendFrame(type, id, ...body);
    });
  }

  /** Asks again and again; the device answers a request that comes twice in a row from memory. */
  async #insist(id: number, type: number, body: Uint8Array[]): Promise<Uint8Array> {
    let cancel = () => {};
    let resends = 0;
    const again = () => {
      cancel();
      if (this.#failure !== undefined || !this.#pending.has(id)) return;
      if (resends++ === RESENDS_MAX)
        return this.#fail(new LinkError("timeout", "the device does not answer on this port: is it running?"));
      this.#sendFrame(type, id, ...body);
      cancel = this.#after(RESEND_MS, again);
    };
    this.#onGap = (of) => {
      if (of === NO_ID) again();
    };
    try {
      const answer = this.#ask(id, type, body);
      cancel = this.#after(RESEND_MS, again);
      return await answer;
    } finally {
      cancel();
      this.#onGap = undefined;
    }
  }

  #sendFrame(type: number, id: number, ...body: Uint8Array[]): void {
    if (this.#failure !== undefined) return;
    this.#channel.send(Buffer.concat([Uint8Array.of(type, id >> 8, id), ...body]));
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
      const pending = this.#pending.get(id);
      this.#pending.delete(id);
      if (frame[0] !== T.error) pending?.resolve(frame.subarray(3));
      else if (pending !== undefined) pending.reject(deviceError(frame));
      // Errors about data carry the put's id, which was answered before.
      else this.#onGap?.(id);
    }
    if (this.#pending.size > 0 || this.#putting) this.#watch();
    else this.#unwatch();
  }

  #watch(ms = this.#options.answerTimeoutMs ?? ANSWER_TIMEOUT_MS): void {
    this.#unwatch();
    this.#cancelTimer = this.#after(ms, () =>
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
    this.#channel.close();
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
    this.#onFailure(error);
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
