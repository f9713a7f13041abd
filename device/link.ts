// The update protocol's device side over whole frames (docs/WIRE.md, "Link protocol"): requests in, at most one answer each. Sockets,
// keys and framing are the carrier's (link_tcp.ts, link_serial.ts). Nothing is replaced before everything has verified.

/** Most bytes of content in a data frame; the receive buffer is little more. */
export const CHUNK_BYTES = 2048;
/** Bytes that the tool may have on the way beyond the last `taken`; TCP holds back what the device has no room for. */
export const WINDOW_BYTES = 65536;
/** Where a file grows until it has verified. A power cut leaves it for the next attempt. */
export const STAGING = "staging";
/** What config.txt was before its trial: nobody may write it over the link. */
const CONFIG_OLD = "config.old";
const CONFIG = "config.txt";
/** NVS place of the description of what is in STAGING. */
const SPACE = "link";
/** Longest text answer in bytes; a Noise message has a 16-bit length. */
const ANSWER_MAX = 65000;

export const HELLO = 0x01;
const INFO = 0x02;
const LIST = 0x03;
const HASH = 0x04;
const REMOVE = 0x05;
const LOG = 0x06;
const REBOOT = 0x07;
const GET = 0x08;
const BLOCKS = 0x09;
const PUT_FILE = 0x10;
const PUT_BUNDLE = 0x11;
export const DATA = 0x12;
const COMMIT = 0x13;
const PUT_FIRMWARE = 0x14;
export const PATCH = 0x15;
const OK = 0x80;
const JSON_ANSWER = 0x81;
const TAKEN = 0x82;
const ERROR = 0xff;

export const MALFORMED = 1;
const REFUSED = 2;
const ORDER = 3;
const UNVERIFIED = 4;
const MEDIUM = 5;
const NOTHING = 6;
const UNKNOWN = 7;

// enum port_error
const PORT_EIO = -3;
const PORT_ENOMEM = -4;
const PORT_ENOTSUP = -7;
const PORT_EFULL = -8;
const PORT_EBUSY = -10;
const PORT_EBAD = -11;

export class Link {
  /** A restart was asked for and answered: 1 of the program alone, 2 of the chip. The carrier does it when the answer is out. */
  rebooting = 0;

  /** A configuration that came over this carrier has to prove itself; not so where somebody holds the cable. */
  configTrial = true;

  /** PUT_FILE, PUT_BUNDLE, PUT_FIRMWARE, or 0 when no put is open. */
  private put = 0;
  /** Of the open put: its request id, length, how far it is written, and what the tool was told of that. */
  private id = 0;
  private size = 0;
  private offset = 0;
  private told = 0;
  private name = "";
  private sum = "";

  /** `chunk` and `window` as in hello. */
  constructor(
    private readonly deviceName: string,
    private readonly onRefused: (why: string) => void,
    private readonly chunk = CHUNK_BYTES,
    private readonly window = WINDOW_BYTES,
  ) {}

  /** What the device is, as JSON text. */
  hello(): Uint8Array {
    return native.encodeText(
      JSON.stringify({
        link: 1,
        patch: 2,
        name: this.deviceName,
        chunk: this.chunk,
        window: this.window,
        machine: native.machine(),
        bundle: native.bundleInfo(),
        firmware: native.firmwareInfo(),
      }),
    );
  }

  /** Carries out one request; returns the frame to send, or undefined for data that needs no answer now. */
  handle(frame: Uint8Array): Uint8Array | undefined {
    if (frame.length < 3) return fail(0, MALFORMED, "short frame");
    const type = frame[0]!;
    const id = (frame[1]! << 8) | frame[2]!;
    try {
      if (type === DATA) return this.data(id, frame);
      if (type === PATCH) return this.patch(id, frame);
      return this.answer(type, id, frame.subarray(3));
    } catch (thrown) {
      const error = thrown as NativeError | null;
      const code = error?.code;
      if (code === undefined) throw thrown;
      const medium = code === PORT_EIO || code === PORT_ENOMEM || code === PORT_EFULL;
      if (type >= PUT_FILE) this.put = 0;
      return this.refuse(id, medium ? MEDIUM : type === COMMIT ? UNVERIFIED : REFUSED, words(error!, frame));
    }
  }

  private answer(type: number, id: number, body: Uint8Array): Uint8Array {
    switch (type) {
      case HELLO:
        return build(JSON_ANSWER, id, this.hello());
      case INFO:
        return json(id, {
          uptimeMs: native.now(),
          heap: native.heap(),
          firmware: native.firmwareVersion(),
          id: native.uniqueId(),
          space: native.fileSpace(),
        });
      case LIST:
        return json(id, native.fileList());
      case HASH: {
        const name = textFrom(body, 0);
        const size = native.fileSize(name);
        return json(id, size < 0 ? { size } : { size, sha256: hex(native.sha256File(name)) });
      }
      case REMOVE:
        if (textFrom(body, 0) === CONFIG_OLD) return this.refuse(id, REFUSED, "reserved name");
        if (!native.fileRemove(textFrom(body, 0))) return this.refuse(id, REFUSED, "no such file");
        break;
      case LOG:
        return json(id, { reboot: native.rebootReason(), exception: native.exceptionRead() });
      case REBOOT:
        this.rebooting = body[0] === 1 ? 1 : 2;
        break;
      case GET: {
        if (body.length < 5) return fail(id, MALFORMED, "short get");
        const at = readU32(body, 0);
        const bytes = native.fileRead(textFrom(body, 4), at, this.chunk);
        return build(DATA, id, bytes, at);
      }
      case BLOCKS:
        if (body.length < 2) return fail(id, MALFORMED, "short blocks");
        return build(DATA, id, native.slotBlocks((body[0]! << 8) | body[1]!, this.chunk));
      case PUT_FILE:
        return this.putFile(id, body);
      case PUT_BUNDLE:
        return this.putBundle(id, body);
      case PUT_FIRMWARE:
        return this.putFirmware(id, body);
      case COMMIT:
        return this.commit(id);
      default:
        return fail(id, UNKNOWN, "unknown request");
    }
    return build(OK, id);
  }

  private putFile(id: number, body: Uint8Array): Uint8Array {
    this.put = 0;
    if (body.length < 37) return fail(id, MALFORMED, "short put");
    const size = readU32(body, 0);
    const name = textFrom(body, 36);
    if (name === STAGING || name === CONFIG_OLD) return this.refuse(id, REFUSED, "reserved name");
    native.fileSize(name); // throws for a name that is not allowed
    this.sum = hex(body.subarray(4, 36));
    const what = `${size} ${this.sum} ${name}`;
    if (native.nvsGet(SPACE, "put") !== what || native.fileSize(STAGING) > size) {
      native.fileRemove(STAGING);
      native.nvsSet(SPACE, "put", what);
    }
    const offset = Math.max(0, native.fileSize(STAGING));
    if (size - offset > native.fileSpace()) return this.refuse(id, MEDIUM, "no space");
    this.name = name;
    return this.opened(id, PUT_FILE, size, offset);
  }

  private putBundle(id: number, body: Uint8Array): Uint8Array {
    this.put = 0;
    if (body.length < 256) return fail(id, MALFORMED, "short header");
    let end = 48;
    while (end < 64 && body[end] !== 0) end++;
    const profile = native.decodeText(body, 48, end);
    const running = native.bundleInfo();
    // The recovery bundle (slot -1) takes any profile: it is there for devices that have none.
    if (running.slot >= 0 && body[256] !== 1 && profile !== running.profile)
      return this.refuse(id, REFUSED, `profile ${profile} on a device that runs ${running.profile}`);
    return this.opened(
      id,
      PUT_BUNDLE,
      body[12]! + body[13]! * 256 + body[14]! * 65536 + body[15]! * 16777216,
      native.slotBegin(body.subarray(0, 256)),
    );
  }

  private putFirmware(id: number, body: Uint8Array): Uint8Array {
    this.put = 0;
    if (body.length < 37) return fail(id, MALFORMED, "short put");
    const size = readU32(body, 0);
    const machine = textFrom(body, 36);
    const info = native.firmwareInfo();
    if (machine !== native.machine())
      return this.refuse(id, REFUSED, `firmware for ${machine} on a ${native.machine()}`);
    if (info.slot < 0) return this.refuse(id, REFUSED, "no second firmware slot");
    if (info.state === 1) return this.refuse(id, REFUSED, "the running firmware is on trial");
    if (size > info.space) return this.refuse(id, REFUSED, `firmware of ${size} bytes, room for ${info.space}`);
    return this.opened(id, PUT_FIRMWARE, size, native.firmwareBegin(size, body.subarray(4, 36)));
  }

  private opened(id: number, put: number, size: number, offset: number): Uint8Array {
    this.put = put;
    this.id = id;
    this.size = size;
    this.offset = this.told = offset;
    return json(id, { offset });
  }

  private data(id: number, frame: Uint8Array): Uint8Array | undefined {
    // Data is sent ahead of the put's answer, so it may belong to one that was refused: that has been said already.
    if (this.put === 0 || id !== this.id) return undefined;
    if (frame.length < 7) return fail(id, MALFORMED, "short data");
    const at = readU32(frame, 3);
    if (at > this.offset) return fail(id, ORDER, `expected ${this.offset}`);
    const end = at + frame.length - 7;
    if (end > this.size) return fail(id, MALFORMED, "beyond the end");
    // What is written already comes again when a put goes on from an earlier attempt.
    if (end <= this.offset) return undefined;
    const bytes = frame.subarray(7 + this.offset - at);
    if (this.put === PUT_BUNDLE) native.slotWrite(this.offset, bytes);
    else if (this.put === PUT_FIRMWARE) native.firmwareWrite(this.offset, bytes);
    else native.fileWrite(STAGING, this.offset, bytes);
    return this.taken(id, end);
  }

  /** A bundle's body bytes made by operations. What is written already is passed over, as in data. */
  private patch(id: number, frame: Uint8Array): Uint8Array | undefined {
    if (this.put === 0 || id !== this.id) return undefined;
    if (frame.length < 7 || this.put !== PUT_BUNDLE) return fail(id, MALFORMED, "no patch");
    const at = readU32(frame, 3);
    if (at > this.offset) return fail(id, ORDER, `expected ${this.offset}`);
    return this.taken(id, native.slotPatch(at, frame.subarray(7)));
  }

  /** Everything up to `end` is written; the tool is told now and then. */
  private taken(id: number, end: number): Uint8Array | undefined {
    this.offset = end;
    if (end < this.size && end - this.told < this.window / 4) return undefined;
    this.told = end;
    return build(TAKEN, id, undefined, end);
  }

  private commit(id: number): Uint8Array {
    const put = this.put;
    if (put === 0) return fail(id, NOTHING, "nothing to commit");
    if (this.offset !== this.size) return this.refuse(id, UNVERIFIED, `${this.offset} of ${this.size} bytes`);
    this.put = 0;
    if (put === PUT_BUNDLE) {
      native.slotCommit();
    } else if (put === PUT_FIRMWARE) {
      native.firmwareCommit();
    } else {
      if (this.size === 0) native.fileWrite(STAGING, 0, new Uint8Array(0));
      native.fileSync(STAGING);
      if (hex(native.sha256File(STAGING)) !== this.sum) {
        native.fileRemove(STAGING);
        return this.refuse(id, UNVERIFIED, "checksum differs");
      }
      if (this.configTrial && this.name === CONFIG) native.configTry(STAGING);
      else native.fileRename(STAGING, this.name);
      native.nvsRemove(SPACE, "put");
    }
    return build(OK, id);
  }

  /** An error that is also worth a line in the device's log. */
  private refuse(id: number, code: number, why: string): Uint8Array {
    this.onRefused(why);
    return fail(id, code, why);
  }
}

/** A frame; with `at`, a 32-bit number stands before the body. */
function build(type: number, id: number, body?: Uint8Array, at?: number): Uint8Array {
  const start = at === undefined ? 3 : 7;
  const frame = new Uint8Array(start + (body === undefined ? 0 : body.length));
  frame[0] = type;
  frame[1] = id >> 8;
  frame[2] = id;
  if (at !== undefined) for (let i = 0; i < 4; i++) frame[3 + i] = at >>> (24 - 8 * i);
  if (body !== undefined) frame.set(body, start);
  return frame;
}

function json(id: number, value: unknown): Uint8Array {
  const text = native.encodeText(JSON.stringify(value));
  return text.length > ANSWER_MAX ? fail(id, MEDIUM, "answer too long") : build(JSON_ANSWER, id, text);
}

/** What native's refusal means to the person who sent the bundle. */
function words(error: NativeError, frame: Uint8Array): string {
  if (error.code === PORT_EBAD) return frame[0] === PATCH ? "bad patch" : "checksum differs";
  if (error.code === PORT_EBUSY) return "the running bundle is on trial still";
  if (error.code !== PORT_ENOTSUP) return error.message;
  const { engineId, apiHash } = native.bundleInfo();
  const engine = hex(frame.subarray(83, 91));
  return engine === engineId
    ? `native API ${hex(frame.subarray(91, 99))} on a firmware with ${apiHash}`
    : `engine ${engine} on a firmware with ${engineId}`;
}

export function fail(id: number, code: number, why: string): Uint8Array {
  const text = native.encodeText(why);
  const body = new Uint8Array(1 + text.length);
  body[0] = code;
  body.set(text, 1);
  return build(ERROR, id, body);
}

/** UTF-8 text from `start` to the end; not valid UTF-8 gives a name that no function takes. */
function textFrom(bytes: Uint8Array, start: number): string {
  return native.decodeText(bytes, start, bytes.length) ?? "";
}

export function readU32(bytes: Uint8Array, at: number): number {
  return bytes[at]! * 16777216 + ((bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!);
}

export function hex(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i++) text += (bytes[i]! < 16 ? "0" : "") + bytes[i]!.toString(16);
  return text;
}
