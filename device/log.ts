// Log lines: to the console at once, to stat/NAME/Log as soon as there is a connection. What is worth a line is the caller's.

import type { Mqtt } from "./mqtt.ts";

/** Lines that wait for a connection; of more the oldest go. */
export const WAITING_MAX = 20;
/** A longer line is published in pieces. */
export const LINE_MAX_BYTES = 800;

export class Log {
  /** Pieces that were dropped because too many waited. */
  dropped: number;
  private readonly waiting: string[];

  constructor(
    private readonly mqtt: Mqtt,
    private readonly topic: string,
  ) {
    this.dropped = 0;
    this.waiting = [];
  }

  line(text: string): void {
    native.log(text);
    let start = 0;
    let bytes = 0;
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      const surrogate = unit >= 0xd800 && unit < 0xe000;
      const size = unit < 0x80 ? 1 : unit < 0x800 || surrogate ? 2 : 3;
      // A pair of surrogates is 4 bytes and stays together: room for both is asked for at the first one.
      if (bytes + (surrogate && unit < 0xdc00 ? 4 : size) > LINE_MAX_BYTES) {
        this.keep(text.slice(start, at));
        start = at;
        bytes = 0;
      }
      bytes += size;
    }
    this.keep(text.slice(start));
    this.flush();
  }

  /** Publishes what waits, as far as there is room; called now and then. */
  flush(): void {
    while (this.waiting.length > 0 && this.mqtt.publish(this.topic, this.waiting[0] as string)) this.waiting.shift();
  }

  private keep(piece: string): void {
    if (this.waiting.length >= WAITING_MAX) {
      this.waiting.shift();
      this.dropped++;
    }
    this.waiting.push(piece);
  }
}
