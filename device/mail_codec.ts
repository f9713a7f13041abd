// Updates over ESP-NOW as bytes: the mail that a tool leaves at a central, and the messages between central and peripheral. Pure but for
// native's HMAC. Who says what when is mailbox.ts and mail_taker.ts. Source: docs/WIRE.md, chapter "Mail".

import { DATA_MAX, same } from "./netnow_codec.ts";

/** Bytes of a block; one message carries one. */
export const BLOCK_BYTES = 128;
/** What stands in front of the content, in whole blocks. */
export const HEAD_BYTES = 384;
export const PUT_MAX = 326;
export const NUMBER_BYTES = 6;
export const MAC_BYTES = 6;
/** Blocks that are asked for at once: a bit each in a bitmap of 32. */
export const WINDOW_BLOCKS = 32;
const TAG_BYTES = 32;
const TO_AT = 8;
const NUMBER_AT = 14;
const SIZE_AT = 20;
const PUT_LENGTH_AT = 24;
const PUT_AT = 26;

/** The first byte of every message; a topic never begins with it. */
export const MAIL = 0;
export const REPORT = 1;
export const WANT = 2;
/** A part of the recorded exception. */
export const TEXT = 3;
/** The counters of this boot, as text. */
export const STATS = 4;
export const OFFER = 0x81;
export const BLOCK = 0x82;
/** The central has a part of the exception. */
export const TOOK = 0x83;

/** The first byte of a put request that is none of the link's: everything on trial is to be permanent. */
export const KEEP = 0x20;

export const STATS_TEXT_AT = 2;

/** NVS. */
export const SPACE = "mail";
/** `00 03 id(4) part(1) parts(1)`, then the text. */
export const TEXT_AT = 8;
export const TEXT_BYTES = 128;
export const TEXT_PARTS_MAX = 16;

/** What has become of the mail with the number that a report names. */
export const MAIL_NONE = 0;
export const MAIL_TAKING = 1;
/** Its content is or was in force. */
export const MAIL_TRIED = 2;
export const MAIL_REFUSED = 3;
export const REPORT_TEXT_AT = 57;
/** Of a report's HMAC. */
export const REPORT_TAG_BYTES = 16;
/** A payload has at most 173 bytes. */
export const REPORT_TEXT_MAX = 100;

/** The key for mail and reports, of the device's `otakey`: what it also does for Noise must not meet here. */
export function mailKey(otakey: Uint8Array): Uint8Array {
  return native.hmacSha256(otakey, native.encodeText("hearth-mail-1"));
}

export interface MailHead {
  number: number;
  /** Of the content. */
  size: number;
  /** Type and body of the link protocol's put request. */
  put: Uint8Array;
}

/** The head of a mail, or why it is none for the device with this key and this MAC. */
export function openHead(key: Uint8Array, mac: Uint8Array, head: Uint8Array): MailHead | string {
  const end = HEAD_BYTES - TAG_BYTES;
  if (head.length !== HEAD_BYTES || !same(native.hmacSha256(key, head.subarray(0, end)), head.subarray(end)))
    return "not made with this device's otakey";
  if (native.decodeText(head, 0, TO_AT) !== "HEARTHM1") return "unknown kind of mail";
  if (!same(head.subarray(TO_AT, NUMBER_AT), mac)) return "mail for another device";
  const length = (head[PUT_LENGTH_AT]! << 8) | head[PUT_LENGTH_AT + 1]!;
  if (length < 1 || length > PUT_MAX) return "unknown kind of mail";
  return {
    number: readNumber(head, NUMBER_AT),
    size: readUint(head, SIZE_AT, 4),
    put: head.slice(PUT_AT, PUT_AT + length),
  };
}

/** The number in a file's first bytes; undefined when it is no mail. */
export function mailNumber(start: Uint8Array): number | undefined {
  return start.length >= SIZE_AT && native.decodeText(start, 0, TO_AT) === "HEARTHM1"
    ? readNumber(start, NUMBER_AT)
    : undefined;
}

/** A message of the central: kind, addressee, number; `more` bytes are left free behind that. */
export function message(kind: number, to: Uint8Array, number: number, more: number): Uint8Array {
  const bytes = new Uint8Array(2 + MAC_BYTES + NUMBER_BYTES + more);
  bytes[1] = kind;
  bytes.set(to, 2);
  writeUint(bytes, 2 + MAC_BYTES, NUMBER_BYTES, number);
  return bytes;
}

/** `00 02 number(6) first(2) missing(4)`: please send block `first` + i for every bit i that is set. */
export function encodeWant(number: number, first: number, missing: number): Uint8Array {
  const bytes = new Uint8Array(14);
  bytes[1] = WANT;
  writeUint(bytes, 2, NUMBER_BYTES, number);
  writeUint(bytes, 8, 2, first);
  writeUint(bytes, 10, 4, missing >>> 0);
  return bytes;
}

/** `00 04 text`; what is too long for a payload is cut. */
export function encodeStats(text: string): Uint8Array {
  const told = native.encodeText(text).subarray(0, DATA_MAX - STATS_TEXT_AT);
  const bytes = new Uint8Array(STATS_TEXT_AT + told.length);
  bytes[1] = STATS;
  bytes.set(told, STATS_TEXT_AT);
  return bytes;
}

export function readNumber(bytes: Uint8Array, at: number): number {
  return readUint(bytes, at, NUMBER_BYTES);
}

/** Big-endian; at most 6 bytes. */
export function readUint(bytes: Uint8Array, at: number, length: number): number {
  let value = 0;
  for (let index = 0; index < length; index++) value = value * 256 + bytes[at + index]!;
  return value;
}

export function writeUint(bytes: Uint8Array, at: number, length: number, value: number): void {
  let rest = value;
  for (let index = length - 1; index >= 0; index--) {
    bytes[at + index] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}
