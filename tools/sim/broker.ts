// An MQTT broker for simulations and tests: aedes on a free port of 127.0.0.1, what passes through it told to observers, and
// the ways in which a broker fails at the press of a switch.

import { createServer, type Server, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { Aedes, type AedesPublishPacket } from "aedes";

export type BrokerEvent =
  | { kind: "connect"; client: string }
  | { kind: "disconnect"; client: string }
  | { kind: "subscribe"; client: string; topics: string[] }
  /** `client` is undefined for the broker's own publications (last wills, commands from the console). */
  | { kind: "publish"; client: string | undefined; topic: string; payload: Uint8Array; retain: boolean; qos: number };

export class SimBroker {
  readonly #aedes: Aedes;
  readonly #sockets = new Set<Socket>();
  readonly #listeners = new Set<(event: BrokerEvent) => void>();
  /** Payloads of publications in the broker's own name: told before they are delivered, so that no answer seems to come first. */
  readonly #told = new WeakSet<object>();
  #server: Server | undefined;
  #port = 0;
  /** New connections are accepted and never answered. */
  mute = false;
  /** Called for bytes in either direction, so that a scheduler of virtual time can wait for quiet. */
  onTraffic: () => void = () => {};
  /** Called when bytes went to a client. */
  onSent: (remoteAddress: string) => void = () => {};

  private constructor(aedes: Aedes) {
    this.#aedes = aedes;
    aedes.on("client", (client) => this.#emit({ kind: "connect", client: client.id }));
    aedes.on("clientDisconnect", (client) => this.#emit({ kind: "disconnect", client: client.id }));
    aedes.on("subscribe", (subscriptions, client) =>
      this.#emit({ kind: "subscribe", client: client.id, topics: subscriptions.map((each) => each.topic) }),
    );
    aedes.on("publish", (packet: AedesPublishPacket, client) => {
      if (packet.topic.startsWith("$SYS/") || this.#told.has(packet.payload as Buffer)) return;
      const payload = typeof packet.payload === "string" ? Buffer.from(packet.payload) : packet.payload;
      this.#emit({
        kind: "publish",
        client: client?.id,
        topic: packet.topic,
        payload: new Uint8Array(payload),
        retain: packet.retain,
        qos: packet.qos,
      });
    });
    // A client that breaks the protocol is closed by aedes; nobody else needs to know.
    aedes.on("clientError", () => {});
    aedes.on("connectionError", () => {});
  }

  /** A running broker on a free port, or on `port`. */
  static async start(port = 0): Promise<SimBroker> {
    const aedes = await Aedes.createBroker({ heartbeatInterval: 100_000_000 });
    storeAtOnce(aedes);
    const broker = new SimBroker(aedes);
    await broker.resume(port);
    return broker;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.#port}`;
  }

  /** Open connections. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Observes everything in order; returns a function that ends it. */
  observe(listener: (event: BrokerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Publishes in the broker's own name. */
  publish(topic: string, payload: string | Uint8Array, retain = false): Promise<void> {
    const bytes = Buffer.from(payload as string);
    this.#told.add(bytes);
    this.#emit({ kind: "publish", client: undefined, topic, payload: new Uint8Array(bytes), retain, qos: 0 });
    return new Promise((done, failed) => {
      this.#aedes.publish({ cmd: "publish", topic, payload: bytes, qos: 0, retain, dup: false }, (error) =>
        error ? failed(error) : done(),
      );
    });
  }

  /** Closes the port and every connection; `resume` opens the same port again. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise<void>((done) => server.close(() => done()));
    this.dropClients();
    await closed;
  }

  /** Listens again after `stop`. */
  async resume(port = this.#port): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer((socket) => this.#accept(socket));
    this.#server = server;
    await new Promise<void>((done, failed) => {
      server.once("error", failed);
      server.listen(port, "127.0.0.1", done);
    });
    this.#port = (server.address() as { port: number }).port;
  }

  /** Breaks every connection without a word of MQTT. */
  dropClients(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    await this.stop();
    await new Promise<void>((done) => this.#aedes.close(() => done()));
  }

  #emit(event: BrokerEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("close", () => {
      this.#sockets.delete(socket);
      this.onTraffic();
    });
    if (this.mute) {
      socket.on("error", () => {});
      socket.on("data", () => this.onTraffic());
      return;
    }
    // aedes gets a stream of our own, so that every byte is seen on its way.
    const remote = socket.remoteAddress ?? "";
    const stream = new Duplex({
      read: () => {},
      write: (chunk: Buffer, _encoding, done) => {
        this.onTraffic();
        this.onSent(remote);
        if (socket.destroyed) done();
        else socket.write(chunk, () => done());
      },
      final: (done) => {
        socket.end();
        done();
      },
      destroy: (_error, done) => {
        socket.destroy();
        done(null);
      },
    });
    socket.on("data", (chunk: Buffer) => {
      this.onTraffic();
      stream.push(chunk);
    });
    socket.on("end", () => stream.push(null));
    socket.on("error", () => stream.destroy());
    socket.on("close", () => stream.destroy());
    this.#aedes.handle(stream);
  }
}

interface Store {
  storeRetained(packet: AedesPublishPacket): Promise<void>;
}

/** Retained publications take a turn longer through aedes than others; a client that gets a later one first is then not sent the retained
 * one any more, as a duplicate. The memory's own storing is done when it returns, so there is nothing to wait for. */
function storeAtOnce(aedes: Aedes): void {
  // Declared for instances that others make; it is there on this one.
  const { persistence: store } = aedes as unknown as { persistence: Store };
  const stored = store.storeRetained.bind(store);
  const chained = {
    // biome-ignore lint/suspicious/noThenProperty: aedes chains on what it gets
    then: (done: () => void) => done(),
  };
  store.storeRetained = (packet) => {
    void stored(packet);
    return chained as unknown as Promise<void>;
  };
}
