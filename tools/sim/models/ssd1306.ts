// A 128x64 OLED module with an SSD1306, after Solomon Systech's datasheet (rev 1.1): control bytes, commands, the three addressing modes,
// and what a person sees on the glass. The module's charge pump makes its voltage, its COM pins alternate, and it stands upright with
// segments re-mapped (A1) and COM scanned backwards (C8). Scrolling is accepted and not carried out.

import type { Picture } from "../picture.ts";
import { I2cPart } from "./i2c_part.ts";

export const WIDTH = 128;
export const HEIGHT = 64;
const PAGES = 8;

/** Bytes behind each command that has any (table 9-1). */
const PARAMETERS: Record<number, number> = {
  32: 1,
  33: 2,
  34: 2,
  38: 6,
  39: 6,
  41: 5,
  42: 5,
  129: 1,
  141: 1,
  163: 2,
  168: 1,
  211: 1,
  213: 1,
  217: 1,
  218: 1,
  219: 1,
};

export class Ssd1306Model extends I2cPart {
  /** By page and segment (not column: the re-map acts when data is written, 10.1.8). Undefined content at power-on is noise here. */
  readonly #ram = Uint8Array.from({ length: PAGES * WIDTH }, (_, at) => (at * 73 + (at >> 3)) & 0xff);
  /** Commands that the datasheet does not have, in order. */
  readonly unknown: number[] = [];
  /** Bytes of display data taken. */
  dataBytes = 0;
  #on = false;
  #pump = false;
  #inverse = false;
  #entireOn = false;
  #remap = false;
  #backwards = false;
  #startLine = 0;
  #offset = 0;
  #multiplex = 63;
  #alternating = true;
  #mode = 2;
  #column = 0;
  #page = 0;
  #columns: [number, number] = [0, 127];
  #pages: [number, number] = [0, 7];
  /** A command that waits for its parameters; they may come in other transfers. */
  #command: number[] = [];

  protected exchange(written: Uint8Array, readLength: number): Uint8Array {
    let at = 0;
    while (at < written.length) {
      const control = written[at++] as number;
      // 8.1.5.2: Co says that control bytes go on after one byte, D/C# says what it is.
      const isData = (control & 0x40) !== 0;
      const end = control & 0x80 ? Math.min(at + 1, written.length) : written.length;
      for (; at < end; at++) {
        if (isData) this.#data(written[at] as number);
        else this.#commandByte(written[at] as number);
      }
    }
    // Status: D6 is 1 while the display is off.
    return new Uint8Array(readLength).fill(this.#on ? 0 : 0x40);
  }

  get picture(): Picture {
    return { width: WIDTH, height: HEIGHT, lit: (x, y) => this.lit(x, y) };
  }

  /** Whether a person sees light at x from the left and y from the top. */
  lit(x: number, y: number): boolean {
    if (!this.#on || !this.#pump) return false;
    const com = this.#backwards ? y : HEIGHT - 1 - y;
    const row = (this.#rowOfLine(com) + this.#offset) & 63;
    if (row > this.#multiplex) return false;
    if (this.#entireOn) return true;
    const line = (row + this.#startLine) & 63;
    const bit = ((this.#ram[(line >> 3) * WIDTH + (WIDTH - 1 - x)] as number) >> (line & 7)) & 1;
    return (bit === 1) !== this.#inverse;
  }

  /** Lines of the glass are wired to COM0, COM32, COM1, COM33, ...; with sequential pins (DA 02) the rows come out in two halves. */
  #rowOfLine(line: number): number {
    if (this.#alternating) return line;
    return (line >> 1) + (line & 1 ? 32 : 0);
  }

  #commandByte(byte: number): void {
    this.#command.push(byte);
    const [command = 0, a = 0, b = 0] = this.#command;
    if (this.#command.length <= (PARAMETERS[command] ?? 0)) return;
    this.#command = [];
    if (command <= 0x0f) this.#column = (this.#column & 0x70) | command;
    else if (command <= 0x1f) this.#column = (this.#column & 0x0f) | ((command & 0x07) << 4);
    else if (command >= 0x40 && command <= 0x7f) this.#startLine = command & 63;
    else if (command >= 0xb0 && command <= 0xb7) this.#page = command & 7;
    else this.#carryOut(command, a, b);
  }

  #carryOut(command: number, a: number, b: number): void {
    switch (command) {
      case 0x20:
        this.#mode = a & 3;
        return;
      case 0x21:
        this.#columns = [a & 127, b & 127];
        this.#column = a & 127;
        return;
      case 0x22:
        this.#pages = [a & 7, b & 7];
        this.#page = a & 7;
        return;
      case 0x8d:
        this.#pump = (a & 4) !== 0;
        return;
      case 0xa0:
      case 0xa1:
        this.#remap = command === 0xa1;
        return;
      case 0xa4:
      case 0xa5:
        this.#entireOn = command === 0xa5;
        return;
      case 0xa6:
      case 0xa7:
        this.#inverse = command === 0xa7;
        return;
      case 0xa8:
        this.#multiplex = a & 63;
        return;
      case 0xae:
      case 0xaf:
        this.#on = command === 0xaf;
        return;
      case 0xc0:
      case 0xc8:
        this.#backwards = command === 0xc8;
        return;
      case 0xd3:
        this.#offset = a & 63;
        return;
      case 0xda:
        this.#alternating = (a & 0x10) !== 0;
        return;
      case 0x2e: // scrolling, contrast, timing and levels: nothing that this model shows
      case 0x2f:
      case 0x81:
      case 0xd5:
      case 0xd9:
      case 0xdb:
      case 0xe3:
        return;
      default:
        if (PARAMETERS[command] === undefined) this.unknown.push(command);
    }
  }

  #data(byte: number): void {
    this.dataBytes++;
    const segment = this.#remap ? WIDTH - 1 - this.#column : this.#column;
    this.#ram[this.#page * WIDTH + segment] = byte;
    if (this.#mode === 2) {
      // Page addressing (10.1.3): the column wraps over the whole width, the page stays.
      this.#column = (this.#column + 1) & 127;
      return;
    }
    const next = (value: number, [first, last]: [number, number], mask: number) =>
      value === last ? first : (value + 1) & mask;
    if (this.#mode === 0) {
      const wraps = this.#column === this.#columns[1];
      this.#column = next(this.#column, this.#columns, 127);
      if (wraps) this.#page = next(this.#page, this.#pages, 7);
    } else {
      const wraps = this.#page === this.#pages[1];
      this.#page = next(this.#page, this.#pages, 7);
      if (wraps) this.#column = next(this.#column, this.#columns, 127);
    }
  }
}
