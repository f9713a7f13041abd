// Values that are published when they change and now and then anyway. How they come about is the profile's.

import type { Loop, Task } from "./loop.ts";
import type { Mqtt } from "./mqtt.ts";

/** A publication that the client had no room for is tried again after this. */
export const RETRY_MS = 1000;

/** One published value. Setting `last` to undefined makes it go out at the next look although it did not change. */
export interface Value {
  readonly topic: string;
  readonly evalMs: number;
  readonly forceMs: number;
  /** The text to publish; undefined while there is nothing to say. */
  readonly read: () => string | undefined;
  /** The text as last published; undefined: it goes out at the next look. */
  last: string | undefined;
  evalAtMs: number;
  forceAtMs: number;
}

export class Publisher {
  private readonly values: Value[];
  /** One task for all values: it waits for the look that is due first. */
  private readonly task: Task;

  constructor(
    private readonly loop: Loop,
    private readonly mqtt: Mqtt,
  ) {
    this.values = [];
    this.task = loop.task(() => this.look(), false, "publisher");
  }

  /** Publishes `read()` on `topic`, without retaining it: looked at every `evalMs` and published when it differs from what was
   * published last, and in any case every `forceMs`, both counted from now. While there is no connection `read` is not called;
   * a publication that was forced meanwhile is made up for at the next look. */
  add(topic: string, evalMs: number, forceMs: number, read: () => string | undefined): Value {
    const nowMs = this.loop.now();
    const value: Value = {
      topic,
      evalMs,
      forceMs,
      read,
      last: undefined,
      evalAtMs: nowMs + evalMs,
      forceAtMs: nowMs + forceMs,
    };
    this.values.push(value);
    this.arm();
    return value;
  }

  /** Looks at a value now; it goes out if it changed. */
  lookNow(value: Value): void {
    value.evalAtMs = this.loop.now();
    this.arm();
  }

  /** Publishes everything now. */
  refresh(): void {
    for (const value of this.values) {
      value.last = undefined;
      value.evalAtMs = this.loop.now();
    }
    this.arm();
  }

  private arm(): void {
    let firstMs = Infinity;
    for (const value of this.values) firstMs = Math.min(firstMs, value.evalAtMs, value.forceAtMs);
    if (firstMs < Infinity) this.task.once(Math.max(0, firstMs - this.loop.now()));
  }

  private look(): void {
    const nowMs = this.loop.now();
    try {
      for (const value of this.values) this.lookAt(value, nowMs);
    } finally {
      // Also after an exception in a `read`: its own time has moved on, and the values after it come with the next turn.
      this.arm();
    }
  }

  private lookAt(value: Value, nowMs: number): void {
    const forced = nowMs >= value.forceAtMs;
    if (!forced && nowMs < value.evalAtMs) return;
    if (forced) {
      value.last = undefined;
      value.forceAtMs = following(value.forceAtMs, value.forceMs, nowMs);
    }
    if (nowMs >= value.evalAtMs) value.evalAtMs = following(value.evalAtMs, value.evalMs, nowMs);
    if (!this.mqtt.connected) return;
    const text = value.read();
    if (text === undefined || text === value.last) return;
    if (this.mqtt.publish(value.topic, text)) value.last = text;
    else value.evalAtMs = nowMs + RETRY_MS;
  }
}

/** The first of the moments `atMs`, `atMs + periodMs`, ... that lies after `nowMs`. */
function following(atMs: number, periodMs: number, nowMs: number): number {
  const nextMs = atMs + periodMs;
  return nextMs > nowMs ? nextMs : nowMs + periodMs;
}
