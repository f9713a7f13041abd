// The MQTT client: one connection over a non-blocking socket, kept alive, renewed with back-off. Bytes are mqtt_codec.ts; when to
// start and what to publish is the appliance's.

import type { Loop, Poll, Task } from "./loop.ts";
import {
  CONNACK,
  encodeConnect,
  encodePacket,
  encodePuback,
  encodePublish,
  encodeSubscribe,
  MqttDecoder,
  PINGRESP,
  PUBLISH,
  SUBACK,
  topicMatches,
} from "./mqtt_codec.ts";

/** A connection attempt (TCP and CONNACK) that takes longer has failed. */
export const CONNECT_TIMEOUT_MS = 15_000;
/** The first wait before a new attempt; each further one waits BACKOFF_FACTOR times longer, up to BACKOFF_MAX_MS. */
export const BACKOFF_MIN_MS = 500;
export const BACKOFF_FACTOR = 1.5;
export const BACKOFF_MAX_MS = 30_000;
/** Up to this share of the wait is added at random, so that a fleet does not come back in step. */
export const BACKOFF_JITTER = 0.5;
/** A connection that held for so long makes the back-off start over; one that is dropped sooner does not. */
export const STABLE_MS = 10_000;
export const KEEP_ALIVE_S = 60;
/** A ping after 20..30 s unless something was published since the last look. */
export const PING_MIN_MS = 20_000;
export const PING_FUDGE_MS = 10_000;
export const PING_ANSWER_MS = 15_000;
/** A broker that said nothing for so long is pinged whatever was published: publications of QoS 0 have no answer. */
export const SILENT_MAX_S = 60;
/** Bytes that wait for room in the socket; a publication beyond is refused. */
export const SEND_MAX = 4096;
/** The longest payload of `publishPieces`, which waits for nothing else to wait. */
export const PIECES_MAX = 8192;
/** Reads per turn, so that a flood does not starve the rest of the device. */
export const READS_PER_TURN = 16;

export interface MqttSettings {
  /** A host name or an IPv4 address. */
  broker: string;
  port: number;
  /** The config token `mqttname`. */
  name: string;
  user?: string;
  password?: string;
}

export type MqttHandler = (payload: string, retained: boolean, duplicate: boolean, topic: string) => void;

const REFUSALS = ["", "protocol version", "client id", "server unavailable", "bad user or password", "not authorized"];

const STOPPED = 0;
/** Between attempts. */
const WAITING = 1;
/** TCP is being opened. */
const OPENING = 2;
/** CONNECT is sent. */
const GREETING = 3;
const CONNECTED = 4;

export class Mqtt {
  /** Connections lost since boot; attempts that failed are not counted. */
  lost = 0;
  /** Inbound publications that were not handed on because they were too long or their payload is not UTF-8. */
  get dropped(): number {
    return this.undecoded + this.decoder.skipped;
  }
  /** Publications refused because the send buffer was full. */
  refused = 0;
  /** Why the last connection or attempt ended; "" before. */
  lastError = "";

  private state = STOPPED;
  private socket = -1;
  /** The broker's address while it is believed to be right. */
  private address = "";
  private undecoded = 0;
  private heardMs = 0;
  private connectedMs = 0;
  private backoffMs = BACKOFF_MIN_MS;
  private pinged = false;
  private published = false;
  private packetId = 0;
  private readonly decoder = new MqttDecoder();
  /** Packets that the socket has not taken yet; of the first one, from `sent` on. */
  private readonly queue: Uint8Array[] = [];
  private queued = 0;
  private sent = 0;
  private readonly filters: string[] = [];
  private readonly handlers: MqttHandler[] = [];
  private readonly connectHandlers: (() => void)[] = [];
  private readonly lostHandlers: (() => void)[] = [];
  private readonly timer: Task;
  private poller: Poll | undefined;

  constructor(
    private readonly loop: Loop,
    private readonly settings: MqttSettings,
  ) {
    this.timer = loop.task(() => this.due(), true, "mqtt");
    this.heardMs = loop.now();
  }

  get connected(): boolean {
    return this.state === CONNECTED;
  }

  /** Connects, and again whenever the connection is lost, until stop(). */
  start(): void {
    if (this.state !== STOPPED) return;
    this.backoffMs = BACKOFF_MIN_MS;
    this.heardMs = this.loop.now();
    // Not core: what a handler throws on a (perhaps retained) message must not restart the device again and again.
    this.poller = this.loop.poll(() => this.poll());
    this.state = WAITING;
    this.timer.once(0);
  }

  /** Says `offline` if there is a connection, and closes it. Does not call the onLost handlers. */
  stop(): void {
    if (this.state === STOPPED) return;
    if (this.state === CONNECTED) {
      this.publish(this.willTopic(), "offline", true);
      this.send(encodePacket(0xe0, []));
    }
    this.close();
    this.state = STOPPED;
    this.timer.stop();
    this.poller?.stop();
    this.poller = undefined;
  }

  onConnect(handler: () => void): void {
    this.connectHandlers.push(handler);
  }

  /** Called when a connection that stood is gone. */
  onLost(handler: () => void): void {
    this.lostHandlers.push(handler);
  }

  /** Hands publications whose topic matches `filter` (exact, or with `+` and `#`) to `handler`; renewed at each connection. */
  subscribe(filter: string, handler: MqttHandler): void {
    this.filters.push(filter);
    this.handlers.push(handler);
    if (this.state === CONNECTED) this.sendSubscribe(filter);
  }

  /** Publishes with QoS 0. False when there is no connection or no room. Throws on a topic that is none. */
  publish(topic: string, payload: string, retain = false): boolean {
    if (this.state !== CONNECTED) return false;
    if (!this.send(encodePublish(topic, payload, retain))) {
      this.refused++;
      return false;
    }
    this.published = true;
    return true;
  }

  /** Publishes a retained payload that is long, in pieces (none of them empty), so that it is never in the heap a second or third time. False as long
   * as anything else waits for the socket, or when it is longer than PIECES_MAX. */
  publishPieces(topic: string, pieces: readonly string[]): boolean {
    if (this.state !== CONNECTED) return false;
    let length = 0;
    for (const piece of pieces) length += native.encodeText(piece).length;
    if (this.queued > 0 || length > PIECES_MAX) {
      this.refused++;
      return false;
    }
    for (let index = -1; index < pieces.length; index++) {
      const bytes = index < 0 ? encodePublish(topic, "", true, length) : native.encodeText(pieces[index] as string);
      this.queue.push(bytes);
      this.queued += bytes.length;
      this.flush();
    }
    this.published = true;
    return true;
  }

  /** Seconds since the last byte from the broker, or since start(). */
  secondsSilent(): number {
    return (this.loop.now() - this.heardMs) / 1000;
  }

  private willTopic(): string {
    return `stat/${this.settings.name}/LWT`;
  }

  /** The one timer: what it means depends on the state. */
  private due(): void {
    if (this.state === WAITING) this.open();
    else if (this.state !== CONNECTED) this.fail("no answer from the broker");
    else if (this.pinged) this.fail("no answer to a ping");
    else if (this.published && this.secondsSilent() < SILENT_MAX_S) this.armPing();
    else {
      this.pinged = true;
      this.send(encodePacket(0xc0, []));
      this.timer.once(PING_ANSWER_MS);
    }
  }

  private armPing(): void {
    this.pinged = this.published = false;
    this.timer.once(PING_MIN_MS, PING_FUDGE_MS);
  }

  private open(): void {
    const broker = this.settings.broker;
    try {
      // May block for 10 s: within the watchdog's 15 s, and only while there is no connection.
      if (this.address === "") this.address = native.netResolve(broker) ?? "";
      if (this.address === "") {
        this.fail(`cannot resolve ${broker}`);
        return;
      }
      this.socket = native.socketConnect(this.address, this.settings.port);
    } catch (error) {
      this.fail(`cannot connect: ${error instanceof Error ? error.message : error}`);
      return;
    }
    this.decoder.reset();
    this.state = OPENING;
    this.timer.once(CONNECT_TIMEOUT_MS);
  }

  private poll(): void {
    if (this.state < OPENING) return;
    const socketState = native.socketState(this.socket);
    if (this.state === OPENING) {
      if (socketState === 0) return;
      if (socketState < 0) {
        // The name may have moved to another address.
        this.address = "";
        this.fail("connection refused");
        return;
      }
      this.state = GREETING;
      const { name, user, password } = this.settings;
      this.send(encodeConnect(name + native.uniqueId(), KEEP_ALIVE_S, this.willTopic(), "offline", user, password));
    }
    this.flush();
    this.receive();
  }

  private receive(): void {
    const decoder = this.decoder;
    for (let reads = 0; this.state >= GREETING; reads++) {
      if (reads === READS_PER_TURN) {
        this.loop.soon();
        return;
      }
      const count = native.socketReceive(this.socket, decoder.buffer, decoder.filled);
      if (count === 0) return;
      if (count < 0) {
        this.fail("connection closed");
        return;
      }
      this.heardMs = this.loop.now();
      decoder.filled += count;
      // A handler may have ended the connection.
      while (this.state >= GREETING) {
        const type = decoder.next();
        if (type === 0) break;
        if (type < 0) this.fail(`broker sent: ${decoder.error}`);
        else this.handle(type);
      }
    }
  }

  private handle(type: number): void {
    const decoder = this.decoder;
    const start = decoder.start;
    if (type === CONNACK) {
      const code = decoder.buffer[start + 1] as number;
      if (this.state === CONNECTED) this.fail("broker sent: a second CONNACK");
      else if (code !== 0) this.fail(`broker refused: ${REFUSALS[code] ?? code}`);
      else this.welcome();
    } else if (this.state !== CONNECTED) this.fail("broker sent: something before CONNACK");
    else if (type === PUBLISH) this.deliver();
    else if (type === PINGRESP && this.pinged) this.armPing();
    else if (type === SUBACK && (decoder.buffer[start + 2] as number) > 2) {
      this.lastError = "broker refused a subscription";
      native.log("mqtt: broker refused a subscription");
    }
  }

  private welcome(): void {
    this.state = CONNECTED;
    this.connectedMs = this.heardMs;
    for (const filter of this.filters) this.sendSubscribe(filter);
    this.publish(this.willTopic(), "online", true);
    this.armPing();
    for (const handler of this.connectHandlers) handler();
  }

  private sendSubscribe(filter: string): void {
    this.packetId = (this.packetId % 0xffff) + 1;
    if (!this.send(encodeSubscribe(this.packetId, filter))) this.refused++;
  }

  private deliver(): void {
    const decoder = this.decoder;
    const { buffer, flags, packetId } = decoder;
    const topicEnd = decoder.payloadStart - (packetId === 0 ? 0 : 2);
    const topic = native.decodeText(buffer, decoder.start + 2, topicEnd);
    if (topic === undefined || topic.indexOf("\0") >= 0) {
      this.fail("broker sent: a topic that is not UTF-8");
      return;
    }
    if (packetId !== 0) this.send(encodePuback(packetId));
    const payload = native.decodeText(buffer, decoder.payloadStart, decoder.end);
    if (payload === undefined) {
      this.undecoded++;
      return;
    }
    for (let index = 0; index < this.filters.length; index++) {
      if (topicMatches(this.filters[index] as string, topic)) {
        (this.handlers[index] as MqttHandler)(payload, (flags & 1) !== 0, (flags & 8) !== 0, topic);
      }
    }
  }

  /** Queues a packet and sends what the socket takes; false when it does not fit. */
  private send(packet: Uint8Array): boolean {
    if (this.queued + packet.length > SEND_MAX) return false;
    this.queue.push(packet);
    this.queued += packet.length;
    this.flush();
    return true;
  }

  private flush(): void {
    for (;;) {
      const packet = this.queue[0];
      if (packet === undefined) return;
      const count = native.socketSend(this.socket, packet, this.sent, packet.length);
      // A connection that is gone shows when it is read, in the loop's turn rather than inside a caller's publish().
      if (count < 0) this.loop.soon();
      if (count <= 0) return;
      this.sent += count;
      this.queued -= count;
      if (this.sent < packet.length) continue;
      this.queue.shift();
      this.sent = 0;
    }
  }

  private close(): void {
    if (this.socket >= 0) native.socketClose(this.socket);
    this.socket = -1;
    this.queue.length = this.queued = this.sent = 0;
  }

  /** The connection or the attempt is over: waits and tries again. */
  private fail(reason: string): void {
    const stood = this.state === CONNECTED;
    this.close();
    this.lastError = reason;
    native.log(`mqtt: ${reason}`);
    if (stood && this.loop.now() - this.connectedMs >= STABLE_MS) this.backoffMs = BACKOFF_MIN_MS;
    this.state = WAITING;
    this.timer.once(this.backoffMs, this.backoffMs * BACKOFF_JITTER);
    this.backoffMs = Math.min(this.backoffMs * BACKOFF_FACTOR, BACKOFF_MAX_MS);
    if (!stood) return;
    this.lost++;
    for (const handler of this.lostHandlers) handler();
  }
}
