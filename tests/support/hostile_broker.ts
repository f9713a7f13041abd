// The port that a device under test takes for its broker: passes everything on to a good one, or does to each connection what a test says.

import { connect as connectSocket, createServer, type Socket } from "node:net";
import type { Bench } from "../../tools/sim/bench.ts";

/** What a connection is for a hostile behaviour. */
export interface Victim {
  /** Everything that the device has sent on it. */
  received: Buffer;
  send(bytes: Uint8Array | number[]): void;
  /** Ends the connection with FIN. */
  end(): void;
  /** Ends it with RST. */
  reset(): void;
  /** Takes no more bytes from the device; its socket fills up. */
  stopReading(): void;
  /** Runs `run` after so much device time, if the connection is still there. */
  after(ms: number, run: () => void): void;
}

/** Called once per connection; what it returns is called with each piece from the device. */
export type Behaviour = (victim: Victim) => ((bytes: Buffer) => void) | undefined;

export class HostileBroker {
  port = 0;
  /** Undefined: a good broker. */
  behaviour: Behaviour | undefined;
  /** Connections since the beginning. */
  connections = 0;
  /** The bench whose broker is the good one; set before the device's power comes on. */
  bench!: Bench;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer({ noDelay: true }, (socket) => this.#accept(socket));

  static async start(): Promise<HostileBroker> {
    const broker = new HostileBroker();
    await new Promise<void>((done) => broker.#server.listen(0, "127.0.0.1", done));
    broker.port = (broker.#server.address() as { port: number }).port;
    return broker;
  }

  /** Behaves so from now on: present connections end. */
  become(behaviour: Behaviour | undefined): void {
    this.behaviour = behaviour;
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.become(undefined);
    await new Promise<void>((done) => this.#server.close(() => done()));
  }

  #accept(socket: Socket): void {
    const { world } = this.bench;
    this.connections++;
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#sockets.delete(socket);
      world.noteTraffic();
    });
    if (this.behaviour === undefined) {
      this.#passOn(socket);
      return;
    }
    const remote = socket.remoteAddress ?? "";
    const victim: Victim = {
      received: Buffer.alloc(0),
      send: (bytes) => {
        world.noteSent(remote);
        if (!socket.destroyed) socket.write(Uint8Array.from(bytes));
      },
      end: () => {
        world.noteSent(remote);
        socket.end();
      },
      reset: () => {
        world.noteSent(remote);
        socket.resetAndDestroy();
      },
      stopReading: () => void socket.pause(),
      after: (ms, run) => {
        world.clock.after(ms * 1000, () => {
          if (!socket.destroyed) run();
        });
      },
    };
    const onBytes = this.behaviour(victim);
    socket.on("data", (bytes: Buffer) => {
      world.noteTraffic();
      victim.received = Buffer.concat([victim.received, bytes]);
      onBytes?.(bytes);
    });
  }

  #passOn(socket: Socket): void {
    const { world, broker } = this.bench;
    const good = connectSocket({ port: broker?.port ?? 0, host: "127.0.0.1", noDelay: true });
    this.#sockets.add(good);
    socket.on("data", (bytes) => {
      world.noteTraffic();
      good.write(bytes);
    });
    good.on("data", (bytes) => {
      world.noteSent(socket.remoteAddress ?? "");
      socket.write(bytes);
    });
    good.on("error", () => {});
    good.on("close", () => {
      this.#sockets.delete(good);
      socket.destroy();
    });
    socket.on("close", () => good.destroy());
  }
}

export const CONNACK_OK = [0x20, 2, 0, 0];

/** A PUBLISH of QoS 0. */
export function publish(topic: string, payload: string | Uint8Array): Buffer {
  const name = Buffer.from(topic);
  const body = Buffer.concat([
    Buffer.from([name.length >> 8, name.length & 255]),
    name,
    Buffer.from(payload as string),
  ]);
  return Buffer.concat([Buffer.from([0x30, ...remainingLength(body.length)]), body]);
}

export function remainingLength(length: number): number[] {
  const bytes: number[] = [];
  for (let rest = length; ; ) {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low | 128 : low);
    if (rest === 0) return bytes;
  }
}
