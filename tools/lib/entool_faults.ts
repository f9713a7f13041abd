// What can be wrong with a frame: an otherwise good one of either version is spoiled in one way. Pure but for random numbers; who sends
// it is entool_role.ts.

import {
  decodeFrame,
  encodeFrame,
  encodePlain,
  framePlain,
  type NetnowKeys,
  timePlus,
} from "../../device/netnow_codec.ts";
import { BEACON3, read32, seal, unseal } from "../../device/netnow3_codec.ts";
import { UsageError } from "./errors.ts";

export const FAULTS = ["hmac", "version", "group", "replay", "past", "future", "short", "type"] as const;
export type Fault = (typeof FAULTS)[number];

/** Beyond every tolerance of a receiver. */
const FAR_MS = 60_000;
const UNKNOWN = 9;
const SHORT_BYTES = 20;
/** version(1) type(1) session(4) count(4) */
const NUMBER_AT = 2;
const HEAD3 = 10;
const TAG3 = 16;

/** A frame of version 2. `replay` is said twice by the sender, so it stays as it is. */
export function spoil2(keys: NetnowKeys, frame: Uint8Array, fault: Fault): Uint8Array {
  if (fault === "replay") return frame;
  if (fault === "short") return frame.slice(0, SHORT_BYTES);
  if (fault === "hmac") return flipped(frame);
  const packet = decodeFrame(keys, frame);
  if (typeof packet === "string") throw new Error(`not a frame of version 2: ${packet}`);
  if (fault === "past" || fault === "future") {
    const time = timePlus(packet.time, fault === "past" ? -FAR_MS : FAR_MS);
    return encodeFrame(keys, { ...packet, time });
  }
  if (fault === "group") return encodeFrame({ ...keys, group: new Uint8Array(8).fill(0xff) }, packet);
  const plain = encodePlain(keys, packet);
  plain[fault === "version" ? 0 : 1] = UNKNOWN;
  return framePlain(keys, plain);
}

/** Throws a UsageError for a fault that frames of version 3 cannot have. */
export function checkFault3(pairing: boolean, fault: Fault): void {
  if (fault === "future")
    throw new UsageError("--fault future: version 3 has no times, and a larger number is what comes next");
  if (pairing && fault === "past")
    throw new UsageError("--fault past: frames of pairing have neither time nor number; use replay");
}

/** A frame of version 3; `key` is that of its pair, which frames of pairing do not have. Throws a UsageError for what makes no sense. */
export function spoil3(key: Uint8Array | undefined, fromCentral: boolean, frame: Uint8Array, fault: Fault): Uint8Array {
  if (fault === "replay") return frame;
  if (fault === "short") return frame.slice(0, SHORT_BYTES);
  if (fault === "hmac") return flipped(frame);
  const bytes = frame.slice();
  if (fault === "version") {
    bytes[0] = UNKNOWN;
    return bytes;
  }
  if (fault === "group") {
    // What a stranger to the group seals carries a tag that is as good as any.
    bytes.set(native.random(TAG3), bytes.length - TAG3);
    return bytes;
  }
  const pairing = (frame[1] as number) >= BEACON3;
  checkFault3(pairing, fault);
  const plain = pairing || key === undefined ? undefined : unseal(key, fromCentral, frame);
  if (plain === undefined) {
    bytes[1] = UNKNOWN;
    return bytes;
  }
  if (fault === "type") return seal(key as Uint8Array, fromCentral, UNKNOWN, frame.slice(NUMBER_AT, HEAD3), plain);
  return seal(key as Uint8Array, fromCentral, frame[1] as number, numberBefore(frame), plain);
}

/** That of the frame before it. */
function numberBefore(frame: Uint8Array): Uint8Array {
  const session = read32(frame, NUMBER_AT);
  const count = read32(frame, NUMBER_AT + 4);
  const number = Buffer.alloc(8);
  number.writeUInt32BE(count > 0 ? session : Math.max(0, session - 1), 0);
  number.writeUInt32BE(count > 0 ? count - 1 : 0xffffffff, 4);
  return new Uint8Array(number);
}

function flipped(frame: Uint8Array): Uint8Array {
  const bytes = frame.slice();
  bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) ^ 1;
  return bytes;
}
