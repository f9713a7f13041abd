// The messages of the board socket (docs/BOARD.md) as values: pure encoding and decoding, nothing about what they mean.

import { macBytes, macText } from "./air.ts";
import type { Level } from "./edge_cutter.ts";
import type { Bit } from "./one_wire_bus.ts";

/** All ones: the device has no deadline. */
export const NEVER_US = Number.POSITIVE_INFINITY;
const ALL_ONES = 0xffff_ffff_ffff_ffffn;

/** Bytes on the engine's heap. */
export interface HeapFigures {
  live: number;
  /** The most since boot. */
  peak: number;
  /** Live, with what the chips' allocator adds. */
  gross: number;
  /** The largest block asked for since boot. */
  largest: number;
}

export type FromDevice =
  | { kind: "hello"; reset: number; version: string }
  | { kind: "idle"; untilUs: number }
  | { kind: "pin mode"; pin: number; mode: number; level: number }
  | { kind: "pin level"; pin: number; level: number }
  | { kind: "uart open"; uart: number; tx: number; rx: number; baud: number }
  | { kind: "uart bytes"; uart: number; bytes: Uint8Array }
  | { kind: "uart close"; uart: number }
  | { kind: "i2c open"; bus: number; sda: number; scl: number; hz: number }
  | { kind: "i2c transfer"; bus: number; address: number; readLength: number; written: Uint8Array }
  | { kind: "watchdog"; deadlineUs: number }
  | { kind: "net off" }
  | { kind: "net on"; net: number }
  | { kind: "net connect"; ssid: string; password: string }
  | { kind: "log"; line: string }
  | { kind: "restart" }
  | { kind: "deep sleep"; us: number }
  | { kind: "cpu"; mhz: number }
  | { kind: "pin read"; pin: number }
  | { kind: "flash"; operation: number; count: number }
  | ({ kind: "heap" } & HeapFigures)
  | { kind: "onewire reset"; pin: number }
  | { kind: "onewire write"; pin: number; bytes: Uint8Array }
  | { kind: "onewire read"; pin: number; length: number }
  | { kind: "onewire triplet"; pin: number; direction: Bit }
  | { kind: "hx711"; dataPin: number; clockPin: number; pulses: number }
  | { kind: "pulse counter"; pin: number; on: boolean }
  | { kind: "edges open"; pin: number; filterUs: number; idleUs: number }
  | { kind: "edges close"; pin: number }
  | { kind: "shift"; latchPin: number; clockPin: number; inPin: number; outPin: number; bits: number; value: number }
  | { kind: "radio"; channel: number; longRange: boolean; mac: string }
  | { kind: "espnow send"; sequence: number; to: string; frame: Uint8Array }
  | { kind: "bad"; type: number; length: number };

export type FromBoard =
  | { kind: "time"; nowUs: number }
  | { kind: "pin level"; pin: number; level: number }
  | { kind: "uart bytes"; uart: number; bytes: Uint8Array }
  | { kind: "net"; state: number; ip: string; rssi: number; channel: number }
  | { kind: "i2c answer"; error: number; bytes: Uint8Array }
  | { kind: "pin answer"; level: number }
  | { kind: "onewire answer"; error: number; bytes: Uint8Array }
  /** Undefined: the part is not ready. */
  | { kind: "hx711 answer"; bits: number | undefined }
  | { kind: "pulses"; pin: number; count: number; widthNs: number }
  | { kind: "edges"; pin: number; levels: readonly Level[] }
  | { kind: "shift answer"; inputs: number }
  | { kind: "espnow frame"; channel: number; rssi: number; from: string; frame: Uint8Array }
  | { kind: "espnow sent"; sequence: number; acknowledged: boolean };

/** Encodes one message to a device, its length included. */
export function encodeFromBoard(message: FromBoard): Uint8Array {
  switch (message.kind) {
    case "time": {
      const body = Buffer.alloc(8);
      body.writeBigUInt64LE(BigInt(message.nowUs));
      return frame(64, body);
    }
    case "pin level":
      return frame(65, [message.pin, message.level]);
    case "uart bytes":
      return frame(66, [message.uart, ...message.bytes]);
    case "net":
      return frame(68, [message.state, ...message.ip.split(".").map(Number), message.rssi & 0xff, message.channel]);
    case "i2c answer":
      return frame(72, [message.error & 0xff, ...message.bytes]);
    case "pin answer":
      return frame(74, [message.level]);
    case "onewire answer":
      return frame(80, [message.error & 0xff, ...message.bytes]);
    case "hx711 answer":
      return frame(81, [message.bits === undefined ? 0 : 1, ...u32(message.bits ?? 0)]);
    case "pulses":
      return frame(82, [message.pin, ...u32(message.count), ...u32(message.widthNs)]);
    case "edges": {
      const words = message.levels.flatMap(([level, us]) => u32((level << 31) | Math.min(us, 0x7fff_ffff)));
      return frame(83, [message.pin, ...words]);
    }
    case "shift answer":
      return frame(84, u32(message.inputs));
    case "espnow frame":
      return frame(85, [message.channel, message.rssi & 0xff, ...macBytes(message.from), ...message.frame]);
    case "espnow sent":
      return frame(86, [message.sequence, message.acknowledged ? 1 : 0]);
  }
}

function u32(value: number): number[] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
}

function frame(type: number, body: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(3 + body.length);
  bytes[0] = (1 + body.length) & 0xff;
  bytes[1] = (1 + body.length) >> 8;
  bytes[2] = type;
  bytes.set(body, 3);
  return bytes;
}

/** Puts the pieces of a stream together; a message that makes no sense comes out as `bad`, and the stream goes on. */
export class BoardDecoder {
  #rest: Uint8Array = new Uint8Array(0);

  push(piece: Uint8Array): FromDevice[] {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    const messages: FromDevice[] = [];
    let at = 0;
    while (bytes.length - at >= 2) {
      const length = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
      if (bytes.length - at - 2 < length) break;
      messages.push(decode(bytes.slice(at + 2, at + 2 + length)));
      at += 2 + length;
    }
    this.#rest = bytes.slice(at);
    return messages;
  }
}

function decode(message: Uint8Array): FromDevice {
  const type = message[0] ?? -1;
  const body = Buffer.from(message.subarray(1));
  const bad: FromDevice = { kind: "bad", type, length: message.length };
  // By type: the length that a body has at least, or exactly.
  const exact: Record<number, number> = {
    2: 8,
    3: 3,
    4: 2,
    5: 7,
    7: 7,
    9: 8,
    13: 2,
    14: 1,
    15: 5,
    16: 1,
    24: 16,
    25: 3,
    26: 2,
    28: 9,
    29: 8,
  };
  const least: Record<number, number> = { 1: 1, 6: 1, 8: 4, 10: 1, 11: 0, 12: 1, 27: 2, 30: 8, 31: 2 };
  const want = exact[type];
  if (want === undefined ? body.length < (least[type] ?? Number.POSITIVE_INFINITY) : body.length !== want) return bad;
  const [a = 0, b = 0, c = 0] = body;
  switch (type) {
    case 1:
      return { kind: "hello", reset: a, version: body.toString("utf8", 1) };
    case 2:
      return { kind: "idle", untilUs: u64(body, 0) };
    case 3:
      return { kind: "pin mode", pin: a, mode: b, level: c };
    case 4:
      return { kind: "pin level", pin: a, level: b };
    case 5:
      return { kind: "uart open", uart: a, tx: b, rx: c, baud: body.readUInt32LE(3) };
    case 6:
      return { kind: "uart bytes", uart: a, bytes: new Uint8Array(body.subarray(1)) };
    case 7:
      return { kind: "i2c open", bus: a, sda: b, scl: c, hz: body.readUInt32LE(3) };
    case 8:
      return {
        kind: "i2c transfer",
        bus: a,
        address: b,
        readLength: body.readUInt16LE(2),
        written: new Uint8Array(body.subarray(4)),
      };
    case 9:
      return { kind: "watchdog", deadlineUs: u64(body, 0) };
    case 10:
      return decodeNet(body) ?? bad;
    case 11:
      return { kind: "log", line: body.toString() };
    case 12:
      if (a === 1 && body.length === 1) return { kind: "restart" };
      return a === 4 && body.length === 9 ? { kind: "deep sleep", us: u64(body, 1) } : bad;
    case 13:
      return { kind: "cpu", mhz: body.readUInt16LE(0) };
    case 14:
      return { kind: "pin read", pin: a };
    case 15:
      return { kind: "flash", operation: a, count: body.readUInt32LE(1) };
    case 16:
      return { kind: "uart close", uart: a };
    case 24: {
      const [live = 0, peak = 0, gross = 0, largest = 0] = [0, 4, 8, 12].map((at) => body.readUInt32LE(at));
      return { kind: "heap", live, peak, gross, largest };
    }
    case 25:
      return { kind: "hx711", dataPin: a, clockPin: b, pulses: c };
    case 26:
      return { kind: "pulse counter", pin: a, on: b !== 0 };
    case 27:
      if (b === 0 && body.length === 2) return { kind: "edges close", pin: a };
      if (b !== 1 || body.length !== 10) return bad;
      return { kind: "edges open", pin: a, filterUs: body.readUInt32LE(2), idleUs: body.readUInt32LE(6) };
    case 28: {
      const [latchPin, clockPin, inPin, outPin, bits] = [a, b, c, body[3] ?? 0, body[4] ?? 0];
      return { kind: "shift", latchPin, clockPin, inPin, outPin, bits, value: body.readUInt32LE(5) };
    }
    case 29:
      return { kind: "radio", channel: a, longRange: b !== 0, mac: macText(body.subarray(2)) };
    case 30:
      return {
        kind: "espnow send",
        sequence: a,
        to: macText(body.subarray(1)),
        frame: new Uint8Array(body.subarray(7)),
      };
    default:
      return decodeOneWire(body) ?? bad;
  }
}

function decodeNet(body: Buffer): FromDevice | undefined {
  const [kind, value = 0] = body;
  if (kind === 0 && body.length === 1) return { kind: "net off" };
  if (kind === 1 && body.length === 2) return { kind: "net on", net: value };
  if (kind !== 2 || body.length < 2 + value) return undefined;
  return { kind: "net connect", ssid: body.toString("utf8", 2, 2 + value), password: body.toString("utf8", 2 + value) };
}

function decodeOneWire(body: Buffer): FromDevice | undefined {
  const [pin = 0, operation, argument = 0] = body;
  if (operation === 0 && body.length === 2) return { kind: "onewire reset", pin };
  if (operation === 1) return { kind: "onewire write", pin, bytes: new Uint8Array(body.subarray(2)) };
  if (operation === 2 && body.length === 3) return { kind: "onewire read", pin, length: argument };
  if (operation === 3 && body.length === 3) return { kind: "onewire triplet", pin, direction: argument === 0 ? 0 : 1 };
  return undefined;
}

function u64(body: Buffer, at: number): number {
  const value = body.readBigUInt64LE(at);
  return value === ALL_ONES ? NEVER_US : Number(value);
}
