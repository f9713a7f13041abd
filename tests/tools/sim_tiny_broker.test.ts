import { expect, test } from "bun:test";
import mqttPacket, { type Packet } from "mqtt-packet";
import { SimClock } from "../../tools/sim/clock.ts";
import { MemoryNet } from "../../tools/sim/memory_net.ts";
import { TinyBroker, topicMatches } from "../../tools/sim/tiny_broker.ts";

function bench() {
  const clock = new SimClock();
  const net = new MemoryNet(clock);
  const broker = new TinyBroker(net, "10.0.0.1");
  const run = (ms: number) => clock.advanceTo(clock.nowUs + ms * 1000);
  const client = (id: string, keepalive = 30) => {
    const end = net.connect("10.0.0.1", 1883);
    const got: Packet[] = [];
    const parser = mqttPacket.parser({ protocolVersion: 4 });
    parser.on("packet", (packet: Packet) => got.push(packet));
    end.onWake = () => parser.parse(Buffer.from(end.read()));
    run(5);
    const send = (packet: Packet) => {
      end.send(mqttPacket.generate(packet));
      run(5);
    };
    const will = { topic: `stat/${id}/LWT`, payload: Buffer.from("offline"), retain: true, qos: 0 as const };
    send({ cmd: "connect", clientId: id, keepalive, protocolId: "MQTT", protocolVersion: 4, clean: true, will });
    return { end, got, send };
  };
  return { broker, run, client };
}

const publish = (topic: string, text: string, retain = false): Packet => ({
  cmd: "publish",
  topic,
  payload: Buffer.from(text),
  qos: 0,
  dup: false,
  retain,
});
const subscribe = (topic: string): Packet => ({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic, qos: 0 }] });

test("a publication reaches who subscribed and nobody else", () => {
  const { client } = bench();
  const [a, b, c] = [client("a"), client("b"), client("c")];
  a.send(subscribe("stat/+/V"));
  b.send(subscribe("cmnd/#"));
  c.send(publish("stat/x/V", "230.1"));
  expect(a.got.map((each) => each.cmd)).toEqual(["connack", "suback", "publish"]);
  expect(b.got.map((each) => each.cmd)).toEqual(["connack", "suback"]);
});

test("retained messages come with the subscription, marked as retained", () => {
  const { client } = bench();
  client("a").send(publish("stat/x/LWT", "online", true));
  const b = client("b");
  b.send(subscribe("stat/#"));
  expect(b.got.at(-1)).toMatchObject({ cmd: "publish", topic: "stat/x/LWT", retain: true });
});

test("a client that falls silent is gone after one and a half keep-alives and its will is published", () => {
  const { broker, client, run } = bench();
  client("a", 20);
  run(29_000);
  expect(broker.seen).toEqual([]);
  run(2000);
  expect(broker.seen.map((each) => each.topic)).toEqual(["stat/a/LWT"]);
  expect(broker.clients).toEqual([]);
});

test("a client that says goodbye leaves no will", () => {
  const { broker, client, run } = bench();
  client("a").send({ cmd: "disconnect" });
  run(60_000);
  expect(broker.seen).toEqual([]);
});

test("a second client with the same id takes the first one's place", () => {
  const { broker, client, run } = bench();
  const first = client("a");
  client("a");
  run(5);
  expect(first.end.ended).toBe(true);
  expect(broker.clients).toEqual(["a"]);
});

test("junk ends the connection", () => {
  const { broker, client, run } = bench();
  const a = client("a");
  a.end.send(Uint8Array.of(0x00, 0x00, 0xff, 0xff));
  run(5);
  expect(broker.clients).toEqual([]);
});

test("topic filters match as the standard says", () => {
  const yes = ["a/b a/b", "a/+ a/b", "# a/b", "a/# a", "a/# a/b/c", "+/+ /a", "+ a"];
  const no = ["a/b a/c", "a/+ a", "a/+ a/b/c", "+ /a", "# $SYS/x", "+/x $SYS/x", "a a/b"];
  for (const pair of yes) expect([pair, topicMatches(...(pair.split(" ") as [string, string]))]).toEqual([pair, true]);
  for (const pair of no) expect([pair, topicMatches(...(pair.split(" ") as [string, string]))]).toEqual([pair, false]);
});
