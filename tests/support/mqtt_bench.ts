// A loop in virtual time and a native with text, clock and sockets that a test holds the other end of: what the MQTT client needs, no more.

import type { Loop } from "../../device/loop.ts";

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text functions of `native`, as the firmware has them. */
export const textNative = {
  encodeText: (text: string): Uint8Array => new TextEncoder().encode(text),
  decodeText(bytes: Uint8Array, start: number, end: number): string | undefined {
    try {
      return decoder.decode(bytes.subarray(start, end));
    } catch {
      return undefined;
    }
  },
  formatFixed: (value: number, digits: number): string => value.toFixed(digits),
};

const preloaded = (globalThis as { native?: object }).native;

/** Makes `fake` the global `native` of the device code under test; without one, what the preload installed. */
export function installNative(fake = preloaded): void {
  (globalThis as { native?: object | undefined }).native = fake;
}

class BenchTask {
  dueMs = Number.POSITIVE_INFINITY;
  private periodMs = 0;
  private fudgeMs = 0;
  constructor(
    private readonly loop: BenchLoop,
    readonly run: () => void,
  ) {}
  get active(): boolean {
    return this.dueMs < Number.POSITIVE_INFINITY;
  }
  once(delayMs: number, fudgeMs = 0): void {
    this.periodMs = 0;
    this.dueMs = this.loop.now() + delayMs + this.loop.fudge() * fudgeMs;
    this.loop.waits.push(this.dueMs - this.loop.now());
  }
  every(periodMs: number, fudgeMs = 0): void {
    this.once(periodMs, fudgeMs);
    this.periodMs = periodMs;
    this.fudgeMs = fudgeMs;
  }
  stop(): void {
    this.dueMs = Number.POSITIVE_INFINITY;
  }
  fire(): void {
    this.stop();
    if (this.periodMs > 0) this.every(this.periodMs, this.fudgeMs);
    this.run();
  }
}

/** Stands in for device/loop.ts where a test wants to choose the fudge and see the waits. */
export class BenchLoop {
  timeMs = 0;
  /** Chooses the random share of a fudge, 0..1. */
  fudge: () => number = () => 0;
  /** The waits that tasks asked for, in order. */
  readonly waits: number[] = [];
  readonly #tasks: BenchTask[] = [];
  readonly #polls: (() => void)[] = [];
  #again = false;

  asLoop(): Loop {
    return this as unknown as Loop;
  }
  now(): number {
    return this.timeMs;
  }
  task(run: () => void): BenchTask {
    const task = new BenchTask(this, run);
    this.#tasks.push(task);
    return task;
  }
  poll(run: () => void): { stop(): void } {
    this.#polls.push(run);
    return { stop: () => void this.#polls.splice(this.#polls.indexOf(run), 1) };
  }
  soon(): void {
    this.#again = true;
  }
  onEvent(): void {}

  /** What is due now, then the polls, until nobody asks for another turn. */
  turn(): void {
    do {
      this.#again = false;
      for (const task of this.#tasks) if (task.dueMs <= this.timeMs) task.fire();
      for (const poll of [...this.#polls]) poll();
    } while (this.#again);
  }

  nextMs(): number {
    return Math.min(...this.#tasks.map((task) => task.dueMs));
  }

  /** Lets `ms` pass. */
  pass(ms: number): void {
    const untilMs = this.timeMs + ms;
    this.turn();
    while (this.nextMs() <= untilMs) {
      this.timeMs = this.nextMs();
      this.turn();
    }
    this.timeMs = untilMs;
    this.turn();
  }
}

/** The broker's end of a socket. */
export class FakeSocket {
  state = 0;
  /** Room for bytes from the client. */
  room = Number.POSITIVE_INFINITY;
  inbound: number[] = [];
  outbound: number[] = [];
  closedByClient = false;
  constructor(
    readonly address: string,
    readonly port: number,
  ) {}
}

/** Sockets and names. */
export class FakeNetwork {
  readonly sockets: FakeSocket[] = [];
  readonly names = new Map<string, string>();
  readonly resolved: string[] = [];
  readonly log: string[] = [];

  get last(): FakeSocket {
    return this.sockets[this.sockets.length - 1] as FakeSocket;
  }

  native(): object {
    return {
      ...textNative,
      uniqueId: () => "0123456789ab",
      log: (line: string) => void this.log.push(line),
      netResolve: (name: string) => {
        this.resolved.push(name);
        return this.names.get(name);
      },
      socketConnect: (address: string, port: number) => this.sockets.push(new FakeSocket(address, port)) - 1,
      socketState: (id: number) => this.sockets[id]?.state ?? -1,
      socketSend: (id: number, bytes: Uint8Array, start: number, end: number) => {
        const socket = this.sockets[id] as FakeSocket;
        if (socket.state < 0) return -1;
        const count = Math.min(end - start, socket.room);
        socket.room -= count;
        socket.outbound.push(...bytes.subarray(start, start + count));
        return count;
      },
      socketReceive: (id: number, bytes: Uint8Array, start: number) => {
        const socket = this.sockets[id] as FakeSocket;
        if (start >= bytes.length) throw new Error("no room to receive into");
        const part = socket.inbound.splice(0, bytes.length - start);
        if (part.length === 0) return socket.state < 0 ? -1 : 0;
        bytes.set(part, start);
        return part.length;
      },
      socketClose: (id: number) => {
        (this.sockets[id] as FakeSocket).closedByClient = true;
      },
    };
  }
}
