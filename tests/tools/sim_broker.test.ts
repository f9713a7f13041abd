import { afterEach, expect, test } from "bun:test";
import { connect as tcpConnect } from "node:net";
import { connectAsync } from "mqtt";
import { type BrokerEvent, SimBroker } from "../../tools/sim/broker.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function bench() {
  const broker = await SimBroker.start();
  ends.push(() => broker.close());
  const events: BrokerEvent[] = [];
  let wake = () => {};
  broker.observe((event) => {
    events.push(event);
    wake();
  });
  const seen = async (found: (event: BrokerEvent) => boolean) => {
    while (!events.some(found)) await new Promise<void>((done) => (wake = done));
    return events.find(found) as BrokerEvent;
  };
  return { broker, seen };
}

async function client(broker: SimBroker, will?: { topic: string; payload: Buffer }) {
  const options = {
    reconnectPeriod: 0,
    clientId: "c",
    ...(will && { will: { ...will, qos: 0 as const, retain: true } }),
  };
  const made = await connectAsync(broker.url, options);
  made.on("error", () => {});
  ends.push(() => made.endAsync(true));
  return made;
}

test("publications, connections and subscriptions are observed", async () => {
  const { broker, seen } = await bench();
  const c = await client(broker);
  await c.subscribeAsync("cmnd/#");
  await c.publishAsync("stat/x/V", "230.1", { retain: true });
  const event = await seen((each) => each.kind === "publish");
  expect(event).toMatchObject({ client: "c", topic: "stat/x/V", retain: true });
  await seen((each) => each.kind === "subscribe" && each.topics.includes("cmnd/#"));
});

test("a dropped client's last will is published", async () => {
  const { broker, seen } = await bench();
  await client(broker, { topic: "stat/x/LWT", payload: Buffer.from("offline") });
  broker.dropClients();
  expect(await seen((each) => each.kind === "publish")).toMatchObject({ topic: "stat/x/LWT" });
});

test("a stopped broker refuses and comes back on the same port", async () => {
  const { broker } = await bench();
  const port = broker.port;
  await broker.stop();
  const refused = new Promise((done) => tcpConnect(port, "127.0.0.1").on("error", done).on("connect", done));
  expect(await refused).toBeInstanceOf(Error);
  await broker.resume();
  expect(broker.port).toBe(port);
  await client(broker);
});

test("a mute broker accepts and never answers", async () => {
  const { broker } = await bench();
  broker.mute = true;
  let answered = false;
  const socket = tcpConnect(broker.port, "127.0.0.1");
  ends.push(() => socket.destroy());
  socket.on("data", () => (answered = true));
  const traffic = new Promise<void>((done) => (broker.onTraffic = done));
  await new Promise((done) => socket.on("connect", done));
  socket.write(Buffer.from("101000044d5154540402003c000474657374", "hex"));
  await traffic;
  expect(answered).toBe(false);
  expect(broker.connections).toBe(1);
});

test("a publication in the broker's own name is told once, before anybody can answer it", async () => {
  const { broker } = await bench();
  const made = await client(broker);
  await made.subscribeAsync("ask");
  made.on("message", () => void made.publish("answer", "yes"));
  const told: string[] = [];
  await new Promise<void>((done) => {
    broker.observe((event) => {
      if (event.kind === "publish") told.push(event.topic);
      if (told.includes("answer")) done();
    });
    void broker.publish("ask", "?");
  });
  expect(told).toEqual(["ask", "answer"]);
});

test("a retained publication reaches a subscriber also when another one follows it at once", async () => {
  const { broker } = await bench();
  const listener = await connectAsync(broker.url, { reconnectPeriod: 0, clientId: "listener" });
  ends.push(() => listener.endAsync(true));
  await listener.subscribeAsync("stat/+");
  const told: string[] = [];
  const both = new Promise<void>((done) =>
    listener.on("message", (topic) => {
      if (told.push(topic) === 2) done();
    }),
  );
  const device = await client(broker);
  device.publish("stat/LWT", "online", { retain: true });
  device.publish("stat/Value", "1");
  await both;
  expect(told).toEqual(["stat/LWT", "stat/Value"]);
});
