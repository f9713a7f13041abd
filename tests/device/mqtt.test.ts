// Proves device/mqtt.ts in virtual time against a broker's end that the test holds: greeting, pings, back-off, bounds, hostile brokers.

import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import mqttPacket from "mqtt-packet";
import {
  BACKOFF_MAX_MS,
  CONNECT_TIMEOUT_MS,
  Mqtt,
  type MqttSettings,
  PIECES_MAX,
  PING_ANSWER_MS,
  PING_FUDGE_MS,
  PING_MIN_MS,
  SEND_MAX,
  SILENT_MAX_S,
} from "../../device/mqtt.ts";
import { encodePacket, INBOUND_MAX } from "../../device/mqtt_codec.ts";
import { BenchLoop, FakeNetwork, installNative } from "../support/mqtt_bench.ts";

afterAll(() => installNative());

let loop: BenchLoop;
let network: FakeNetwork;
let mqtt: Mqtt;

function make(settings: Partial<MqttSettings> = {}): Mqtt {
  mqtt = new Mqtt(loop.asLoop(), { broker: "broker.lan", port: 1883, name: "Meter", ...settings });
  return mqtt;
}

beforeEach(() => {
  loop = new BenchLoop();
  network = new FakeNetwork();
  network.names.set("broker.lan", "10.0.0.1");
  installNative(network.native());
  make();
});

/** What the client has sent on the last connection since the last look. */
function sent(): mqttPacket.Packet[] {
  const packets: mqttPacket.Packet[] = [];
  const parser = mqttPacket.parser({ protocolVersion: 4 });
  parser.on("packet", (packet) => packets.push(packet));
  parser.on("error", (error) => {
    throw error;
  });
  parser.parse(Buffer.from(network.last.outbound.splice(0)));
  return packets;
}
const kinds = (): string[] => sent().map((packet) => packet.cmd as string);

function broker(...bytes: number[]): void {
  network.last.inbound.push(...bytes);
  loop.turn();
}
function brokerSays(packet: object): void {
  broker(...mqttPacket.generate(packet as mqttPacket.Packet));
}
function brokerPublishes(topic: string, payload: string | Buffer, more: object = {}): void {
  brokerSays({ cmd: "publish", topic, payload, qos: 0, retain: false, dup: false, ...more });
}
function accept(): void {
  network.last.state = 1;
  loop.turn();
  brokerSays({ cmd: "connack", returnCode: 0, sessionPresent: false });
}
/** A connection that stands, with everything sent at its beginning read. */
function connect(): void {
  mqtt.start();
  loop.turn();
  accept();
  sent();
}
function vanish(): void {
  network.last.state = -1;
  loop.turn();
}

describe("greeting", () => {
  test("CONNECT carries name and chip id, a retained last will and a clean session", () => {
    make({ user: "me", password: "secret" }).start();
    loop.turn();
    expect([network.last.address, network.last.port]).toEqual(["10.0.0.1", 1883]);
    expect(network.last.outbound).toEqual([]);
    network.last.state = 1;
    loop.turn();
    const greeting = sent()[0] as mqttPacket.IConnectPacket;
    expect(greeting).toMatchObject({ clientId: "Meter0123456789ab", clean: true, keepalive: 60, username: "me" });
    expect(String(greeting.password)).toBe("secret");
    expect(greeting.will).toMatchObject({ topic: "stat/Meter/LWT", qos: 0, retain: true });
    expect(String(greeting.will?.payload)).toBe("offline");
    expect(mqtt.connected).toBe(false);
  });

  test("after CONNACK it subscribes, says online retained, and tells its owner", () => {
    const order: string[] = [];
    mqtt.subscribe("cmnd/Meter/OTA", () => {});
    mqtt.onConnect(() => order.push("told"));
    mqtt.start();
    loop.turn();
    accept();
    expect(order).toEqual(["told"]);
    expect(mqtt.connected).toBe(true);
    const [, subscribe, online] = sent();
    expect(subscribe).toMatchObject({ cmd: "subscribe", subscriptions: [{ topic: "cmnd/Meter/OTA", qos: 0 }] });
    expect(online).toMatchObject({ cmd: "publish", topic: "stat/Meter/LWT", retain: true, qos: 0 });
    expect(String((online as mqttPacket.IPublishPacket).payload)).toBe("online");
  });

  test("subscriptions are renewed at each connection, and sent at once when one stands", () => {
    connect();
    mqtt.subscribe("a", () => {});
    mqtt.subscribe("b", () => {});
    expect(kinds()).toEqual(["subscribe", "subscribe"]);
    vanish();
    loop.pass(1000);
    accept();
    expect(kinds()).toEqual(["connect", "subscribe", "subscribe", "publish"]);
  });

  test.each([
    [1, "protocol version"],
    [4, "bad user or password"],
    [5, "not authorized"],
    [77, "77"],
  ])("a refusal %d is said and tried again", (code, text) => {
    mqtt.start();
    loop.turn();
    network.last.state = 1;
    loop.turn();
    broker(0x20, 2, 0, code);
    expect(mqtt.lastError).toBe(`broker refused: ${text}`);
    expect(network.log).toEqual([`mqtt: broker refused: ${text}`]);
    expect(mqtt.lost).toBe(0);
    loop.pass(500);
    expect(network.sockets.length).toBe(2);
  });

  test("a name that does not resolve is tried again, and resolved anew when the address stops answering", () => {
    network.names.clear();
    mqtt.start();
    loop.turn();
    expect(mqtt.lastError).toBe("cannot resolve broker.lan");
    network.names.set("broker.lan", "10.0.0.1");
    loop.pass(500);
    expect(network.last.address).toBe("10.0.0.1");
    network.names.set("broker.lan", "10.0.0.2");
    vanish();
    loop.pass(1000);
    expect(network.last.address).toBe("10.0.0.2");
  });
});

describe("publications", () => {
  test("go out with topic, payload and retain", () => {
    connect();
    expect(mqtt.publish("stat/Meter/V", "230.1")).toBe(true);
    expect(mqtt.publish("x", "ü", true)).toBe(true);
    const [first, second] = sent() as mqttPacket.IPublishPacket[];
    expect([first?.topic, String(first?.payload), first?.retain]).toEqual(["stat/Meter/V", "230.1", false]);
    expect([second?.topic, String(second?.payload), second?.retain]).toEqual(["x", "ü", true]);
  });

  test("are refused without a connection", () => {
    expect(mqtt.publish("a", "b")).toBe(false);
  });

  test("wait for room in order, and are refused when the buffer is full", () => {
    connect();
    network.last.room = 5;
    let taken = 0;
    while (mqtt.publish(`t${taken}`, "x".repeat(500))) taken++;
    expect(taken).toBe(Math.floor((SEND_MAX + 5) / 506));
    expect(mqtt.refused).toBe(1);
    network.last.room = Number.POSITIVE_INFINITY;
    loop.turn();
    expect(sent().map((packet) => (packet as mqttPacket.IPublishPacket).topic)).toEqual(
      Array.from({ length: taken }, (_, index) => `t${index}`),
    );
    expect(mqtt.publish("again", "")).toBe(true);
  });

  test("in pieces are one retained publication, however slowly the socket takes them", () => {
    connect();
    network.last.room = 7;
    const pieces = ["{", "ü".repeat(2000), "x".repeat(1500), "}"];
    expect(mqtt.publishPieces("long", pieces)).toBe(true);
    expect(mqtt.publish("behind", "1")).toBe(false);
    for (let turn = 0; turn < 60; turn++) {
      network.last.room = 100;
      loop.turn();
    }
    expect(mqtt.publish("behind", "2")).toBe(true);
    const [long, behind] = sent() as mqttPacket.IPublishPacket[];
    expect([long?.topic, String(long?.payload), long?.retain]).toEqual(["long", pieces.join(""), true]);
    expect(behind?.topic).toBe("behind");
  });

  test("in pieces are refused without a connection, behind others that wait, and beyond the bound", () => {
    expect(mqtt.publishPieces("long", ["a"])).toBe(false);
    connect();
    expect(mqtt.publishPieces("long", ["x".repeat(PIECES_MAX + 1)])).toBe(false);
    network.last.room = 0;
    mqtt.publish("first", "1");
    expect(mqtt.publishPieces("long", ["a"])).toBe(false);
    expect(mqtt.refused).toBe(2);
    network.last.room = Number.POSITIVE_INFINITY;
    loop.turn();
    expect(mqtt.publishPieces("long", ["x".repeat(PIECES_MAX)])).toBe(true);
    expect(sent()).toMatchObject([{ topic: "first" }, { topic: "long" }]);
  });

  test("reach the handlers with their flags", () => {
    const seen: unknown[] = [];
    mqtt.subscribe("cmnd/+/State", (...parts) => seen.push(parts));
    mqtt.subscribe("other", (...parts) => seen.push(parts));
    connect();
    brokerPublishes("cmnd/1/State", "ön");
    brokerPublishes("cmnd/2/State", "", { retain: true });
    brokerPublishes("cmnd/3/State", "x", { qos: 1, messageId: 9, dup: true });
    expect(seen).toEqual([
      ["ön", false, false, "cmnd/1/State"],
      ["", true, false, "cmnd/2/State"],
      ["x", false, true, "cmnd/3/State"],
    ]);
    expect(sent()).toMatchObject([{ cmd: "puback", messageId: 9 }]);
  });

  test("that are too long or not UTF-8 are dropped and counted, and the next one arrives", () => {
    const seen: string[] = [];
    mqtt.subscribe("t", (payload) => seen.push(payload));
    connect();
    brokerPublishes("t", "x".repeat(INBOUND_MAX));
    brokerPublishes("t", Buffer.from([0xff, 0xfe]));
    brokerPublishes("t", "good");
    expect(seen).toEqual(["good"]);
    expect(mqtt.dropped).toBe(2);
    expect(mqtt.connected).toBe(true);
  });

  test("a flood is read over several turns without losing one", () => {
    let seen = 0;
    mqtt.subscribe("t", () => seen++);
    connect();
    const packet = mqttPacket.generate({
      cmd: "publish",
      topic: "t",
      payload: "x".repeat(90),
      qos: 0,
      retain: false,
      dup: false,
    });
    broker(...Array.from({ length: 500 }, () => [...packet]).flat());
    expect(seen).toBe(500);
  });
});

describe("keeping alive", () => {
  test("pings after 20 s plus the fudge, and again after the answer", () => {
    loop.fudge = () => 1;
    connect();
    loop.pass(PING_MIN_MS + PING_FUDGE_MS - 1);
    mqtt.publish("a", "b");
    sent();
    loop.pass(1);
    expect(kinds()).toEqual([]);
    loop.pass(PING_MIN_MS + PING_FUDGE_MS - 1);
    expect(kinds()).toEqual([]);
    loop.pass(1);
    expect(kinds()).toEqual(["pingreq"]);
    broker(0xd0, 0);
    loop.pass(PING_MIN_MS + PING_FUDGE_MS);
    expect(kinds()).toEqual(["pingreq"]);
    expect(mqtt.lost).toBe(0);
  });

  test("publishing spares the ping, until the broker was silent for a minute", () => {
    connect();
    const seen: [number, string][] = [];
    for (let second = 1; second <= SILENT_MAX_S; second++) {
      loop.pass(1000);
      mqtt.publish("a", "b");
      for (const kind of kinds()) if (kind === "pingreq") seen.push([second, kind]);
    }
    expect(seen).toEqual([[SILENT_MAX_S, "pingreq"]]);
  });

  test("without an answer to a ping the connection is lost and renewed", () => {
    let told = 0;
    mqtt.onLost(() => told++);
    connect();
    loop.pass(PING_MIN_MS + PING_ANSWER_MS - 1);
    expect(mqtt.connected).toBe(true);
    loop.pass(1);
    expect([mqtt.connected, mqtt.lost, told, mqtt.lastError]).toEqual([false, 1, 1, "no answer to a ping"]);
    expect(network.last.closedByClient).toBe(true);
    loop.pass(500);
    accept();
    expect(mqtt.connected).toBe(true);
  });

  test("a stalled connection with a full buffer is found too", () => {
    connect();
    network.last.room = 0;
    while (mqtt.publish("a", "x".repeat(100)));
    loop.pass(SILENT_MAX_S * 1000 + PING_MIN_MS + PING_ANSWER_MS);
    expect(mqtt.lost).toBe(1);
  });

  test("secondsSilent counts from the last byte", () => {
    connect();
    loop.pass(7000);
    expect(mqtt.secondsSilent()).toBe(7);
    broker(0xd0, 0);
    expect(mqtt.secondsSilent()).toBe(0);
  });
});

describe("coming back", () => {
  test("waits grow by half from 0.5 s to the cap", () => {
    mqtt.start();
    const waits: number[] = [];
    for (let attempt = 0; attempt < 14; attempt++) {
      loop.turn();
      loop.waits.length = 0;
      vanish();
      waits.push(loop.waits[0] as number);
      loop.pass(waits[attempt] as number);
    }
    expect(waits.slice(0, 4)).toEqual([500, 750, 1125, 1687.5]);
    expect(waits.slice(-2)).toEqual([BACKOFF_MAX_MS, BACKOFF_MAX_MS]);
  });

  test("up to half of the wait is added at random", () => {
    loop.fudge = () => 1;
    mqtt.start();
    loop.turn();
    loop.waits.length = 0;
    vanish();
    expect(loop.waits).toEqual([750]);
  });

  test("a connection that held starts the back-off over; one that is dropped at once does not", () => {
    mqtt.start();
    loop.turn();
    for (const wait of [500, 750, 1125]) {
      accept();
      loop.waits.length = 0;
      vanish();
      expect(loop.waits).toEqual([wait]);
      loop.pass(wait);
    }
    accept();
    loop.pass(10_000);
    loop.waits.length = 0;
    vanish();
    expect(loop.waits).toEqual([500]);
  });

  test("attempts that fail are not counted as lost, and owners are not told", () => {
    let told = 0;
    mqtt.onLost(() => told++);
    mqtt.start();
    loop.turn();
    vanish();
    expect([mqtt.lost, told]).toEqual([0, 0]);
  });

  test("stop says offline, disconnects, and stays away", () => {
    connect();
    mqtt.stop();
    const [offline, goodbye] = sent();
    expect([
      (offline as mqttPacket.IPublishPacket).topic,
      String((offline as mqttPacket.IPublishPacket).payload),
    ]).toEqual(["stat/Meter/LWT", "offline"]);
    expect(goodbye?.cmd).toBe("disconnect");
    expect(network.last.closedByClient).toBe(true);
    loop.pass(3_600_000);
    expect(network.sockets.length).toBe(1);
    expect(mqtt.lost).toBe(0);
    mqtt.start();
    loop.turn();
    accept();
    expect(mqtt.connected).toBe(true);
  });

  test("nothing of the old connection leaks into the next", () => {
    connect();
    network.last.room = 3;
    mqtt.publish("a", "b");
    broker(0x30, 50, 0, 9);
    vanish();
    loop.pass(500);
    accept();
    expect(kinds()).toEqual(["connect", "publish"]);
    expect(mqtt.connected).toBe(true);
  });
});

describe("a hostile broker", () => {
  test("that accepts and never answers costs one time-out", () => {
    mqtt.start();
    loop.turn();
    network.last.state = 1;
    loop.pass(CONNECT_TIMEOUT_MS - 1);
    expect(network.last.closedByClient).toBe(false);
    loop.pass(1);
    expect([network.last.closedByClient, mqtt.lastError]).toEqual([true, "no answer from the broker"]);
  });

  test("that never opens the connection costs one time-out", () => {
    mqtt.start();
    loop.pass(CONNECT_TIMEOUT_MS);
    expect(network.last.closedByClient).toBe(true);
    loop.pass(500);
    expect(network.sockets.length).toBe(2);
  });

  test.each([
    ["an absurd length", [0x30, 0xff, 0xff, 0xff, 0x7f], "packet of 268435455 bytes"],
    ["a client's packet", [0x10, 0], "unexpected packet type 1"],
    ["a second CONNACK", [0x20, 2, 0, 0], "a second CONNACK"],
    ["a topic that is not UTF-8", [0x30, 3, 0, 1, 0xff], "a topic that is not UTF-8"],
    ["a topic with NUL", [0x30, 3, 0, 1, 0], "a topic that is not UTF-8"],
    ["a truncated topic", [0x30, 3, 0, 9, 97], "short publication"],
  ])("that sends %s is left and tried again", (_name, bytes, reason) => {
    connect();
    broker(...bytes);
    expect([mqtt.connected, mqtt.lost, mqtt.lastError]).toEqual([false, 1, `broker sent: ${reason}`]);
    loop.pass(500);
    accept();
    expect(mqtt.connected).toBe(true);
  });

  test("that publishes before CONNACK is left", () => {
    mqtt.start();
    loop.turn();
    network.last.state = 1;
    loop.turn();
    brokerPublishes("t", "x");
    expect(mqtt.lastError).toBe("broker sent: something before CONNACK");
  });

  test("that refuses a subscription is heard, and the connection stays", () => {
    connect();
    broker(0x90, 3, 0, 1, 0x80);
    expect([mqtt.connected, mqtt.lastError]).toEqual([true, "broker refused a subscription"]);
  });

  test("that floods with QoS 1 and reads nothing cannot grow the send buffer", () => {
    connect();
    network.last.room = 0;
    for (let id = 1; id <= 2000; id++) broker(...encodePacket(0x32, ["t", [id >> 8, id & 255]]));
    network.last.room = Number.POSITIVE_INFINITY;
    loop.turn();
    expect(network.last.outbound.length).toBeLessThanOrEqual(SEND_MAX);
  });

  test("that vanishes is left at the next turn", () => {
    connect();
    vanish();
    expect([mqtt.connected, mqtt.lost, mqtt.lastError]).toEqual([false, 1, "connection closed"]);
    expect(mqtt.publish("a", "b")).toBe(false);
  });
});
