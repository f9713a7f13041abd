// The update link and the console over one serial wire: frames to whoever asks, text to whoever watches. The port itself is serial_port.ts's.

import { type After, type FrameChannel, realAfter } from "./frame_channel.ts";
import { LinkError } from "./link_error.ts";
import { encodeSerialFrame, SerialSplitter } from "./serial_framing.ts";
import type { Wire } from "./wire.ts";

/** As device/link_serial.ts: a frame that does not go on for so long is none. */
const QUIET_MS = 1000;

export class SerialChannel implements FrameChannel {
  readonly lossy = true;
  onFrame: (frame: Uint8Array) => void = () => {};
  onEnd: (error: LinkError) => void = () => {};
  /** Log lines and answers to what was typed, in the pieces they come in. */
  onText: (bytes: Uint8Array) => void = () => {};
  /** Bytes that were neither text nor a frame. */
  junk = 0;
  readonly #wire: Wire;
  readonly #after: After;
  readonly #splitter: SerialSplitter;
  #cancel = () => {};
  #ended = false;

  constructor(wire: Wire, after: After = realAfter) {
    this.#wire = wire;
    this.#after = after;
    this.#splitter = new SerialSplitter({
      frame: (content) => this.onFrame(content),
      text: (bytes) => this.onText(bytes),
      junk: (bytes) => {
        this.junk += bytes.length;
      },
    });
    wire.onData = (bytes) => this.#receive(bytes);
    wire.onEnd = (why) => this.#end(why);
  }

  send(frame: Uint8Array): void {
    this.#wire.send(encodeSerialFrame(frame));
  }

  /** Sends what a person typed. */
  type(text: string): void {
    this.#wire.send(Buffer.from(text));
  }

  close(): void {
    this.#cancel();
    this.#ended = true;
    this.#wire.close();
  }

  #end(why: string): void {
    this.#cancel();
    if (this.#ended) return;
    this.#ended = true;
    this.onEnd(new LinkError("closed", `the serial port has gone: ${why}`));
  }

  #receive(bytes: Uint8Array): void {
    if (this.#ended) return;
    this.#splitter.push(bytes);
    this.#cancel();
    if (this.#splitter.pending) this.#cancel = this.#after(QUIET_MS, () => this.#splitter.settle());
  }
}
