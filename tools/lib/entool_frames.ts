// A frame of ESP-NOW as JSON and back, for people and scripts. The bytes are device/netnow_codec.ts and device/netnow3_codec.ts.

import "./entool_native.ts";
import {
  BACK,
  CONFIRM,
  DATA,
  decodeFrame,
  encodeFrame,
  type NetnowKeys,
  PAIR,
  type Packet,
  PING,
  PLAIN,
  TIME,
  WAKEUP,
} from "../../device/netnow_codec.ts";
import { BACK3, CONFIRM3, DATA3, read32, seal, unseal, WAKEUP3 } from "../../device/netnow3_codec.ts";
import { withRandom } from "./entool_native.ts";
import { UsageError } from "./errors.ts";

export const TYPES: Record<string, [type: number, subtype: number]> = {
  data: [DATA, 0],
  ping: [PING, 0],
  wakeup: [WAKEUP, 0],
  pairreq: [PAIR, 0],
  ts: [TIME, PLAIN],
  tsconfirm: [TIME, CONFIRM],
  tsback: [TIME, BACK],
};
const TYPES3: Record<string, number> = { data: DATA3, confirm: CONFIRM3, wakeup: WAKEUP3, back: BACK3 };

/** Bytes as hex; `timestamp` is decimal. What a type does not have is left out. */
export interface FrameJson {
  type: string;
  timestamp?: string;
  tid?: string;
  confirms?: string;
  payload?: string;
  /** Version 3. */
  session?: number;
  count?: number;
  origin?: string;
  from?: "central" | "peripheral";
}

/** All types of version 3. */
export const NAMES3: Record<number, string> = {
  1: "data",
  2: "confirm",
  3: "wakeup",
  4: "back",
  16: "beacon",
  17: "request",
  18: "answer",
};

/** What is known of a frame with the group's keys alone: of version 3 the type. */
export type Told = Partial<FrameJson> & { refused?: string };

export function tellFrame(keys: NetnowKeys, bytes: Uint8Array): Told {
  const two = decode2(keys, bytes);
  if (!("refused" in two)) return two;
  const three = bytes[0] === 3 ? NAMES3[bytes[1] as number] : undefined;
  return three === undefined ? two : { type: `v3 ${three}` };
}

export type Decoded = FrameJson | { refused: string };

export function hexBytes(what: string, hex: string, length?: number): Uint8Array {
  const bytes = new Uint8Array(Buffer.from(hex, "hex"));
  if (bytes.length * 2 !== hex.length || (length !== undefined && bytes.length !== length))
    throw new UsageError(`${what}: ${length === undefined ? "bytes in hex" : `${length} bytes in hex`}`);
  return bytes;
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

export function decode2(keys: NetnowKeys, frame: Uint8Array): Decoded {
  const packet = decodeFrame(keys, frame);
  return typeof packet === "string" ? { refused: packet } : packetJson(packet);
}

export function packetJson(packet: Packet): FrameJson {
  const known = Object.entries(TYPES).find(([, each]) => each[0] === packet.type && each[1] === packet.subtype);
  const type = known?.[0] ?? String(packet.type);
  return {
    type,
    ...(type === "pairreq" || type === "wakeup" ? {} : { timestamp: String(BigInt(`0x${hex(packet.time)}`)) }),
    ...(type === "pairreq" ? {} : { tid: hex(packet.tid) }),
    ...(type === "tsconfirm" ? { confirms: hex(packet.payload) } : {}),
    ...(type === "data" || type === "tsback" ? { payload: hex(packet.payload) } : {}),
  };
}

/** The packet of a JSON; a tid that is left out is random where the type has one. Throws a UsageError. */
export function jsonPacket(json: FrameJson): Packet {
  const known = TYPES[json.type];
  if (known === undefined) throw new UsageError(`type ${json.type}: one of ${Object.keys(TYPES).join(", ")}`);
  if (json.timestamp !== undefined && !/^\d{1,29}$/.test(json.timestamp))
    throw new UsageError("timestamp: a decimal number in quotes");
  const time = hexBytes(
    "timestamp",
    BigInt(json.timestamp ?? 0)
      .toString(16)
      .padStart(24, "0"),
    12,
  );
  const tid =
    json.tid !== undefined
      ? hexBytes("tid", json.tid, 12)
      : json.type === "pairreq"
        ? new Uint8Array(12)
        : native.random(12);
  const payload =
    json.type === "tsconfirm" ? hexBytes("confirms", json.confirms ?? "", 12) : hexBytes("payload", json.payload ?? "");
  return { type: known[0], subtype: known[1], time, tid, payload };
}

export function encode2(keys: NetnowKeys, json: FrameJson, iv?: Uint8Array): Uint8Array {
  const packet = jsonPacket(json);
  try {
    return withRandom(iv, () => encodeFrame(keys, packet));
  } catch {
    throw new UsageError(`a payload of ${packet.payload.length} bytes does not fit into 250 bytes`);
  }
}

/** A sealed frame of version 3; which way it went shows by trying. */
export function decode3(key: Uint8Array, frame: Uint8Array): Decoded {
  if (frame[0] !== 3) return { refused: "version" };
  if (frame.length < 26) return { refused: "short" };
  for (const from of ["peripheral", "central"] as const) {
    const plain = unseal(key, from === "central", frame);
    if (plain === undefined) continue;
    const type = Object.entries(TYPES3).find(([, each]) => each === frame[1])?.[0];
    if (type === undefined) return { refused: "type" };
    const common = { type, from, session: read32(frame, 2), count: read32(frame, 6) };
    if (type === "confirm") return { ...common, confirms: hex(plain) };
    if (type === "back") return { ...common, payload: hex(plain) };
    if (type === "wakeup") return common;
    return plain.length < 8
      ? { refused: "length" }
      : { ...common, origin: hex(plain.slice(0, 8)), payload: hex(plain.slice(8)) };
  }
  return { refused: "tag" };
}

export function encode3(key: Uint8Array, json: FrameJson): Uint8Array {
  const type = TYPES3[json.type];
  if (type === undefined) throw new UsageError(`type ${json.type}: one of ${Object.keys(TYPES3).join(", ")}`);
  const number = Buffer.alloc(8);
  for (const [at, name] of [
    [0, "session"],
    [4, "count"],
  ] as const) {
    const value = json[name];
    if (value === undefined || !Number.isInteger(value) || value < 0 || value > 0xffffffff)
      throw new UsageError(`${name}: a number from 0 to 4294967295`);
    number.writeUInt32BE(value, at);
  }
  const plain =
    json.type === "confirm"
      ? hexBytes("confirms", json.confirms ?? "", 8)
      : json.type === "data"
        ? new Uint8Array([
            ...hexBytes("origin", json.origin ?? hex(number), 8),
            ...hexBytes("payload", json.payload ?? ""),
          ])
        : hexBytes("payload", json.payload ?? "");
  const frame = seal(key, json.type === "confirm" || json.type === "back", type, new Uint8Array(number), plain);
  if (frame.length > 250) throw new UsageError(`a payload of ${plain.length} bytes does not fit into 250 bytes`);
  return frame;
}
