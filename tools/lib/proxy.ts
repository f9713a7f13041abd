// A TCP proxy that makes a connection longer: a fixed one-way delay each way, in order, with no limit of bandwidth; and connections that
// break or are falsified after so many bytes. For tests and measurements only.

import { connect as connectSocket, createServer, type Socket } from "node:net";

export interface ProxyOptions {
  host: string;
  port: number;
  /** One-way delay in ms, half a round trip. */
  delayMs?: number;
  /** Breaks the next connection after so many bytes from the client; taken once. */
  breakAfterBytes?: number;
  /** Flips a bit of the byte at this offset from the client, in every connection. */
  flipAtByte?: number;
}

export class DelayProxy {
  /** Where to connect instead. */
  port = 0;
  readonly options: ProxyOptions;
  readonly #server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => this.#join(client));
  readonly #sockets = new Set<Socket>();

  private constructor(options: ProxyOptions) {
    this.options = options;
  }

  /** Listens on a free port of 127.0.0.1. */
  static async start(options: ProxyOptions): Promise<DelayProxy> {
    const proxy = new DelayProxy(options);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once("error", reject);
      proxy.#server.listen(0, "127.0.0.1", resolve);
    });
    const address = proxy.#server.address();
    if (address === null || typeof address === "string") throw new Error("the proxy has no port");
    proxy.port = address.port;
    return proxy;
  }

  /** Breaks all connections and stops listening. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #join(client: Socket): void {
    const delayMs = this.options.delayMs ?? 0;
    // Accepted here at once, but far away a client could not send before a round trip has opened the connection.
    const openMs = performance.now() + 2 * delayMs;
    const toDevice = new Line(delayMs, openMs);
    const toClient = new Line(delayMs, 0);
    let allowance = this.options.breakAfterBytes ?? Number.POSITIVE_INFINITY;
    let passed = 0;
    delete this.options.breakAfterBytes;
    this.#sockets.add(client);
    let device: Socket | undefined;
    const destroy = () => {
      client.destroy();
      device?.destroy();
    };
    toDevice.push(() => {
      device = connectSocket({ host: this.options.host, port: this.options.port, noDelay: true, allowHalfOpen: true });
      this.#sockets.add(device);
      device.on("data", (bytes) => toClient.push(() => client.write(bytes)));
      device.on("end", () => toClient.push(() => client.end()));
      device.on("error", () => toClient.push(destroy));
      device.on("close", () => this.#sockets.delete(device as Socket));
    });
    client.on("data", (bytes: Buffer) => {
      const flip = (this.options.flipAtByte ?? -1) - passed;
      passed += bytes.length;
      if (flip >= 0 && flip < bytes.length) bytes[flip] = (bytes[flip] as number) ^ 1;
      const part = bytes.subarray(0, allowance);
      allowance -= part.length;
      toDevice.push(() => device?.write(part));
      if (part.length === bytes.length) return;
      // An orderly end, so that the device gets what was let through; the client sees its connection break.
      toDevice.push(() => device?.end());
      toDevice.push(() => client.destroy());
    });
    client.on("end", () => toDevice.push(() => device?.end()));
    client.on("error", () => toDevice.push(destroy));
    client.on("close", () => this.#sockets.delete(client));
  }
}

/** Things that happen a fixed time after they were pushed, in order. */
class Line {
  readonly #delayMs: number;
  readonly #notBeforeMs: number;
  readonly #queue: { atMs: number; run: () => void }[] = [];
  #waiting = false;

  constructor(delayMs: number, notBeforeMs: number) {
    this.#delayMs = delayMs;
    this.#notBeforeMs = notBeforeMs;
  }

  push(run: () => void): void {
    if (this.#delayMs === 0) {
      run();
      return;
    }
    this.#queue.push({ atMs: Math.max(performance.now(), this.#notBeforeMs) + this.#delayMs, run });
    if (!this.#waiting) this.#wait();
  }

  #wait(): void {
    const first = this.#queue[0];
    this.#waiting = first !== undefined;
    if (first === undefined) return;
    setTimeout(
      () => {
        const now = performance.now();
        while (this.#queue[0] !== undefined && this.#queue[0].atMs <= now) this.#queue.shift()!.run();
        this.#wait();
      },
      Math.max(0, first.atMs - performance.now()),
    );
  }
}
