// An SSD1306 display of 128x64 dots on I2C: a frame buffer, what changed in it, and sending that piece by piece so that the loop is
// never held for longer than one transfer. What is drawn is the profile's. Source: Solomon Systech SSD1306 rev 1.1, chapters 8.1.5.2
// (I2C frames), 8.7 (memory), 9 and 10 (commands), application note chapter 3 (charge pump).

import type { Loop, Task } from "../loop.ts";
import { CELL, glyphColumn } from "./font8x8.ts";

export const WIDTH = 128;
export const HEIGHT = 64;
const PAGES = HEIGHT / 8;
const ADDRESS = 0x3c;
const COMMANDS = 0x00;
const DATA = 0x40;
/** A display that does not answer is looked for again after this. */
export const RETRY_MS = 10_000;

/** Display off; clock; 64 rows; offset 0, start line 0; charge pump on; horizontal addressing; column 127 is left, row 63 is top;
 * COM pins; contrast; pre-charge; VCOMH; shows the memory, not inverted; no scrolling; display on. */
const SET_UP =
  "\xae\xd5\x80\xa8\x3f\xd3\x00\x40\x8d\x14\x20\x00\xa1\xc8\xda\x12\x81\xcf\xd9\xf1\xdb\x40\xa4\xa6\x2e\xaf";

export class Ssd1306 {
  /** True while the display answers. */
  present: boolean;
  /** Eight dots a byte, one below the other, the top one in bit 0; page by page. */
  readonly frame: Uint8Array;
  /** The changed columns of each page, from `firsts` up to and not including `ends`; an end of 0: none. */
  private readonly firsts: Uint8Array;
  private readonly ends: Uint8Array;
  private lookAtMs: number;
  private readonly task: Task;

  constructor(
    private readonly loop: Loop,
    private readonly bus: number,
  ) {
    this.present = false;
    this.frame = new Uint8Array(WIDTH * PAGES);
    this.firsts = new Uint8Array(PAGES);
    this.ends = new Uint8Array(PAGES);
    this.lookAtMs = loop.now();
    this.task = loop.task(() => this.send(), false, "display");
  }

  /** Shows what was drawn, over the next turns. Without a display nothing happens. */
  show(): void {
    if (!this.present) {
      if (this.loop.now() < this.lookAtMs) return;
      if (!this.transfer(COMMANDS, SET_UP.length, (index) => SET_UP.charCodeAt(index))) return;
      this.present = true;
      for (let page = 0; page < PAGES; page++) this.touch(page, 0, WIDTH - 1);
    }
    if (!this.task.active) this.task.once(0);
  }

  /** Sets (or clears) all dots of a rectangle; what lies outside is left out. */
  fill(x: number, y: number, width: number, height: number, on: boolean): void {
    const bottom = Math.min(HEIGHT, y + height);
    for (let page = y >> 3; page * 8 < bottom; page++) {
      // The rows of this page that the rectangle covers.
      const mask = (0xff << Math.max(0, y - page * 8)) & (0xff >> Math.max(0, page * 8 + 8 - bottom));
      for (let column = Math.max(0, x); column < x + width; column++) {
        const old = this.get(page, column);
        this.put(page, column, on ? old | mask : old & ~mask);
      }
    }
  }

  /** A rectangle's outline, one dot thick. */
  box(x: number, y: number, width: number, height: number): void {
    this.fill(x, y, width, 1, true);
    this.fill(x, y + height - 1, width, 1, true);
    this.fill(x, y, 1, height, true);
    this.fill(x + width - 1, y, 1, height, true);
  }

  /** Text in cells of 8x8 from dot column `x` in the 8-dot row `row` (0..7), filled up with blanks to `cells` characters. */
  text(x: number, row: number, text: string, cells = text.length): void {
    for (let index = 0; index < cells; index++) {
      const code = index < text.length ? text.charCodeAt(index) : 0x20;
      for (let column = 0; column < CELL; column++) this.put(row, x + index * CELL + column, glyphColumn(code, column));
    }
  }

  private get(page: number, column: number): number {
    return this.frame[page * WIDTH + column] ?? 0;
  }

  private put(page: number, column: number, byte: number): void {
    if (column < 0 || column >= WIDTH || page < 0 || page >= PAGES || this.get(page, column) === byte) return;
    this.frame[page * WIDTH + column] = byte;
    this.touch(page, column, column);
  }

  private touch(page: number, first: number, last: number): void {
    const clean = this.isClean(page);
    this.firsts[page] = clean ? first : Math.min(first, this.firsts[page] as number);
    this.ends[page] = clean ? last + 1 : Math.max(last + 1, this.ends[page] as number);
  }

  private isClean(page: number): boolean {
    return this.ends[page] === 0;
  }

  /** One page's change; the next one, if there is one, follows in another turn. */
  private send(): void {
    let sentOne = false;
    for (let page = 0; page < PAGES; page++) {
      if (this.isClean(page)) continue;
      if (sentOne) {
        this.task.once(0);
        return;
      }
      const first = this.firsts[page] as number;
      const end = this.ends[page] as number;
      const window = [0x21, first, end - 1, 0x22, page, page];
      const from = page * WIDTH + first;
      const sent =
        this.transfer(COMMANDS, window.length, (index) => window[index] as number) &&
        this.transfer(DATA, end - first, (index) => this.frame[from + index] as number);
      if (!sent) return;
      this.firsts[page] = this.ends[page] = 0;
      sentOne = true;
    }
  }

  /** False when the display does not answer (any more); it is then looked for later. */
  private transfer(control: number, length: number, byteAt: (index: number) => number): boolean {
    const bytes = new Uint8Array(1 + length);
    bytes[0] = control;
    for (let index = 0; index < length; index++) bytes[1 + index] = byteAt(index);
    let answered = false;
    try {
      answered = native.i2cTransfer(this.bus, ADDRESS, bytes, 0) !== undefined;
    } catch (_) {
      // A stuck bus is as good as no display.
    }
    if (!answered) {
      this.present = false;
      this.lookAtMs = this.loop.now() + RETRY_MS;
    }
    return answered;
  }
}
