// Answers of a PZEM-004T, built from the manual without the driver's code, and a meter on a virtual UART that tests set word by word.

import type { Board } from "../../tools/sim/board.ts";

export interface Values {
  volts: number;
  amps: number;
  watts: number;
  wattHours?: number;
}

/** CRC-16/Modbus by the definition: polynomial division of the reflected message, bit string by bit string. */
export function crcByDefinition(bytes: readonly number[]): number[] {
  let register = 0xffff;
  const bits = bytes.flatMap((byte) => Array.from({ length: 8 }, (_, bit) => (byte >> bit) & 1));
  for (const bit of bits) register = (register & 1) !== bit ? (register >>> 1) ^ 0xa001 : register >>> 1;
  return [register & 255, register >>> 8];
}

export function withCrc(bytes: readonly number[]): number[] {
  return [...bytes, ...crcByDefinition(bytes)];
}

export function reading({ volts, amps, watts, wattHours = 0 }: Values): number[] {
  const milliamps = Math.round(amps * 1000);
  const deciwatts = Math.round(watts * 10);
  const registers = [
    Math.round(volts * 10),
    milliamps % 65536,
    Math.floor(milliamps / 65536),
    deciwatts % 65536,
    Math.floor(deciwatts / 65536),
    wattHours % 65536,
    Math.floor(wattHours / 65536),
    500,
    100,
    0,
  ];
  return withCrc([0xf8, 4, 20, ...registers.flatMap((word) => [word >> 8, word & 255])]);
}

/** An exception answer with the given code. */
export const exception = (code: number): number[] => withCrc([0xf8, 0x84, code]);

/** A meter that answers each whole question 30 ms later with what `next` gives (undefined: silence). */
export class AnsweringMeter {
  /** When the questions came, in ms. */
  readonly askedMs: number[] = [];
  baud = 0;
  next: () => number[] | undefined = () => reading({ volts: 230, amps: 1, watts: 200 });

  constructor(
    private readonly board: Board,
    private readonly uart: number,
  ) {
    board.attachUart(uart, this);
  }

  opened(baud: number): void {
    this.baud = baud;
  }

  received(): void {
    this.askedMs.push(this.board.clock.nowUs / 1000);
    const answer = this.next();
    if (answer === undefined) return;
    this.board.clock.after(30_000, () => this.board.uartDeliver(this.uart, new Uint8Array(answer)));
  }
}
