// The socket table of an in-memory chip: small ids over Endpoints of a MemoryNet, with the meaning of native.d.ts.

import { Endpoint, type MemoryNet } from "./memory_net.ts";

/** Sockets that are open at a time, listening ones included. */
export const SOCKETS_MAX = 8;

interface Listener {
  pending: Endpoint | undefined;
  stop: () => void;
}

export class MemorySockets {
  readonly #net: MemoryNet;
  readonly #wake: () => void;
  readonly #table: (Endpoint | Listener | undefined)[] = new Array(SOCKETS_MAX).fill(undefined);

  /** `wake` is called when a socket has something to tell. */
  constructor(net: MemoryNet, wake: () => void) {
    this.#net = net;
    this.#wake = wake;
  }

  /** The new socket's id, or -1 when all are in use. */
  connect(address: string, port: number, reachable: boolean): number {
    const id = this.#table.indexOf(undefined);
    if (id < 0) return -1;
    const end = this.#net.connect(address, port);
    end.silent = !reachable;
    this.#adopt(id, end);
    return id;
  }

  /** The listening socket's id, or -1 when all are in use. `reachable` is asked at each connection. */
  listen(address: string, port: number, reachable: () => boolean): number {
    const id = this.#table.indexOf(undefined);
    if (id < 0) return -1;
    const listener: Listener = { pending: undefined, stop: () => {} };
    listener.stop = this.#net.listen(address, port, (end) => {
      if (listener.pending !== undefined || !reachable()) return false;
      listener.pending = end;
      this.#wake();
      return true;
    });
    this.#table[id] = listener;
    return id;
  }

  accept(id: number): number {
    const listener = this.#table[id];
    if (listener === undefined || listener instanceof Endpoint || listener.pending === undefined) return -1;
    const free = this.#table.indexOf(undefined);
    if (free < 0) return -1;
    this.#adopt(free, listener.pending);
    listener.pending = undefined;
    return free;
  }

  state(id: number): number {
    const end = this.#table[id];
    if (!(end instanceof Endpoint) || end.state === "closed") return -1;
    return end.state === "open" ? 1 : 0;
  }

  send(id: number, bytes: Uint8Array): number {
    const end = this.#table[id];
    return end instanceof Endpoint ? end.send(bytes) : -1;
  }

  receive(id: number, bytes: Uint8Array, start: number): number {
    const end = this.#table[id];
    return end instanceof Endpoint ? end.receive(bytes, start) : -1;
  }

  close(id: number): void {
    const entry = this.#table[id];
    this.#table[id] = undefined;
    if (entry instanceof Endpoint) {
      entry.onWake = () => {};
      entry.close();
    } else if (entry !== undefined) {
      entry.pending?.close();
      entry.stop();
    }
  }

  /** The radio is gone: nothing passes any more. `known` says that this end is told (its sockets fail). */
  cut(known: boolean): void {
    for (const entry of this.#table) {
      if (!(entry instanceof Endpoint)) continue;
      entry.silent = true;
      if (known) entry.reset();
    }
  }

  /** The chip restarts: what it had is gone; the others learn it as from an operating system that closes, or not at all after a power cut. */
  drop(silently: boolean): void {
    if (silently) this.cut(false);
    for (let id = 0; id < SOCKETS_MAX; id++) this.close(id);
  }

  #adopt(id: number, end: Endpoint): void {
    this.#table[id] = end;
    end.onWake = this.#wake;
  }
}
