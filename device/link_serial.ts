// The update protocol over the serial console (docs/WIRE.md): frames between zeros beside log lines and what a person types. What the
// frames mean is link.ts's, what the lines mean the appliance's. Whoever holds the cable is trusted: no key. Bytes may get lost here,
// so the last answer is kept, and a request that comes again is answered from it.
// Almost always nobody is there: everything but the listener is made when bytes come and given back after a while (5 KB of heap).

import { cobsDecode, cobsEncode } from "./cobs.ts";
import { DATA, fail, HELLO, Link, MALFORMED, PATCH, readU32 } from "./link.ts";
import type { Loop, Task } from "./loop.ts";

export const CHUNK_BYTES = 1024;
/** With what COBS and the frames add it fits into the console's receive buffer, so that nothing is lost while flash is written. */
export const WINDOW_BYTES = 2048;
/** The longest frame between two zeros: a data frame with its checksum, and some. */
export const FRAME_MAX = CHUNK_BYTES + 40;
export const LINE_MAX = 200;
/** A frame that has begun and does not go on for so long is none. */
export const QUIET_MS = 1000;
/** The session's memory is given back after so long without a frame or a typed character. */
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
  /** Takes what has come in; there while something is going on. */
  session: (() => void) | undefined;

  constructor(loop: Loop, options: SerialOptions) {
    loop.onEvent(4, () => {
      if (this.session === undefined) this.session = beginSession(loop, options, this);
      this.session();
    });
  }
}

function beginSession(loop: Loop, options: SerialOptions, owner: SerialLink): () => void {
  /** What has come in and is not done yet. */
  const buffer = new Uint8Array(FRAME_MAX);
  let have = 0;
  /** The buffer's bytes come behind a zero: they may be a frame. */
  let framed = false;
  let line = "";
  let link: Link | undefined;
  let lastId = -1;
  let lastAnswer: Uint8Array | undefined;
  /** A frame that the console has not taken whole yet. */
  let out: Uint8Array | undefined;
  let sent = 0;
  let heardMs = loop.now();
  let again: Task | undefined = loop.task(run, false, "serial");
  let quiet: Task | undefined = loop.task(rest, false, "serial quiet");
  return run;

  function run(): void {
    try {
      for (let steps = 0; steps < STEPS_PER_TURN; steps++) {
        if (out !== undefined) {
          sent += native.consoleWrite(out, sent, out.length);
          if (sent < out.length) {
            again?.once(FLUSH_MS);
            return;
          }
          out = undefined;
        }
        if (link?.rebooting) return;
        const zero = buffer.indexOf(0);
        if (zero >= 0 && zero < have) {
          if (!framed) {
            type(zero);
            framed = true;
          } else if (zero > 0) take(zero);
          buffer.copyWithin(0, zero + 1, have);
          have -= zero + 1;
          continue;
        }
        if (!framed) {
          type(have);
          have = 0;
        } else if (have === FRAME_MAX) {
          have = 0;
          broken();
        }
        const got = native.consoleRead(buffer, have);
        if (got === 0) return;
        have += got;
        quiet?.once(QUIET_MS);
      }
      again?.once(0);
    } catch (thrown) {
      framed = false;
      heardMs = -Infinity;
      rest();
      throw thrown;
    }
  }

  /** The first `end` bytes were typed: editing, echo, and the line when it is complete. */
  function type(end: number): void {
    if (end > 0) heardMs = loop.now();
    for (let at = 0; at < end; at++) {
      const char = buffer[at]!;
      if (char === 13 || char === 10) {
        const whole = line;
        if (whole === "") continue;
        line = "";
        native.consoleWrite(native.encodeText("\r\n"), 0, 2);
        options.onLine(whole);
      } else if (char === 8 || char === 127) {
        if (line === "") continue;
        line = line.slice(0, -1);
        native.consoleWrite(native.encodeText("\b \b"), 0, 3);
      } else if (char >= 32 && char < 127 && line.length < LINE_MAX) {
        line += String.fromCharCode(char);
        native.consoleWrite(buffer, at, at + 1);
      }
    }
  }

  /** The first `end` bytes stand between two zeros. */
  function take(end: number): void {
    const length = cobsDecode(buffer, end) - 4;
    if (length < 3 || native.crc32(buffer, 0, length) !== readU32(buffer, length)) {
      broken(); // the zero that ended it may as well begin the next one
      return;
    }
    framed = false;
    heardMs = loop.now();
    const frame = buffer.subarray(0, length);
    if (link === undefined) {
      link = new Link(options.name, options.onRefused, CHUNK_BYTES, WINDOW_BYTES);
      link.configTrial = false;
    }
    if (buffer[0] === DATA || buffer[0] === PATCH) send(link.handle(frame));
    else {
      const id = (buffer[1]! << 8) | buffer[2]!;
      // Another tool counts from 1 again, so its greeting is never taken for one that came twice.
      const greeting = buffer[0] === HELLO;
      if (greeting || id !== lastId || lastAnswer === undefined) lastAnswer = link.handle(frame);
      lastId = greeting ? -1 : id;
      send(lastAnswer);
    }
    if (link.rebooting) quiet?.once(REBOOT_MS);
  }

  /** A frame that is none. A tool is told at once; a person at a terminal is left alone. */
  function broken(): void {
    owner.refused++;
    if (link !== undefined && out === undefined) send(fail(0, MALFORMED, "broken frame"));
  }

  function send(content: Uint8Array | undefined): void {
    if (content === undefined) return;
    const length = content.length;
    const body = new Uint8Array(length + 4);
    body.set(content);
    const crc = native.crc32(body, 0, length);
    for (let at = 0; at < 4; at++) body[length + at] = crc >>> (24 - 8 * at);
    out = cobsEncode(body);
    sent = 0;
  }

  /** Nothing came for a while. */
  function rest(): void {
    if (link?.rebooting) {
      options.beforeReboot?.();
      if (link.rebooting === 1) native.restartProgram("link");
      native.restart("link", true);
    }
    if (framed && have > 0) broken();
    framed = false;
    have = 0;
    if (out !== undefined) again?.once(0);
    const leftMs = heardMs + IDLE_MS - loop.now();
    if (leftMs > 0) quiet?.once(leftMs);
    else {
      again?.stop();
      quiet?.stop();
      // A ring of tasks and their functions would wait for the collector.
      again = quiet = owner.session = undefined;
    }
  }
}
