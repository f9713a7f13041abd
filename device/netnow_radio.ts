// The radio as both roles of ESP-NOW use it: one frame on the way at a time, a bounded queue behind it, received frames by MAC.
// What frames mean is netnow_codec.ts.

import type { Loop, Task } from "./loop.ts";

/** Frames that wait for the radio; a further one is refused and counted. */
export const QUEUE_MAX = 8;
/** When native has no room for a frame that should fit, it is tried again after so long. */
const RETRY_MS = 20;
const MAC_LENGTH = 6;
const RECEIVED = 5;
const SENT = 6;

/** Makes the frame when its turn has come, so that the time in it is that of the transmission. */
type Make = () => Uint8Array;
type Done = (acknowledged: boolean) => void;

export const BROADCAST = new Uint8Array([255, 255, 255, 255, 255, 255]);

export class NetnowRadio {
  /** A frame that came; `atMs` is the moment of reception on the clock of `now()`. */
  onFrame: (mac: string, frame: Uint8Array, rssi: number, atMs: number) => void;
  sent: number;
  /** Frames not sent because the queue was full. */
  overruns: number;
  /** Three entries a frame: MAC, maker, who wants to know. The first one is on the way while `busy`. */
  private readonly queue: (Uint8Array | Make | Done | undefined)[];
  private busy: boolean;
  private readonly retry: Task;

  constructor(loop: Loop) {
    this.sent = this.overruns = 0;
    this.queue = [];
    this.busy = false;
    this.onFrame = () => {};
    this.retry = loop.task(() => this.next(), true, "radio");
    loop.onEvent(RECEIVED, (event) => this.received(event));
    loop.onEvent(SENT, (event) => this.done(event[2] === 1));
  }

  /** Sends when the frames before it are done. False (and `done` is not called) when too many wait. */
  send(mac: Uint8Array, make: Make, done?: Done): boolean {
    if (this.queue.length >= 3 * QUEUE_MAX) {
      this.overruns++;
      return false;
    }
    this.queue.push(mac, make, done);
    this.next();
    return true;
  }

  private next(): void {
    if (this.busy || this.queue.length === 0) return;
    const frame = (this.queue[1] as Make)();
    this.busy = native.espnowSend(this.queue[0] as Uint8Array, frame);
    if (this.busy) this.sent++;
    else this.retry.once(RETRY_MS);
  }

  private done(acknowledged: boolean): void {
    if (!this.busy) return;
    this.busy = false;
    const done = this.queue.splice(0, 3)[2] as Done | undefined;
    try {
      done?.(acknowledged);
    } finally {
      this.next();
    }
  }

  private received(event: NativeEvent): void {
    const data = event[4];
    if (data.length <= MAC_LENGTH) return;
    this.onFrame(macText(data), data.slice(MAC_LENGTH), event[2], event[3]);
  }
}

/** `AA:BB:CC:DD:EE:FF` of the first six bytes. */
export function macText(bytes: Uint8Array): string {
  let text = "";
  for (let index = 0; index < MAC_LENGTH; index++) {
    text += (index === 0 ? "" : ":") + (256 + (bytes[index] as number)).toString(16).slice(1).toUpperCase();
  }
  return text;
}

/** The bytes of `AA:BB:CC:DD:EE:FF`, or undefined. */
export function macBytes(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(MAC_LENGTH);
  if (text.length !== 3 * MAC_LENGTH - 1) return undefined;
  for (let index = 0; index < MAC_LENGTH; index++) {
    const value = Number(`0x${text.slice(3 * index, 3 * index + 2)}`);
    if (!(value >= 0) || (index > 0 && text.charAt(3 * index - 1) !== ":")) return undefined;
    bytes[index] = value;
  }
  return bytes;
}

/** This chip's MAC as others hear it, that of its Wi-Fi station: its unique id. */
export function ownMac(): string {
  const id = native.uniqueId().toUpperCase();
  let text = id.slice(0, 2);
  for (let at = 2; at < 2 * MAC_LENGTH; at += 2) text += `:${id.slice(at, at + 2)}`;
  return text;
}
