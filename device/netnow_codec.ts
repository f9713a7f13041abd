// Version 2 of the ESP-NOW application protocol as bytes: frames to packets and back. Pure but for native's ciphers and random
// numbers; who may say what when is netnow_central.ts and netnow_peripheral.ts. Source: docs/WIRE.md, chapter ESP-NOW.

import { ConfigError } from "./config.ts";

export const DATA = 1;
export const TIME = 2;
export const PING = 3;
export const PAIR = 4;
export const WAKEUP = 5;

/** Subtypes of TIME. */
export const PLAIN = 0;
export const CONFIRM = 1;
export const BACK = 2;

/** Bytes of a timestamp (big-endian count of milliseconds) and of a tid. */
export const ID_LENGTH = 12;
/** The longest payload of DATA: 250 bytes on the air are 208 of cipher text, one of them the length. */
export const DATA_MAX = 207 - 10 - 2 * ID_LENGTH;
export const BACK_MAX = DATA_MAX - 1;

const VERSION = 2;
const IV_LENGTH = 16;
const MAC_LENGTH = 12;
const KEY_LENGTH = 32;
const GROUP_AT = 2;
const BODY_AT = 10;
const FRAME_MIN = IV_LENGTH + 16 + MAC_LENGTH;
export const FRAME_MAX = 250;

export interface NetnowKeys {
  /** 32 bytes. */
  key: Uint8Array;
  /** 8 bytes. */
  group: Uint8Array;
}

export interface Packet {
  type: number;
  /** Of TIME: PLAIN, CONFIRM or BACK; else 0. */
  subtype: number;
  /** 12 bytes; zero where the type has none. */
  time: Uint8Array;
  /** 12 bytes. */
  tid: Uint8Array;
  /** The payload of DATA and BACK, the confirmed tid of CONFIRM, else empty. */
  payload: Uint8Array;
}

/** Why a frame is refused, in the order in which it is looked at. */
export type NetnowFault = "short" | "hmac" | "length" | "version" | "group" | "type";

/** The token `espnowversion`: "2", "3" or "auto". Throws a ConfigError. */
export function versionOf(token: string | undefined): string {
  if (token === undefined || token === "2" || token === "3" || token === "auto") return token ?? "auto";
  throw new ConfigError("espnowversion must be 2, 3 or auto");
}

/** Keys of the configuration's `espnowpsk` and `espnowgroup`. */
export function netnowKeys(psk: string, group: string): NetnowKeys {
  const text = native.encodeText(psk);
  let key = text;
  if (text.length > KEY_LENGTH) key = native.sha256(text);
  else {
    key = new Uint8Array(KEY_LENGTH);
    key.set(text);
  }
  return { key, group: native.sha256(native.encodeText(group)).slice(0, 8) };
}

/** The frame of a packet, with a fresh IV. Throws when it is longer than the air takes. */
export function encodeFrame(keys: NetnowKeys, packet: Packet): Uint8Array {
  return framePlain(keys, encodePlain(keys, packet));
}

/** The frame of a plain text, whatever is in it. */
export function framePlain(keys: NetnowKeys, plain: Uint8Array): Uint8Array {
  const block = new Uint8Array((plain.length + 16) & ~15); // length byte, plain text, zeros
  if (IV_LENGTH + block.length + MAC_LENGTH > FRAME_MAX) throw new Error(`plain text of ${plain.length} bytes`);
  block[0] = plain.length;
  block.set(plain, 1);
  const iv = native.random(IV_LENGTH);
  const frame = new Uint8Array(IV_LENGTH + block.length + MAC_LENGTH);
  frame.set(iv);
  frame.set(native.aesCbc(true, keys.key, iv, block), IV_LENGTH);
  const end = frame.length - MAC_LENGTH;
  frame.set(mac(keys.key, frame.subarray(0, end)), end);
  return frame;
}

export function encodePlain(keys: NetnowKeys, packet: Packet): Uint8Array {
  const isTime = packet.type === TIME;
  const plain = new Uint8Array(BODY_AT + (isTime ? 1 : 0) + 2 * ID_LENGTH + packet.payload.length);
  plain[0] = VERSION;
  plain[1] = packet.type;
  plain.set(keys.group, GROUP_AT);
  let at = BODY_AT;
  if (isTime) plain[at++] = packet.subtype;
  plain.set(isTime ? packet.tid : packet.time, at);
  plain.set(isTime ? packet.time : packet.tid, at + ID_LENGTH);
  plain.set(packet.payload, at + 2 * ID_LENGTH);
  return plain;
}

/** The packet of a frame, or why there is none. */
export function decodeFrame(keys: NetnowKeys, frame: Uint8Array): Packet | NetnowFault {
  const end = frame.length - MAC_LENGTH;
  if (frame.length < FRAME_MIN || frame.length > FRAME_MAX || (end - IV_LENGTH) % 16 !== 0) return "short";
  if (!same(frame.subarray(end), mac(keys.key, frame.subarray(0, end)))) return "hmac";
  const block = native.aesCbc(false, keys.key, frame.subarray(0, IV_LENGTH), frame.subarray(IV_LENGTH, end));
  const length = block[0] as number;
  if (length < BODY_AT + 2 * ID_LENGTH || length >= block.length) return "length";
  return decodePlain(keys, block.subarray(1, 1 + length));
}

function decodePlain(keys: NetnowKeys, plain: Uint8Array): Packet | NetnowFault {
  if (plain[0] !== VERSION) return "version";
  if (!same(plain.subarray(GROUP_AT, BODY_AT), keys.group)) return "group";
  const type = plain[1] as number;
  const isTime = type === TIME;
  const subtype = isTime ? (plain[BODY_AT] as number) : 0;
  if (type < DATA || type > WAKEUP || subtype > BACK) return "type";
  const first = BODY_AT + (isTime ? 1 : 0);
  const second = first + ID_LENGTH;
  const end = second + ID_LENGTH;
  if (plain.length < end || (subtype === CONFIRM && plain.length < end + ID_LENGTH)) return "length";
  const ids = [plain.slice(first, second), plain.slice(second, end)] as [Uint8Array, Uint8Array];
  return {
    type,
    subtype,
    time: ids[isTime ? 1 : 0],
    tid: ids[isTime ? 0 : 1],
    payload: subtype === CONFIRM ? plain.slice(end, end + ID_LENGTH) : plain.slice(end),
  };
}

/** The fleet's own MAC: HMAC-SHA256's construction with pads of 32 bytes instead of RFC 2104's 64; the first 12 bytes. */
function mac(key: Uint8Array, bytes: Uint8Array): Uint8Array {
  return native.sha256(padded(key, 0x5c, native.sha256(padded(key, 0x36, bytes)))).subarray(0, MAC_LENGTH);
}

function padded(key: Uint8Array, pad: number, bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(KEY_LENGTH + bytes.length);
  for (let index = 0; index < KEY_LENGTH; index++) out[index] = (key[index] as number) ^ pad;
  out.set(bytes, KEY_LENGTH);
  return out;
}

/** Takes the same time wherever the first difference is. */
export function same(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let index = 0; index < a.length; index++) difference |= (a[index] as number) ^ (b[index] as number);
  return difference === 0;
}

/** `time` plus `ms` (a whole number, either sign), modulo 2^96. */
export function timePlus(time: Uint8Array, ms: number): Uint8Array {
  const sum = time.slice();
  let carry = ms;
  for (let index = ID_LENGTH - 1; index >= 0 && carry !== 0; index--) {
    const digit = (sum[index] as number) + carry;
    carry = Math.floor(digit / 256);
    sum[index] = digit - carry * 256;
  }
  return sum;
}

/** `a` minus `b` in ms; exact while it is below 2^53 either way. */
export function timeMinus(a: Uint8Array, b: Uint8Array): number {
  let difference = 0;
  // From the top, so that what is borrowed from one byte is given back in the next before anything can be rounded.
  for (let index = 0; index < ID_LENGTH; index++)
    difference = difference * 256 + (a[index] as number) - (b[index] as number);
  return difference;
}
