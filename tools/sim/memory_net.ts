// A small network in memory for in-process simulations: streams of bytes between addresses, delivered through the SimClock.
// It owns delivery, back-pressure and refusal; who is reachable (Wi-Fi) is the machine's business.

import type { SimClock } from "./clock.ts";

/** Bytes that may wait unread at one end before the other end's send takes no more; about what a chip's TCP window holds. */
export const WINDOW_BYTES = 16384;

/** Takes an incoming connection; false refuses it. */
export type Accept = (end: Endpoint) => boolean;

export class MemoryNet {
  readonly clock: SimClock;
  /** One-way delay of everything that is sent. */
  latencyUs = 1000;
  /** Longest piece in which bytes arrive; small values exercise every split. */
  maxPiece = 1460;
  /** Host names, for `netResolve`. */
  readonly hosts = new Map<string, string>();
  readonly #listeners = new Map<string, Accept>();

  constructor(clock: SimClock) {
    this.clock = clock;
  }

  /** Listens at `address:port`; returns a function that ends it. Throws when the place is taken. */
  listen(address: string, port: number, accept: Accept): () => void {
    const key = `${address}:${port}`;
    if (this.#listeners.has(key)) throw new Error(`${key} is in use`);
    this.#listeners.set(key, accept);
    return () => {
      if (this.#listeners.get(key) === accept) this.#listeners.delete(key);
    };
  }

  /** Begins to connect; the end is open or closed after a round trip. */
  connect(address: string, port: number): Endpoint {
    const near = new Endpoint(this);
    this.clock.after(this.latencyUs, () => {
      const far = new Endpoint(this);
      const accept = this.#listeners.get(`${address}:${port}`);
      far.state = "open";
      far.peer = near;
      const taken = accept !== undefined && !near.silent && accept(far);
      if (taken) near.peer = far;
      this.clock.after(this.latencyUs, () => near.settle(taken));
    });
    return near;
  }
}

/** One end of a stream. */
export class Endpoint {
  state: "connecting" | "open" | "closed" = "connecting";
  /** Nothing goes in or out any more and the other end is told nothing, as when a radio goes off. */
  silent = false;
  peer: Endpoint | undefined;
  /** Called whenever the state changes, bytes arrive, or room to send appears. */
  onWake: () => void = () => {};
  readonly #net: MemoryNet;
  readonly #arrived: Uint8Array[] = [];
  #offset = 0;
  #unread = 0;
  #onTheWay = 0;
  #ended = false;

  constructor(net: MemoryNet) {
    this.#net = net;
  }

  /** The handshake's result; for MemoryNet only. */
  settle(taken: boolean): void {
    if (this.state !== "connecting" || this.silent) return;
    this.state = taken ? "open" : "closed";
    this.onWake();
  }

  /** Bytes that the other end would still take. */
  get room(): number {
    const peer = this.peer;
    return peer === undefined ? 0 : Math.max(0, WINDOW_BYTES - peer.#unread - peer.#onTheWay);
  }

  /** Sends as much as there is room for; returns how many bytes, or -1 when the connection is gone. */
  send(bytes: Uint8Array): number {
    if (this.state !== "open") return this.state === "connecting" ? 0 : -1;
    const peer = this.peer;
    if (peer === undefined || this.silent) return Math.min(bytes.length, WINDOW_BYTES);
    const taken = Math.min(bytes.length, this.room);
    for (let at = 0; at < taken; at += this.#net.maxPiece) {
      const piece = bytes.slice(at, Math.min(taken, at + this.#net.maxPiece));
      peer.#onTheWay += piece.length;
      this.#net.clock.after(this.#net.latencyUs, () => peer.#arrive(piece));
    }
    return taken;
  }

  #arrive(piece: Uint8Array): void {
    this.#onTheWay -= piece.length;
    if (this.silent) return;
    if (this.state === "closed") {
      this.peer?.reset();
      return;
    }
    this.#arrived.push(piece);
    this.#unread += piece.length;
    this.onWake();
  }

  /** Copies what has arrived to `into` from `start` on; 0 when there is nothing now, -1 at the end of the stream. */
  receive(into: Uint8Array, start: number): number {
    let at = start;
    while (at < into.length) {
      const first = this.#arrived[0];
      if (first === undefined) break;
      const count = Math.min(first.length - this.#offset, into.length - at);
      into.set(first.subarray(this.#offset, this.#offset + count), at);
      at += count;
      this.#offset += count;
      if (this.#offset === first.length) {
        this.#arrived.shift();
        this.#offset = 0;
      }
    }
    const count = at - start;
    if (count === 0) return this.#ended || this.state === "closed" ? -1 : 0;
    const wasFull = this.#unread >= WINDOW_BYTES;
    this.#unread -= count;
    const peer = this.peer;
    if (wasFull && peer !== undefined) this.#net.clock.after(this.#net.latencyUs, () => peer.onWake());
    return count;
  }

  /** Everything that has arrived. */
  read(): Uint8Array {
    const all = new Uint8Array(this.#unread);
    this.receive(all, 0);
    return all;
  }

  /** True when the other end has closed and everything was read. */
  get ended(): boolean {
    return this.#unread === 0 && (this.#ended || this.state === "closed");
  }

  /** Closes; the other end sees the end of the stream after what was sent. */
  close(): void {
    if (this.state === "closed") return;
    this.state = "closed";
    const peer = this.peer;
    if (peer === undefined || this.silent) return;
    this.#net.clock.after(this.#net.latencyUs, () => peer.#end());
  }

  #end(): void {
    if (this.silent) return;
    this.#ended = true;
    this.onWake();
  }

  /** The connection is gone at this end, without a word to the other. */
  reset(): void {
    if (this.state === "closed") return;
    this.state = "closed";
    this.onWake();
  }
}
