// The content of one put on its way: pieces within the device's window, as it says what it has taken. Asks and answers are link_client.ts's.

import { type After, realAfter } from "./frame_channel.ts";
import type { PatchFrame } from "./patch_frames.ts";

/** A device that has taken nothing new for so long has lost something, or restarted. */
export const STALL_MS = 1000;

export class PutStream {
  /** Resolves when everything is sent (taken or not), or stopped. */
  readonly sent: Promise<void>;
  readonly #content: Uint8Array;
  readonly #chunk: number;
  /** Frames that make the content, instead of the content itself. */
  readonly #patch: readonly PatchFrame[] | undefined;
  readonly #window: number;
  readonly #onProgress: (done: number, total: number) => void;
  readonly #send: (at: number, bytes: Uint8Array, patch: boolean) => void;
  #next: number;
  #taken: number;
  #stopped = false;
  #running = false;
  #allSent = () => {};
  #wake = () => {};

  constructor(
    content: Uint8Array,
    offset: number,
    chunk: number,
    window: number,
    onProgress: (done: number, total: number) => void,
    send: (at: number, bytes: Uint8Array, patch: boolean) => void,
    patch?: readonly PatchFrame[],
  ) {
    this.#content = content;
    this.#next = this.#taken = offset;
    this.#chunk = chunk;
    this.#window = window;
    this.#onProgress = onProgress;
    this.#send = send;
    this.#patch = patch;
    this.sent = new Promise((resolve) => {
      this.#allSent = resolve;
    });
  }

  start(): void {
    if (this.#taken > 0) this.#onProgress(this.#taken, this.#content.length);
    this.#pump();
  }

  /** Everything before `offset` is written. */
  taken(offset: number): void {
    if (offset <= this.#taken) return;
    this.#taken = Math.min(offset, this.#content.length);
    this.#next = Math.max(this.#next, this.#taken);
    this.#onProgress(this.#taken, this.#content.length);
    this.#wake();
    this.#pump();
  }

  /** Sends no more. */
  stop(): void {
    this.#stopped = true;
    this.#wake();
    this.#allSent();
  }

  /** True when the device has taken everything; false when it was stopped or nothing went on for STALL_MS. */
  async arrived(after: After = realAfter): Promise<boolean> {
    while (!this.#stopped && this.#taken < this.#content.length) {
      await new Promise<void>((resolve) => {
        const cancel = after(STALL_MS, () => this.stop());
        this.#wake = () => {
          cancel();
          resolve();
        };
      });
    }
    return this.#taken === this.#content.length;
  }

  #pump(): void {
    const total = this.#content.length;
    if (this.#running) return; // sending may bring an answer at once
    this.#running = true;
    while (!this.#stopped && this.#next < total && this.#next - this.#taken < this.#window) {
      const at = this.#next;
      // Sent whole also when its beginning is on the device.
      const made = this.#patch?.find(({ end }) => end > at);
      if (made !== undefined) {
        this.#next = made.end;
        this.#send(made.at, made.operations, true);
        continue;
      }
      this.#next = Math.min(at + this.#chunk, total, this.#taken + this.#window);
      this.#send(at, this.#content.subarray(at, this.#next), false);
    }
    this.#running = false;
    if (this.#next >= total) this.#allSent();
  }
}
