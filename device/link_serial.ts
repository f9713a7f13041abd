// The update protocol over the serial console (docs/WIRE.md): frames between zeros beside log lines and what a person types. What the
// frames mean is link.ts's, what the lines mean the appliance's. Whoever holds the cable is trusted: no key. Bytes may get lost here,
// so the last answer is kept, and a request that comes again is answered from it.

import { cobsDecode, cobsEncode, cobsMax } from "./cobs.ts";
import { DATA, fail, HELLO, Link, MALFORMED, readU32 } from "./link.ts";
import type { Loop, Task } from "./loop.ts";

export const CHUNK_BYTES = 1024;
/** With what COBS and the frames add it fits into the console's receive buffer, so that nothing is lost while flash is written. */
export const WINDOW_BYTES = 2048;
/** The longest frame between two zeros: a data frame with its checksum, and some. */
export const FRAME_MAX = CHUNK_BYTES + 40;
export const LINE_MAX = 200;
/** A frame that has begun and does not go on for so long is none. */
export const QUIET_MS = 1000;
/** The session's memory is given back after so long without a frame. */
export const IDLE_MS = 60_000;
/** Until a frame that found no room is tried again. */
const FLUSH_MS = 5;
/** From the answer to a reboot request until the restart. */
const REBOOT_MS = 200;
/** Frames and reads of one turn. */
const STEPS_PER_TURN = 8;

export interface SerialOptions {
  name: string;
  onRefused(why: string): void;
  /** A line that somebody typed. */
  onLine(line: string): void;
  beforeReboot?(): void;
}

export class SerialLink {
  /** Frames that did not verify, since boot. */
  refused = 0;

  /** What has come in and is not done yet; there while a frame or a session is going on. */
  private buffer: Uint8Array | undefined;
  private have = 0;
  /** The buffer's bytes come behind a zero: they may be a frame. */
  private framed = false;
  private line = "";
  private link: Link | undefined;
  private frameMs = 0;
  private lastId = -1;
  private lastAnswer: Uint8Array | undefined;
  /** A frame that the console has not taken whole yet. */
  private out: Uint8Array | undefined;
  private sent = 0;
  private readonly again: Task;
  private readonly quiet: Task;

  constructor(
    private readonly loop: Loop,
    private readonly options: SerialOptions,
  ) {
    const run = () => this.run();
    loop.onEvent(4, run);
    this.again = loop.task(run, false, "serial");
    this.quiet = loop.task(() => this.rest(), false, "serial quiet");
  }

  /** True while a tool is at work. */
  get busy(): boolean {
    return this.link !== undefined;
  }

  private run(): void {
    try {
      for (let steps = 0; steps < STEPS_PER_TURN; steps++) {
        if (this.out !== undefined && !this.flush()) {
          this.again.once(FLUSH_MS);
          return;
        }
        if (this.link?.rebooting || !this.step()) return;
      }
      this.again.once(0);
    } catch (thrown) {
      this.drop();
      throw thrown;
    }
  }

  /** Does what the next bytes ask for; false when there are none. */
  private step(): boolean {
    if (this.buffer === undefined) this.buffer = new Uint8Array(FRAME_MAX);
    const buffer = this.buffer;
    const zero = buffer.indexOf(0);
    if (zero >= 0 && zero < this.have) {
      if (!this.framed) {
        this.type(zero);
        this.framed = true;
      } else if (zero > 0) this.frame(zero);
      buffer.copyWithin(0, zero + 1, this.have);
      this.have -= zero + 1;
      return true;
    }
    if (!this.framed) {
      this.type(this.have);
      this.have = 0;
    } else if (this.have === FRAME_MAX) {
      this.have = 0;
      this.broken();
    }
    const got = native.consoleRead(buffer, this.have);
    this.have += got;
    if (got > 0) this.quiet.once(QUIET_MS);
    return got > 0;
  }

  /** The first `end` bytes were typed: editing, echo, and the line when it is complete. */
  private type(end: number): void {
    const bytes = this.buffer!;
    for (let at = 0; at < end; at++) {
      const char = bytes[at]!;
      if (char === 13 || char === 10) {
        const line = this.line;
        if (line === "") continue;
        this.line = "";
        this.echo("\r\n");
        this.options.onLine(line);
      } else if (char === 8 || char === 127) {
        if (this.line === "") continue;
        this.line = this.line.slice(0, -1);
        this.echo("\b \b");
      } else if (char >= 32 && char < 127 && this.line.length < LINE_MAX) {
        this.line += String.fromCharCode(char);
        native.consoleWrite(bytes, at, at + 1);
      }
    }
  }

  private echo(text: string): void {
    native.consoleWrite(native.encodeText(text), 0, text.length);
  }

  /** The first `end` bytes stand between two zeros. */
  private frame(end: number): void {
    const buffer = this.buffer!;
    const length = cobsDecode(buffer, end) - 4;
    if (length < 3 || native.crc32(buffer, 0, length) !== readU32(buffer, length)) {
      this.broken(); // the zero that ended it may as well begin the next one
      return;
    }
    this.framed = false;
    this.frameMs = this.loop.now();
    const type = buffer[0]!;
    const id = (buffer[1]! << 8) | buffer[2]!;
    if (this.link === undefined)
      this.link = new Link(this.options.name, this.options.onRefused, CHUNK_BYTES, WINDOW_BYTES);
    this.link.configTrial = false;
    if (type === DATA) this.send(this.link.handle(buffer.subarray(0, length)));
    else {
      // Another tool counts from 1 again, so its greeting is never taken for one that came twice.
      if (type === HELLO || id !== this.lastId || this.lastAnswer === undefined)
        this.lastAnswer = this.link.handle(buffer.subarray(0, length));
      this.lastId = type === HELLO ? -1 : id;
      this.send(this.lastAnswer);
    }
    if (this.link.rebooting) this.quiet.once(REBOOT_MS);
  }

  /** A frame that is none. A tool is told at once; a person at a terminal is left alone. */
  private broken(): void {
    this.refused++;
    if (this.link !== undefined && this.out === undefined) this.send(fail(0, MALFORMED, "broken frame"));
  }

  private send(content: Uint8Array | undefined): void {
    if (content === undefined) return;
    const length = content.length;
    const body = new Uint8Array(length + 4);
    body.set(content);
    const crc = native.crc32(body, 0, length);
    for (let at = 0; at < 4; at++) body[length + at] = crc >>> (24 - 8 * at);
    const out = new Uint8Array(cobsMax(length + 4) + 2);
    // Its own zero at both ends: what comes before or behind may be text.
    this.out = out.subarray(0, cobsEncode(body, out, 1) + 1);
    this.sent = 0;
    this.flush();
  }

  /** True when nothing waits to be written any more. */
  private flush(): boolean {
    const out = this.out!;
    for (;;) {
      const count = native.consoleWrite(out, this.sent, out.length);
      this.sent += count;
      if (this.sent === out.length) break;
      if (count === 0) return false;
    }
    this.out = undefined;
    return true;
  }

  /** Nothing came for a while. */
  private rest(): void {
    if (this.link?.rebooting) {
      this.options.beforeReboot?.();
      native.restart("link", true);
    }
    if (this.framed) {
      if (this.have > 0) this.broken();
      this.have = 0;
      this.framed = false;
    }
    const leftMs = this.frameMs + IDLE_MS - this.loop.now();
    if (this.link === undefined || leftMs <= 0) this.drop();
    else this.quiet.once(leftMs);
  }

  private drop(): void {
    this.buffer = this.link = this.lastAnswer = this.out = undefined;
    this.have = 0;
    this.framed = false;
  }
}
