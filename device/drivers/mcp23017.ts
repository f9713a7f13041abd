// The MCP23017 port expander as 16 inputs with pull-ups. Debouncing and meaning are the profile's.
// Source: Microchip DS20001952, section 3.2 (registers with IOCON.BANK = 0).

const IODIRA = 0x00;
const GPPUA = 0x0c;
const GPIOA = 0x12;

export class Mcp23017 {
  constructor(
    private readonly bus: number,
    /** 0x20..0x27. */
    private readonly address: number,
  ) {}

  /** All pins inputs with pull-ups. False when the part does not answer. Throws on a stuck bus. */
  begin(): boolean {
    // Registers of port A and B follow each other, and the address moves on by itself (IOCON.SEQOP = 0 after reset).
    return this.write([IODIRA, 0xff, 0xff]) && this.write([GPPUA, 0xff, 0xff]);
  }

  /** The levels as 16 bits, port A in the high byte; undefined when the part does not answer. Throws on a stuck bus. */
  read(): number | undefined {
    const bytes = native.i2cTransfer(this.bus, this.address, Uint8Array.of(GPIOA), 2);
    return bytes === undefined ? undefined : ((bytes[0] as number) << 8) | (bytes[1] as number);
  }

  private write(bytes: number[]): boolean {
    return native.i2cTransfer(this.bus, this.address, Uint8Array.from(bytes), 0) !== undefined;
  }
}
