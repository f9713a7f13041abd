// A small deterministic MQTT 3.1.1 broker on a MemoryNet, for houses of many devices in one process: everything happens at once, in
// order, in virtual time. QoS 0 and 1 in, QoS 0 out, retained messages, last wills, keep-alive. Packets are mqtt-packet's, so that
// our own codec is not only tested against itself.

import mqttPacket, { type IConnectPacket, type IPublishPacket, type Packet, type Parser } from "mqtt-packet";
import type { Timer } from "./clock.ts";
import type { Endpoint, MemoryNet } from "./memory_net.ts";

/** Bytes that may wait for one client; a client that reads slower than that is dropped. */
const QUEUE_BYTES_MAX = 1 << 20;

export interface TinyPublication {
  /** Client id; undefined for the broker's own. */
  client: string | undefined;
  topic: string;
  payload: Uint8Array;
  retain: boolean;
}

interface Session {
  end: Endpoint;
  parser: Parser;
  connect: IConnectPacket | undefined;
  topics: Set<string>;
  queue: Uint8Array[];
  queued: number;
  silence: Timer | undefined;
  gone: boolean;
}

export class TinyBroker {
  /** Every publication, in order. */
  readonly seen: TinyPublication[] = [];
  readonly retained = new Map<string, Uint8Array>();
  /** Accepts connections and never answers. */
  mute = false;
  /** When set, clients must name themselves with these. */
  credentials: { user: string; password: string } | undefined;
  onPublish: (publication: TinyPublication) => void = () => {};
  readonly #net: MemoryNet;
  readonly #address: string;
  readonly #port: number;
  readonly #sessions = new Set<Session>();
  #stop: (() => void) | undefined;

  /** Listens at once. */
  constructor(net: MemoryNet, address: string, port = 1883) {
    this.#net = net;
    this.#address = address;
    this.#port = port;
    this.start();
  }

  /** Ids of the connected clients. */
  get clients(): string[] {
    return [...this.#sessions].flatMap((each) => (each.connect === undefined ? [] : [each.connect.clientId]));
  }

  /** Topic filters of the connected clients. */
  get filters(): string[] {
    return [...this.#sessions].flatMap((each) => [...each.topics]);
  }

  start(): void {
    this.#stop ??= this.#net.listen(this.#address, this.#port, (end) => this.#accept(end));
  }

  /** Vanishes: the port refuses, connections break. */
  stop(): void {
    this.#stop?.();
    this.#stop = undefined;
    this.dropClients();
  }

  dropClients(): void {
    for (const session of [...this.#sessions]) this.#drop(session, false);
  }

  publish(topic: string, payload: string | Uint8Array, retain = false): void {
    this.#route({ client: undefined, topic, payload: Buffer.from(payload as string), retain });
  }

  #accept(end: Endpoint): boolean {
    const session: Session = {
      end,
      parser: mqttPacket.parser({ protocolVersion: 4 }),
      connect: undefined,
      topics: new Set(),
      queue: [],
      queued: 0,
      silence: undefined,
      gone: false,
    };
    if (this.mute) return true;
    this.#sessions.add(session);
    session.parser.on("packet", (packet: Packet) => this.#take(session, packet));
    session.parser.on("error", () => this.#drop(session, false));
    end.onWake = () => this.#wake(session);
    return true;
  }

  #wake(session: Session): void {
    const bytes = session.end.read();
    if (bytes.length > 0) {
      this.#watch(session);
      session.parser.parse(Buffer.from(bytes));
    }
    this.#flush(session);
    if (session.end.ended) this.#drop(session, false);
  }

  #take(session: Session, packet: Packet): void {
    if (session.gone) return;
    if (session.connect === undefined && packet.cmd !== "connect") {
      this.#drop(session, false);
      return;
    }
    switch (packet.cmd) {
      case "connect":
        this.#connected(session, packet);
        return;
      case "publish":
        if (packet.qos === 1) this.#send(session, { cmd: "puback", messageId: packet.messageId as number });
        this.#route({
          client: session.connect?.clientId,
          topic: packet.topic,
          payload: Buffer.from(packet.payload as Buffer),
          retain: packet.retain,
        });
        return;
      case "subscribe":
        for (const each of packet.subscriptions) session.topics.add(each.topic);
        this.#send(session, {
          cmd: "suback",
          messageId: packet.messageId as number,
          granted: packet.subscriptions.map(() => 0),
        });
        for (const [topic, payload] of this.retained)
          if (packet.subscriptions.some((each) => topicMatches(each.topic, topic)))
            this.#send(session, publishPacket(topic, payload, true));
        return;
      case "unsubscribe":
        for (const topic of packet.unsubscriptions) session.topics.delete(topic);
        this.#send(session, { cmd: "unsuback", messageId: packet.messageId as number, granted: [] });
        return;
      case "pingreq":
        this.#send(session, { cmd: "pingresp" });
        return;
      case "disconnect":
        this.#drop(session, true);
        return;
      default: // acknowledgements of what was never sent with QoS 1
    }
  }

  #connected(session: Session, packet: IConnectPacket): void {
    const { credentials } = this;
    const known =
      credentials === undefined ||
      (packet.username === credentials.user && String(packet.password) === credentials.password);
    for (const other of this.#sessions)
      if (other !== session && other.connect?.clientId === packet.clientId) this.#drop(other, false);
    session.connect = known ? packet : undefined;
    this.#send(session, { cmd: "connack", returnCode: known ? 0 : 4, sessionPresent: false });
    if (!known) this.#drop(session, true);
    else this.#watch(session);
  }

  /** A client that is silent for one and a half times its keep-alive is gone. */
  #watch(session: Session): void {
    if (session.silence !== undefined) session.silence.cancelled = true;
    const seconds = session.connect?.keepalive ?? 0;
    if (seconds === 0 || session.gone) return;
    session.silence = this.#net.clock.after(seconds * 1_500_000, () => this.#drop(session, false));
  }

  #route(publication: TinyPublication): void {
    const { topic, payload, retain } = publication;
    this.seen.push(publication);
    if (retain && payload.length === 0) this.retained.delete(topic);
    else if (retain) this.retained.set(topic, payload);
    this.onPublish(publication);
    for (const session of [...this.#sessions])
      if ([...session.topics].some((filter) => topicMatches(filter, topic)))
        this.#send(session, publishPacket(topic, payload, false));
  }

  #send(session: Session, packet: Packet): void {
    const bytes = mqttPacket.generate(packet);
    session.queue.push(bytes);
    session.queued += bytes.length;
    if (session.queued > QUEUE_BYTES_MAX) this.#drop(session, false);
    else this.#flush(session);
  }

  #flush(session: Session): void {
    for (let first = session.queue[0]; first !== undefined; first = session.queue[0]) {
      const sent = session.end.send(first);
      if (sent <= 0) return;
      session.queued -= sent;
      if (sent < first.length) session.queue[0] = first.subarray(sent);
      else session.queue.shift();
    }
  }

  #drop(session: Session, clean: boolean): void {
    if (session.gone) return;
    session.gone = true;
    if (session.silence !== undefined) session.silence.cancelled = true;
    this.#sessions.delete(session);
    session.end.onWake = () => {};
    session.end.close();
    const will = session.connect?.will;
    if (!clean && will !== undefined)
      this.#route({
        client: session.connect?.clientId,
        topic: will.topic,
        payload: Buffer.from(will.payload as string),
        retain: will.retain === true,
      });
  }
}

/** MQTT topic filters: `+` is one level, `#` the rest; neither matches a first level that begins with `$`. */
export function topicMatches(filter: string, topic: string): boolean {
  // Most filters are whole topics, and each publication meets all of them.
  if (filter === topic || !(filter.includes("+") || filter.includes("#"))) return filter === topic;
  const filters = filter.split("/");
  const levels = topic.split("/");
  if (topic.startsWith("$") && (filters[0] === "+" || filters[0] === "#")) return false;
  for (let index = 0; index < filters.length; index++) {
    if (filters[index] === "#") return true;
    if (index >= levels.length) return false;
    if (filters[index] !== "+" && filters[index] !== levels[index]) return false;
  }
  return filters.length === levels.length;
}

function publishPacket(topic: string, payload: Uint8Array, retain: boolean): IPublishPacket {
  return { cmd: "publish", topic, payload: Buffer.from(payload), qos: 0, dup: false, retain };
}
