// Makes a device's console readable while it runs past: back traces and recorded exceptions get TypeScript files and lines. What comes in
// pieces goes out in pieces, but for lines that may be such.

import { loadArtifact } from "./artifacts.ts";
import { explainException, readableTrace } from "./trace.ts";

/** A line that begins like one of these is held until it is whole. */
const HELD = [/^\s*(a(t( .*)?)?)?$/, /^e(x(c(e(p(t(i(o(n.*)?)?)?)?)?)?)?)?$/];
const BOOT = /^boot: \S+ \S+ ([0-9a-f]{16}) slot /;
const EXCEPTION = /^exception (\{.*\})$/;
/** No line of a device is longer; then it is let go. */
const LINE_MAX = 8192;

export class TraceLines {
  /** The bundle whose back traces these are, if it is known. The boot's log line tells it. */
  bundle: string | undefined;
  #line = "";
  /** How much of the line has gone out already. */
  #shown = 0;
  readonly #decoder = new TextDecoder();

  /** Takes a piece; returns what there is to show. */
  push(bytes: Uint8Array): string {
    let out = "";
    for (const char of this.#decoder.decode(bytes, { stream: true })) {
      if (char === "\r") continue;
      if (char === "\n") {
        out += `${this.#whole()}\n`;
        this.#line = "";
        this.#shown = 0;
      } else this.#line += char;
    }
    if (HELD.some((begin) => begin.test(this.#line)) && this.#line.length < LINE_MAX && this.#line !== "") return out;
    return out + this.#rest();
  }

  /** What is left of a line that does not end. */
  flush(): string {
    return this.#rest();
  }

  #rest(): string {
    const rest = this.#line.slice(this.#shown);
    this.#shown = this.#line.length;
    return rest;
  }

  #whole(): string {
    const boot = BOOT.exec(this.#line);
    if (boot !== null) this.bundle = boot[1];
    if (this.#shown > 0) return this.#rest();
    const exception = EXCEPTION.exec(this.#line);
    if (exception !== null) return explained(exception[1] as string, this.bundle ?? "") ?? this.#line;
    const artifact = this.bundle === undefined ? undefined : loadArtifact(this.bundle);
    return artifact === undefined ? this.#line : readableTrace(this.#line, artifact);
  }
}

function explained(json: string, bundle: string): string | undefined {
  try {
    const exception = JSON.parse(json) as { hash?: string };
    const text = explainException(exception, exception.hash || bundle);
    return text === undefined ? undefined : `exception ${text}`;
  } catch {
    return undefined;
  }
}
