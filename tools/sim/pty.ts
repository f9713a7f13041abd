// Pseudo terminals: a path that a program opens as its serial port, and the other end here. Linux and macOS.

import { dlopen, type Pointer, ptr } from "bun:ffi";
import { closeSync, constants, openSync, writeSync } from "node:fs";
import type { ReadableStreamDefaultReader } from "node:stream/web";

/** Bytes that wait for somebody to read them; what has no room is lost, as on a wire that nobody listens to. */
const WAITING_MAX = 4096;
const WRITE_AGAIN_MS = 2;
/** More than struct termios of any system. */
const TERMIOS_BYTES = 256;
const TCSANOW = 0;

type Call = (...args: (number | Pointer | null)[]) => number;
interface Libc {
  posix_openpt: Call;
  grantpt: Call;
  unlockpt: Call;
  ptsname: Call;
  tcgetattr: Call;
  tcsetattr: Call;
  cfmakeraw: Call;
}
let loaded: Libc | undefined;

function libc(): Libc {
  loaded ??= dlopen(process.platform === "darwin" ? "libSystem.B.dylib" : "libc.so.6", {
    posix_openpt: { args: ["int"], returns: "int" },
    grantpt: { args: ["int"], returns: "int" },
    unlockpt: { args: ["int"], returns: "int" },
    ptsname: { args: ["int"], returns: "cstring" },
    tcgetattr: { args: ["int", "ptr"], returns: "int" },
    tcsetattr: { args: ["int", "int", "ptr"], returns: "int" },
    cfmakeraw: { args: ["ptr"], returns: "void" },
  }).symbols as unknown as Libc;
  return loaded;
}

export class Pty {
  /** What a program opens. */
  readonly path: string;
  onData: (bytes: Uint8Array) => void = () => {};
  readonly #near: number;
  /** Kept open, so that a program may open and close its end again and again. */
  readonly #far: number;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  #waiting: Uint8Array = new Uint8Array(0);
  #again: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /** Throws an Error when the system gives none. */
  constructor() {
    const { posix_openpt, grantpt, unlockpt, ptsname, tcgetattr, tcsetattr, cfmakeraw } = libc();
    // Not blocking: the reads of Bun's streams ask for it, and a write to a terminal that nobody reads would never return.
    this.#near = posix_openpt(constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
    if (this.#near < 0 || grantpt(this.#near) !== 0 || unlockpt(this.#near) !== 0)
      throw new Error("the system gives no pseudo terminal");
    this.path = String(ptsname(this.#near));
    this.#far = openSync(this.path, constants.O_RDWR | constants.O_NOCTTY);
    // From the start, so that nothing is echoed before a program has opened it.
    const settings = new Uint8Array(TERMIOS_BYTES);
    tcgetattr(this.#far, ptr(settings));
    cfmakeraw(ptr(settings));
    tcsetattr(this.#far, TCSANOW, ptr(settings));
    this.#reader = Bun.file(this.#near).stream().getReader();
    this.#read().catch(() => {}); // at close
  }

  send(bytes: Uint8Array): void {
    if (this.#closed || this.#waiting.length + bytes.length > WAITING_MAX) return;
    this.#waiting = Buffer.concat([this.#waiting, bytes]);
    if (this.#again === undefined) this.#flush();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#again);
    void this.#reader.cancel().catch(() => {});
    closeSync(this.#far);
    closeSync(this.#near);
  }

  async #read(): Promise<void> {
    for (let piece = await this.#reader.read(); !piece.done && !this.#closed; piece = await this.#reader.read())
      this.onData(piece.value.slice());
  }

  #flush(): void {
    this.#again = undefined;
    try {
      while (this.#waiting.length > 0) this.#waiting = this.#waiting.subarray(writeSync(this.#near, this.#waiting));
    } catch {
      this.#again = setTimeout(() => this.#flush(), WRITE_AGAIN_MS); // nobody has read what was written before
    }
  }
}
