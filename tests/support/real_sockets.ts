// Real TCP sockets behind the native API's non-blocking calls, and a loop that turns when one of them has something to say.

import { createConnection, type Socket } from "node:net";
import { BenchLoop, textNative } from "./mqtt_bench.ts";

interface Connection {
  socket: Socket;
  state: number;
  inbound: Buffer;
}

/** `native` for one MQTT client on the machine's own TCP; `done()` closes what is left. */
export class RealSockets {
  readonly loop = new BenchLoop();
  readonly #connections: (Connection | undefined)[] = [];
  readonly #startMs = performance.now();
  #watchers: (() => void)[] = [];
  #scheduled = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ended = false;

  /** Asks for a turn as soon as the event that led here is over. */
  wake(): void {
    if (this.#scheduled || this.#ended) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#ended) return;
      this.loop.timeMs = performance.now() - this.#startMs;
      this.loop.turn();
      for (const watcher of [...this.#watchers]) watcher();
      clearTimeout(this.#timer);
      const waitMs = this.loop.nextMs() - this.loop.timeMs;
      if (waitMs < 1e9) this.#timer = setTimeout(() => this.wake(), Math.max(0, waitMs));
    });
  }

  /** Resolves after the first turn that makes `condition` true. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const watcher = (): void => {
        if (!condition()) return;
        this.#watchers = this.#watchers.filter((other) => other !== watcher);
        resolve();
      };
      this.#watchers.push(watcher);
      this.wake();
    });
  }

  /** Cuts every connection without a word of the client's. */
  cut(): void {
    for (const connection of this.#connections) connection?.socket.destroy();
  }

  done(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.cut();
  }

  native(): object {
    const at = (id: number): Connection => {
      const connection = this.#connections[id];
      if (connection === undefined) throw new Error(`no socket ${id}`);
      return connection;
    };
    return {
      ...textNative,
      uniqueId: () => "0123456789ab",
      log: () => {},
      netResolve: (name: string) => name,
      socketConnect: (host: string, port: number) => {
        const connection: Connection = { socket: createConnection({ host, port }), state: 0, inbound: Buffer.alloc(0) };
        const change = (state: number): void => {
          connection.state = state;
          this.wake();
        };
        connection.socket.on("connect", () => change(1));
        connection.socket.on("data", (data) => {
          connection.inbound = Buffer.concat([connection.inbound, Buffer.from(data as Uint8Array)]);
          this.wake();
        });
        connection.socket.on("error", () => change(-1));
        connection.socket.on("close", () => change(-1));
        return this.#connections.push(connection) - 1;
      },
      socketState: (id: number) => at(id).state,
      socketSend: (id: number, bytes: Uint8Array, start: number, end: number) => {
        if (at(id).state < 0) return -1;
        at(id).socket.write(bytes.slice(start, end));
        return end - start;
      },
      socketReceive: (id: number, bytes: Uint8Array, start: number) => {
        const connection = at(id);
        const part = connection.inbound.subarray(0, bytes.length - start);
        if (part.length === 0) return connection.state < 0 ? -1 : 0;
        bytes.set(part, start);
        connection.inbound = connection.inbound.subarray(part.length);
        return part.length;
      },
      socketClose: (id: number) => {
        at(id).socket.end();
        this.#connections[id] = undefined;
      },
    };
  }
}
