// MQTT 3.1.1 packets as bytes: encoders, and a decoder over a bounded buffer. Sockets, timing and sessions are mqtt.ts.
// Source: OASIS MQTT Version 3.1.1, chapters 2 and 3.

/** The longest body (remaining length) of an inbound packet that is kept. A longer PUBLISH is skipped and counted. */
export const INBOUND_MAX = 2048;
/** The longest PUBLISH that is skipped; a longer one is taken for an attack or a broken stream. */
export const SKIP_MAX = 1 << 20;
/** The decoder's buffer between packets that need more. */
const BUFFER_STEP = 256;

export const CONNACK = 2;
export const PUBLISH = 3;
export const SUBACK = 9;
export const PINGRESP = 13;
/** Types that a server sends and a client without QoS 1 or 2 publications has to expect, one bit each. */
const EXPECTED = (1 << CONNACK) | (1 << PUBLISH) | (1 << 4) | (1 << SUBACK) | (1 << 11) | (1 << PINGRESP);

/** A string field is UTF-8 with its length (2 bytes) before it; other parts go out as they are. */
type Part = string | ArrayLike<number>;

/** A packet: `first` is the type and flags byte; `following` bytes of it come after what is returned. Throws on a string that is not Unicode
 * or is longer than 65535 bytes. */
export function encodePacket(first: number, parts: readonly Part[], following = 0): Uint8Array {
  const fields: ArrayLike<number>[] = [];
  let length = 0;
  for (const part of parts) {
    let bytes = part as ArrayLike<number>;
    if (typeof part === "string") {
      const text = native.encodeText(part);
      // A lone surrogate encodes to bytes that no broker may accept.
      if (text.length > 0xffff || native.decodeText(text, 0, text.length) !== part)
        throw new Error("not an MQTT string");
      fields.push([text.length >> 8, text.length & 255]);
      length += 2;
      bytes = text;
    }
    fields.push(bytes);
    length += bytes.length;
  }
  const head = [first];
  for (let rest = length + following; ; ) {
    const digit = rest & 127;
    rest >>= 7;
    head.push(rest > 0 ? digit | 128 : digit);
    if (rest === 0) break;
  }
  const packet = new Uint8Array(head.length + length);
  packet.set(head);
  let at = head.length;
  for (const field of fields) {
    packet.set(field, at);
    at += field.length;
  }
  return packet;
}

/** CONNECT with a clean session and a retained last will of QoS 0. keepAliveS: 0..65535. A password asks for a user. */
export function encodeConnect(
  clientId: string,
  keepAliveS: number,
  willTopic: string,
  will: string,
  user?: string,
  password?: string,
): Uint8Array {
  const flags = 0x26 | (user === undefined ? 0 : password === undefined ? 0x80 : 0xc0);
  const parts: Part[] = ["MQTT", [4, flags, keepAliveS >> 8, keepAliveS & 255], clientId, willTopic, will];
  if (user !== undefined) parts.push(user);
  // A password is binary data, yet ours comes from a text file.
  if (user !== undefined && password !== undefined) parts.push(password);
  return encodePacket(0x10, parts);
}

/** PUBLISH with QoS 0; `following` bytes of the payload come after what is returned. Throws on a topic that is empty or holds a wildcard or NUL. */
export function encodePublish(topic: string, payload: string, retain: boolean, following = 0): Uint8Array {
  if (topic === "" || hasAny(topic, "+#\0")) throw new Error(`not a topic: ${topic}`);
  return encodePacket(retain ? 0x31 : 0x30, [topic, native.encodeText(payload)], following);
}

/** SUBSCRIBE to one topic filter with QoS 0. packetId: 1..65535. */
export function encodeSubscribe(packetId: number, filter: string): Uint8Array {
  return encodePacket(0x82, [[packetId >> 8, packetId & 255], filter, [0]]);
}

/** PUBACK, the answer to an inbound PUBLISH with QoS 1. */
export function encodePuback(packetId: number): Uint8Array {
  return encodePacket(0x40, [[packetId >> 8, packetId & 255]]);
}

export function hasAny(text: string, characters: string): boolean {
  for (let index = 0; index < characters.length; index++) {
    if (text.indexOf(characters.charAt(index)) >= 0) return true;
  }
  return false;
}

/** True if `topic` is matched by `filter` with its `+` and `#` levels (3.1.1, section 4.7). */
export function topicMatches(filter: string, topic: string): boolean {
  if (filter === topic) return true;
  if (!hasAny(filter, "+#")) return false;
  const wanted = filter.split("/");
  const levels = topic.split("/");
  // Topics of the server itself are not matched by a leading wildcard [MQTT-4.7.2-1].
  if (topic.charAt(0) === "$" && wanted[0] !== levels[0]) return false;
  for (let index = 0; index < wanted.length; index++) {
    if (wanted[index] === "#") return true;
    if (index >= levels.length || (wanted[index] !== "+" && wanted[index] !== levels[index])) return false;
  }
  return wanted.length === levels.length;
}

/**
 * Cuts a server's byte stream into packets. The owner reads bytes into `buffer` from `filled` on, adds their number to
 * `filled`, and calls `next()` until it returns 0. There is always room for at least one byte after that.
 */
export class MqttDecoder {
  buffer = new Uint8Array(BUFFER_STEP);
  filled = 0;
  /** Why next() returned -1. The stream is then of no more use. */
  error = "";
  /** PUBLISH packets skipped because they were too long, since construction. */
  skipped = 0;
  /** Of the packet that next() returned: flags, body, and where a PUBLISH's payload begins (its topic is at start + 2). */
  flags = 0;
  start = 0;
  end = 0;
  payloadStart = 0;
  /** 1..65535, or 0 without one. */
  packetId = 0;
  private skip = 0;

  /** The stream begins anew. */
  reset(): void {
    this.filled = this.end = this.skip = 0;
    this.error = "";
  }

  /** The next packet's type, 0 when more bytes are needed, -1 when the stream is broken. What the last packet's fields pointed at is gone. */
  next(): number {
    if (this.error !== "") return -1;
    const buffer = this.buffer;
    let at = this.end;
    if (this.skip > 0) {
      const step = Math.min(this.skip, this.filled - at);
      this.skip -= step;
      at += step;
    }
    let wanted = 2;
    if (at < this.filled) {
      const first = buffer[at] as number;
      const type = first >> 4;
      if ((EXPECTED & (1 << type)) === 0) return this.fail(`unexpected packet type ${type}`);
      if (type === PUBLISH ? (first & 4) !== 0 : (first & 15) !== 0) return this.fail(`bad flags ${first & 15}`);
      let length = 0;
      let shift = 0;
      let digit = 128;
      let body = at + 1;
      while (digit > 127 && body < this.filled) {
        if (shift > 21) return this.fail("bad length");
        digit = buffer[body++] as number;
        length += (digit & 127) << shift;
        shift += 7;
      }
      if (digit < 128) {
        if (type === PUBLISH && length > INBOUND_MAX) {
          if (length > SKIP_MAX) return this.fail(`packet of ${length} bytes`);
          this.skipped++;
          this.skip = length;
          this.end = body;
          return this.next();
        }
        if (type === PINGRESP ? length !== 0 : type === SUBACK ? length !== 3 : type !== PUBLISH && length !== 2) {
          return this.fail(`packet type ${type} of ${length} bytes`);
        }
        if (body + length <= this.filled) {
          this.flags = first & 15;
          this.start = body;
          this.end = body + length;
          return this.check(type);
        }
        wanted = body + length - at;
      } else wanted = this.filled - at + 1;
    }
    this.settle(at, wanted);
    return 0;
  }

  private fail(reason: string): number {
    this.error = reason;
    return -1;
  }

  /** Moves what is left to the front of a buffer that holds `wanted` bytes. */
  private settle(at: number, wanted: number): void {
    const size = Math.max(wanted, BUFFER_STEP);
    if (this.buffer.length !== size) {
      const old = this.buffer;
      this.buffer = new Uint8Array(size);
      this.buffer.set(old.subarray(at, this.filled));
    } else this.buffer.copyWithin(0, at, this.filled);
    this.filled -= at;
    this.end = 0;
  }

  /** Checks the body and finds its fields. */
  private check(type: number): number {
    const buffer = this.buffer;
    let at = this.start;
    this.packetId = 0;
    if (type === PUBLISH) {
      const topic = ((buffer[at] as number) << 8) | (buffer[at + 1] as number);
      at += 2 + topic;
      this.payloadStart = (this.flags & 2) === 0 ? at : at + 2;
      if (this.end - this.start < 2 || this.payloadStart > this.end) return this.fail("short publication");
      if (topic === 0) return this.fail("empty topic");
      if ((this.flags & 2) === 0) return type;
    } else if (type === PINGRESP || type === CONNACK) return type;
    this.packetId = ((buffer[at] as number) << 8) | (buffer[at + 1] as number);
    return this.packetId === 0 ? this.fail("packet id 0") : type;
  }
}
