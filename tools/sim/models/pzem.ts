// A PZEM-004T v3.0 energy meter on a UART, after the maker's public datasheet (PZEM-004T V3.0 user manual): Modbus-RTU, 9600 8N1,
// functions 0x03, 0x04, 0x06 and 0x42, errors as exception answers. It knows nothing about the driver that talks to it.

import type { Board, UartModel } from "../board.ts";
import type { Timer } from "../clock.ts";

/** Answered by a meter whatever its own address is (single-meter wiring only). */
export const GENERAL_ADDRESS = 0xf8;
/** Modbus broadcast: carried out, never answered. */
const BROADCAST_ADDRESS = 0x00;
const READ_HOLDING = 0x03;
const READ_INPUT = 0x04;
const WRITE_SINGLE = 0x06;
const RESET_ENERGY = 0x42;
const ILLEGAL_FUNCTION = 0x01;
const ILLEGAL_ADDRESS = 0x02;
const ILLEGAL_DATA = 0x03;
/** The module's own processing time before it answers. */
const THINK_US = 30_000;
/** Frames are parted by 3.5 characters of silence. */
const GAP_CHARACTERS = 3.5;
const REQUEST_MAX = 64;

/** silence: no answer. crc: wrong check sum. length: a byte too few in a frame with a good check sum. exception: error answer
 * "slave error" (4). noise: junk before the answer. half: the answer stops in the middle. */
export type PzemFault = "none" | "silence" | "crc" | "length" | "exception" | "noise" | "half";
export const PZEM_FAULTS: readonly PzemFault[] = ["none", "silence", "crc", "length", "exception", "noise", "half"];

export class PzemModel implements UartModel {
  volts = 230;
  amps = 1;
  /** Active power = volts x amps x powerFactor unless `watts` is set. */
  powerFactor = 0.95;
  watts: number | undefined;
  /** Watt-hours. */
  energyWh = 0;
  hertz = 50;
  /** The meter's own address, 1..247. */
  address = 1;
  /** Power alarm threshold in watts. */
  alarmWatts = 23000;
  fault: PzemFault = "none";
  /** Requests that were well formed and for this meter. */
  requests = 0;
  readonly #board: Board;
  readonly #uart: number;
  #characterUs = (10 / 9600) * 1e6;
  #received: number[] = [];
  #silence: Timer | undefined;

  constructor(board: Board, uart: number) {
    this.#board = board;
    this.#uart = uart;
    board.attachUart(uart, this);
  }

  /** Active power in watts as the meter reports it. */
  get activeWatts(): number {
    return this.watts ?? this.volts * this.amps * this.powerFactor;
  }

  opened(baud: number): void {
    // The module only speaks 9600 baud; at another speed both ends see junk, which is the same as silence.
    this.#characterUs = baud === 9600 ? (10 / 9600) * 1e6 : 0;
    this.#received = [];
  }

  received(bytes: Uint8Array): void {
    if (this.#characterUs === 0) return;
    this.#received.push(...bytes);
    if (this.#received.length > REQUEST_MAX) this.#received.splice(0, this.#received.length - REQUEST_MAX);
    if (this.#silence !== undefined) this.#silence.cancelled = true;
    const wireUs = bytes.length * this.#characterUs + GAP_CHARACTERS * this.#characterUs;
    this.#silence = this.#board.clock.after(Math.ceil(wireUs), () => {
      const request = Uint8Array.from(this.#received);
      this.#received = [];
      this.#handle(request);
    });
  }

  #handle(request: Uint8Array): void {
    const answer = this.answerTo(request);
    if (answer === undefined || this.fault === "silence") return;
    const sent = this.#spoil(answer);
    this.#board.clock.after(THINK_US + Math.ceil(sent.length * this.#characterUs), () =>
      this.#board.uartDeliver(this.#uart, sent),
    );
  }

  /** The answer to a frame; undefined when the meter does not answer (bad check sum, not its address, broadcast). */
  answerTo(request: Uint8Array): Uint8Array | undefined {
    if (request.length < 4) return undefined;
    const body = request.subarray(0, -2);
    if (modbusCrc(body) !== ((request.at(-2) ?? 0) | ((request.at(-1) ?? 0) << 8))) return undefined;
    const [to = 0, code = 0] = request;
    if (to !== this.address && to !== GENERAL_ADDRESS && to !== BROADCAST_ADDRESS) return undefined;
    this.requests++;
    const result = this.fault === "exception" ? 4 : this.#carryOut(code, body);
    if (to === BROADCAST_ADDRESS) return undefined;
    if (typeof result === "number") return withCrc([to, code | 0x80, result]);
    return withCrc([to, code, ...result]);
  }

  /** What follows address and function code, or the number of an exception. */
  #carryOut(code: number, body: Uint8Array): number[] | number {
    const word = (at: number) => ((body[at] ?? 0) << 8) | (body[at + 1] ?? 0);
    if (code === RESET_ENERGY) {
      if (body.length !== 2) return ILLEGAL_DATA;
      this.energyWh = 0;
      return [];
    }
    if (code !== READ_HOLDING && code !== READ_INPUT && code !== WRITE_SINGLE) return ILLEGAL_FUNCTION;
    if (body.length !== 6) return ILLEGAL_DATA;
    if (code === WRITE_SINGLE) {
      if (word(2) === 1) this.alarmWatts = word(4);
      else if (word(2) !== 2) return ILLEGAL_ADDRESS;
      else if (word(4) < 1 || word(4) > 0xf7) return ILLEGAL_DATA;
      else this.address = word(4);
      return [...body.subarray(2)];
    }
    const registers = code === READ_INPUT ? this.#inputRegisters() : [0, this.alarmWatts, this.address];
    const first = word(2);
    const count = word(4);
    if (count < 1 || first + count > registers.length) return ILLEGAL_ADDRESS;
    if (code === READ_HOLDING && first < 1) return ILLEGAL_ADDRESS;
    return [count * 2, ...registers.slice(first, first + count).flatMap((each) => [each >> 8, each & 0xff])];
  }

  /** 0 voltage 0.1 V; 1, 2 current 0.001 A; 3, 4 power 0.1 W; 5, 6 energy 1 Wh; 7 frequency 0.1 Hz; 8 power factor 0.01; 9 alarm.
   * Of the 32-bit values the low 16 bits come first. */
  #inputRegisters(): number[] {
    const low = (value: number) => value & 0xffff;
    const high = (value: number) => Math.floor(value / 65536) & 0xffff;
    const current = Math.round(this.amps * 1000);
    const power = Math.round(this.activeWatts * 10);
    const energy = Math.floor(this.energyWh);
    const apparent = this.volts * this.amps;
    const factor = apparent > 0 ? Math.min(1, this.activeWatts / apparent) : 0;
    return [
      Math.round(this.volts * 10),
      low(current),
      high(current),
      low(power),
      high(power),
      low(energy),
      high(energy),
      Math.round(this.hertz * 10),
      Math.round(factor * 100),
      this.activeWatts > this.alarmWatts ? 0xffff : 0,
    ];
  }

  #spoil(answer: Uint8Array): Uint8Array {
    switch (this.fault) {
      case "crc": {
        const wrong = answer.slice();
        wrong[wrong.length - 1] = (wrong.at(-1) ?? 0) ^ 0xff;
        return wrong;
      }
      case "length":
        return withCrc([...answer.subarray(0, -3)]);
      case "noise":
        return Uint8Array.from([0x55, 0x00, 0xff, ...answer]);
      case "half":
        return answer.slice(0, answer.length >> 1);
      default:
        return answer;
    }
  }
}

/** CRC-16 of Modbus: polynomial 0xA001 (reflected), start 0xFFFF. */
export function modbusCrc(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (let at = 0; at < bytes.length; at++) {
    crc ^= bytes[at] as number;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  }
  return crc;
}

/** The frame with its CRC, low byte first. */
export function withCrc(body: number[]): Uint8Array {
  const frame = new Uint8Array(body.length + 2);
  frame.set(body);
  const crc = modbusCrc(frame.subarray(0, body.length));
  frame[body.length] = crc & 0xff;
  frame[body.length + 1] = crc >> 8;
  return frame;
}
