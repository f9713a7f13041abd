// A broker for one client that does nothing but feed it: it answers what a client needs, and sends prepared packets as fast as they go.

import { createServer, type Server, type Socket } from "node:net";
import mqttPacket, { type Packet } from "mqtt-packet";

export class Feeder {
  readonly port: number;
  /** Called for every publication of the client. */
  onPublish: (topic: string, payload: string) => void = () => {};
  readonly #server: Server;
  #socket: Socket | undefined;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
    server.on("connection", (socket) => this.#serve(socket));
  }

  /** Listens on a free port of 127.0.0.1. */
  static async start(): Promise<Feeder> {
    const server = createServer({ noDelay: true });
    await new Promise<void>((done, failed) => {
      server.once("error", failed);
      server.listen(0, "127.0.0.1", done);
    });
    return new Feeder(server, (server.address() as { port: number }).port);
  }

  /** Sends bytes to the client. */
  send(bytes: Uint8Array): void {
    this.#socket?.write(bytes);
  }

  async close(): Promise<void> {
    this.#socket?.destroy();
    await new Promise<void>((done) => this.#server.close(() => done()));
  }

  #serve(socket: Socket): void {
    this.#socket = socket;
    const parser = mqttPacket.parser({ protocolVersion: 4 });
    parser.on("packet", (packet: Packet) => this.#take(packet));
    socket.on("data", (bytes) => parser.parse(bytes as Buffer));
    socket.on("error", () => {}); // the device's end
  }

  #take(packet: Packet): void {
    if (packet.cmd === "connect")
      this.send(mqttPacket.generate({ cmd: "connack", returnCode: 0, sessionPresent: false }));
    else if (packet.cmd === "subscribe")
      this.send(mqttPacket.generate({ cmd: "suback", messageId: packet.messageId as number, granted: [0] }));
    else if (packet.cmd === "pingreq") this.send(mqttPacket.generate({ cmd: "pingresp" }));
    else if (packet.cmd === "publish") this.onPublish(packet.topic, packet.payload.toString());
  }
}

/** A QoS 0 publication as bytes. */
export function publication(topic: string, payload: string): Uint8Array {
  return mqttPacket.generate({ cmd: "publish", topic, payload, qos: 0, dup: false, retain: false });
}
