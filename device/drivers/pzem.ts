// The PZEM-004T v3 mains meter on a UART: its Modbus RTU frames, and one question and answer at a time. When to ask, and what silence
// means, is the profile's. Source: the meter's public user manual, sections 2.1..2.4 (registers, frames, CRC).

const BAUD = 9600;
/** The address that every meter on a line of its own answers to. */
const ADDRESS = 0xf8;
const READ_INPUT = 0x04;
const REGISTERS = 10;
/** Address, function, byte count, registers, CRC. */
const ANSWER_LENGTH = 3 + 2 * REGISTERS + 2;
/** Address, function with its top bit set, exception code, CRC. */
const EXCEPTION_LENGTH = 5;
/** Bytes kept while looking for an answer; of more the oldest go. */
const BUFFER_LENGTH = 64;

/** What one answer says. */
export interface PzemReading {
  /** V, 0.1 V steps. */
  volts: number;
  /** A, 0.001 A steps. */
  amps: number;
  /** W, 0.1 W steps. */
  watts: number;
  /** Wh since the meter was reset. */
  wattHours: number;
  /** Hz, 0.1 Hz steps. */
  hertz: number;
  /** 0..1, 0.01 steps. */
  powerFactor: number;
  /** The meter's own threshold of power is exceeded. */
  alarm: boolean;
}

/** CRC-16/Modbus of the bytes from `start` to `end`; it goes on the wire low byte first. */
export function modbusCrc(bytes: Uint8Array, start: number, end: number): number {
  let crc = 0xffff;
  for (let at = start; at < end; at++) {
    crc ^= bytes[at] as number;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >> 1 : (crc >> 1) ^ 0xa001;
  }
  return crc;
}

/** The question for all registers. */
export function pzemRequest(): Uint8Array {
  const frame = new Uint8Array([ADDRESS, READ_INPUT, 0, 0, 0, REGISTERS, 0, 0]);
  const crc = modbusCrc(frame, 0, 6);
  frame[6] = crc & 255;
  frame[7] = crc >> 8;
  return frame;
}

/**
 * The length of the answer that begins at `start`: a reading (25), an exception (5), 0 when more bytes are needed to tell,
 * -1 when none begins there (wrong address, function, byte count or CRC).
 */
export function pzemFrame(bytes: Uint8Array, start: number, end: number): number {
  if (start < end && bytes[start] !== ADDRESS) return -1;
  if (start + 1 >= end) return 0;
  const kind = bytes[start + 1] as number;
  if (kind !== READ_INPUT && kind !== (READ_INPUT | 0x80)) return -1;
  const length = kind === READ_INPUT ? ANSWER_LENGTH : EXCEPTION_LENGTH;
  if (kind === READ_INPUT && start + 2 < end && bytes[start + 2] !== 2 * REGISTERS) return -1;
  const body = start + length - 2;
  if (body + 2 > end) return 0;
  const crc = (bytes[body] as number) | ((bytes[body + 1] as number) << 8);
  return crc === modbusCrc(bytes, start, body) ? length : -1;
}

/** The reading in the answer that begins at `start`, which pzemFrame() has accepted. */
export function pzemDecode(bytes: Uint8Array, start: number): PzemReading {
  const word = (register: number): number => {
    const at = start + 3 + 2 * register;
    return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  };
  // 32-bit values come low word first; products keep them unsigned.
  return {
    volts: word(0) / 10,
    amps: (word(1) + word(2) * 0x10000) / 1000,
    watts: (word(3) + word(4) * 0x10000) / 10,
    wattHours: word(5) + word(6) * 0x10000,
    hertz: word(7) / 10,
    powerFactor: word(8) / 100,
    alarm: word(9) === 0xffff,
  };
}

export class Pzem {
  /** Exception answers since boot. */
  exceptions = 0;
  /** Bytes since boot that belonged to no answer: noise, bad CRC, wrong length, late answers. */
  junk = 0;
  private readonly buffer = new Uint8Array(BUFFER_LENGTH);
  private filled = 0;
  private readonly request = pzemRequest();

  /** Opens `uart`. Throws on a pin that is none. */
  constructor(
    private readonly uart: number,
    txPin: number,
    rxPin: number,
  ) {
    native.uartOpen(uart, txPin, rxPin, BAUD);
  }

  /** Sends the question; whatever came before is no answer to it. False when the UART does not take it. */
  ask(): boolean {
    do {
      this.junk += this.filled;
      this.filled = native.uartRead(this.uart, this.buffer, 0);
    } while (this.filled > 0);
    return native.uartWrite(this.uart, this.request);
  }

  /** Looks at what has arrived: the reading, null for an exception answer, undefined when there is no whole answer yet. */
  answer(): PzemReading | null | undefined {
    const buffer = this.buffer;
    for (;;) {
      const count = native.uartRead(this.uart, buffer, this.filled);
      if (count === 0) return undefined;
      this.filled += count;
      let start = 0;
      let length = -1;
      while (start < this.filled) {
        length = pzemFrame(buffer, start, this.filled);
        if (length >= 0) break;
        start++;
      }
      this.junk += start;
      if (length > 0) {
        this.junk += this.filled - start - length;
        this.filled = 0;
        if (length === ANSWER_LENGTH) return pzemDecode(buffer, start);
        this.exceptions++;
        return null;
      }
      // At most an unfinished answer stays, so there is always room to read on.
      buffer.copyWithin(0, start, this.filled);
      this.filled -= start;
    }
  }
}
