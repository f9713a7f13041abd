// Proves that device/mqtt.ts speaks with brokers that were not written for it: aedes and mosquitto, over real TCP.

import { afterAll, afterEach, expect, setDefaultTimeout } from "bun:test";
import { type AddressInfo, createServer } from "node:net";
import { Aedes } from "aedes";
import { connectAsync, type MqttClient } from "mqtt";
import { Mqtt, type MqttSettings } from "../../device/mqtt.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { hasMosquitto, startMosquitto } from "../support/mosquitto.ts";
import { installNative } from "../support/mqtt_bench.ts";
import { RealSockets } from "../support/real_sockets.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

afterAll(() => installNative());

/** Made last, undone first. */
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function aedes(): Promise<number> {
  const broker = await Aedes.createBroker();
  const server = createServer(broker.handle);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => new Promise<void>((resolve) => broker.close(() => server.close(() => resolve()))));
  return (server.address() as AddressInfo).port;
}

/** mosquitto, gone after the test. */
async function mosquitto(user?: string, password?: string): Promise<number> {
  const broker = await startMosquitto(user, password);
  cleanups.push(broker.close);
  return broker.port;
}

function client(port: number, settings: Partial<MqttSettings> = {}): { mqtt: Mqtt; sockets: RealSockets } {
  const sockets = new RealSockets();
  installNative(sockets.native());
  const mqtt = new Mqtt(sockets.loop.asLoop(), { broker: "127.0.0.1", port, name: "Meter", ...settings });
  cleanups.push(() => sockets.done());
  return { mqtt, sockets };
}

/** Another client, which keeps `topic payload retained` of what it sees. */
async function observer(
  port: number,
  options: object = {},
): Promise<{ other: MqttClient; next(line: string): Promise<void>; seen: string[] }> {
  const other = await connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0, ...options });
  cleanups.push(() => other.endAsync(true));
  const seen: string[] = [];
  const waiting: { line: string; resolve: () => void }[] = [];
  other.on("message", (topic, payload, packet) => {
    const line = `${topic} ${payload} ${packet.retain}`;
    seen.push(line);
    for (const entry of waiting) if (entry.line === line) entry.resolve();
  });
  await other.subscribeAsync("stat/#");
  const next = (line: string): Promise<void> =>
    seen.includes(line) ? Promise.resolve() : new Promise((resolve) => waiting.push({ line, resolve }));
  return { other, next, seen };
}

const brokers: [string, () => Promise<number>][] = [["aedes", aedes]];
if (hasMosquitto()) brokers.push(["mosquitto", () => mosquitto()]);

for (const [name, start] of brokers) {
  test(`${name}: says online, publishes and hears commands`, async () => {
    const port = await start();
    const { other, next } = await observer(port);
    const { mqtt, sockets } = client(port);
    const heard: unknown[] = [];
    mqtt.subscribe("cmnd/Meter/+", (...parts) => {
      heard.push(parts);
    });
    mqtt.start();
    await sockets.until(() => mqtt.connected);
    await next("stat/Meter/LWT online false");
    expect(mqtt.publish("stat/Meter/V", "230,1 ü")).toBe(true);
    await next("stat/Meter/V 230,1 ü false");
    await other.publishAsync("cmnd/Meter/Refresh", "1");
    await other.publishAsync("cmnd/Meter/Acknowledged", "x".repeat(1500), { qos: 1 });
    await sockets.until(() => heard.length === 2);
    expect(heard).toEqual([
      ["1", false, false, "cmnd/Meter/Refresh"],
      ["x".repeat(1500), false, false, "cmnd/Meter/Acknowledged"],
    ]);
  });

  test(`${name}: a cut connection brings the last will, and the client comes back with its subscriptions`, async () => {
    const port = await start();
    const { other, next, seen } = await observer(port);
    const { mqtt, sockets } = client(port);
    let heard = 0;
    mqtt.subscribe("cmnd/Meter/X", () => heard++);
    mqtt.start();
    await sockets.until(() => mqtt.connected);
    await next("stat/Meter/LWT online false");
    sockets.cut();
    await next("stat/Meter/LWT offline false");
    seen.length = 0;
    await sockets.until(() => mqtt.connected && mqtt.lost === 1);
    await next("stat/Meter/LWT online false");
    await other.publishAsync("cmnd/Meter/X", "1");
    await sockets.until(() => heard === 1);
  });

  test(`${name}: a retained message is known as one, and online is retained`, async () => {
    const port = await start();
    const first = await observer(port);
    await first.other.publishAsync("cmnd/Meter/X", "old", { retain: true, qos: 1 });
    const { mqtt, sockets } = client(port);
    const heard: unknown[] = [];
    mqtt.subscribe("cmnd/Meter/X", (payload, retained) => {
      heard.push([payload, retained]);
    });
    mqtt.start();
    await sockets.until(() => heard.length === 1);
    expect(heard).toEqual([["old", true]]);
    await first.next("stat/Meter/LWT online false");
    const late = await observer(port);
    await late.next("stat/Meter/LWT online true");
  });

  test(`${name}: an oversized message is skipped and the connection stays`, async () => {
    const port = await start();
    const { other } = await observer(port);
    const { mqtt, sockets } = client(port);
    const heard: string[] = [];
    mqtt.subscribe("cmnd/Meter/X", (payload) => {
      heard.push(payload);
    });
    mqtt.start();
    await sockets.until(() => mqtt.connected);
    await other.publishAsync("cmnd/Meter/X", "x".repeat(50_000), { qos: 1 });
    await other.publishAsync("cmnd/Meter/X", "small", { qos: 1 });
    await sockets.until(() => heard.length === 1);
    expect([heard, mqtt.dropped, mqtt.lost]).toEqual([["small"], 1, 0]);
  });

  test(`${name}: stop leaves offline behind`, async () => {
    const port = await start();
    const { next } = await observer(port);
    const { mqtt, sockets } = client(port);
    mqtt.start();
    await sockets.until(() => mqtt.connected);
    await next("stat/Meter/LWT online false");
    mqtt.stop();
    await next("stat/Meter/LWT offline false");
  });
}

test.skipIf(!hasMosquitto())(
  "mosquitto: user and password are taken, and wrong ones are refused with a reason",
  async () => {
    const port = await mosquitto("me", "sécret");
    const good = client(port, { user: "me", password: "sécret" });
    good.mqtt.start();
    await good.sockets.until(() => good.mqtt.connected);
    good.sockets.done();
    const bad = client(port, { user: "me", password: "wrong" });
    bad.mqtt.start();
    await bad.sockets.until(() => bad.mqtt.lastError !== "");
    expect(bad.mqtt.lastError).toBe("broker refused: not authorized");
  },
);
