// An MCP23017 port expander, after Microchip's datasheet (DS20001952): 22 registers with both arrangements of IOCON.BANK, the address
// pointer with and without sequential operation, pull-ups, polarity. Interrupt pins are not modelled.

import { I2cPart } from "./i2c_part.ts";

const IODIR = 0;
const IPOL = 1;
const IOCON = 5;
const GPPU = 6;
const INTF = 7;
const INTCAP = 8;
const GPIO = 9;
const OLAT = 10;
const REGISTERS = 11;
const BANK = 0x80;
const SEQOP = 0x20;

export class Mcp23017Model extends I2cPart {
  /** What the world does to the pins, port A in the high byte as the water tank counts them: a bit set in `low` pulls that pin to ground. */
  low = 0;
  /** Registers of port A, then of port B, in the datasheet's order. */
  readonly #registers = new Uint8Array(REGISTERS * 2);
  #pointer = 0;

  constructor() {
    super();
    this.powerOn();
  }

  /** Registers as after power-on reset (table 3-1). */
  powerOn(): void {
    this.#registers.fill(0);
    this.#registers[IODIR] = 0xff;
    this.#registers[REGISTERS + IODIR] = 0xff;
    this.#pointer = 0;
  }

  protected exchange(written: Uint8Array, readLength: number): Uint8Array {
    if (written.length > 0) this.#pointer = written[0] as number;
    for (const value of written.subarray(1)) {
      this.#write(this.#pointer, value);
      this.#advance();
    }
    const read = new Uint8Array(readLength);
    for (let at = 0; at < readLength; at++) {
      read[at] = this.#read(this.#pointer);
      this.#advance();
    }
    return read;
  }

  get #iocon(): number {
    return this.#registers[IOCON] as number;
  }

  /** Port (0 A, 1 B) and register of an address; undefined where there is none (it reads 0). */
  #locate(address: number): { port: 0 | 1; register: number } | undefined {
    const banked = (this.#iocon & BANK) !== 0;
    const port = (banked ? (address >> 4) & 1 : address & 1) as 0 | 1;
    const register = banked ? address & 15 : address >> 1;
    if (register >= REGISTERS || (banked && address > 0x1a)) return undefined;
    return { port, register };
  }

  #advance(): void {
    const banked = (this.#iocon & BANK) !== 0;
    if (this.#iocon & SEQOP) {
      // 3.2.1: byte mode; with BANK = 0 the pointer toggles within the pair.
      if (!banked) this.#pointer ^= 1;
      return;
    }
    const last = banked ? 0x1a : REGISTERS * 2 - 1;
    this.#pointer = this.#pointer >= last ? 0 : this.#pointer + 1;
  }

  #write(address: number, value: number): void {
    const at = this.#locate(address);
    if (at === undefined || at.register === INTF || at.register === INTCAP) return;
    // IOCON is one register with two addresses; writing the port writes its latch.
    if (at.register === IOCON) {
      this.#registers[IOCON] = value & 0xfe;
      this.#registers[REGISTERS + IOCON] = value & 0xfe;
    } else this.#registers[at.port * REGISTERS + (at.register === GPIO ? OLAT : at.register)] = value;
  }

  #read(address: number): number {
    const at = this.#locate(address);
    if (at === undefined) return 0;
    const of = (register: number) => this.#registers[at.port * REGISTERS + register] as number;
    if (at.register !== GPIO) return of(at.register);
    const grounded = (at.port === 0 ? this.low >> 8 : this.low) & 0xff;
    // An open input without a pull-up floats: it reads 0 here, so that a driver that forgets the pull-ups is found out.
    const inputs = of(GPPU) & ~grounded;
    return ((inputs & of(IODIR)) | (of(OLAT) & ~of(IODIR) & 0xff)) ^ (of(IPOL) & of(IODIR));
  }
}
