// Proves that no broker, however broken or hostile, crashes or wedges the host firmware: when a good one is back the device publishes
// again, without a restart, and its heap is what it was.

import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { type EnergyBench, energyBench } from "../support/energy_bench.ts";
import { type Behaviour, CONNACK_OK, HostileBroker, publish, remainingLength } from "../support/hostile_broker.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

/** Device time under each bad broker: several attempts, but less than the ten minutes after which a device restarts. */
const HOSTILE_MS = 120_000;
/** What the heap may differ by: the reason of the last loss is kept as a text, and counters grow. */
const HEAP_SLACK_BYTES = 300;

let energy: EnergyBench;
let broker: HostileBroker;
let heapBefore = 0;

beforeAll(async () => {
  broker = await HostileBroker.start();
  energy = await energyBench(undefined, { moreConfig: [`mqttport ${broker.port}`] });
  broker.bench = energy.bench;
  await energy.bench.machine.powerOn();
  expect(await energy.saw(energy.published("VA"))).toBe(true);
  // Once through a refusal and a flood: arrays have grown then as far as their bounds let them.
  await under(answering([0x20, 2, 0, 5]));
  await under(welcoming(once(flood(publish("cmnd/meter/OTA", "getversion")))));
  await liveHeap(); // its answer, too, leaves something behind the first time
  heapBefore = await liveHeap();
});
afterAll(async () => {
  await energy.close();
  await broker.close();
});

/** Lets the device live with a broker that behaves so, then gives it the good one back and waits until it publishes. */
async function under(behaviour: Behaviour, ms = HOSTILE_MS): Promise<void> {
  const { world } = energy.bench;
  const connections = broker.connections;
  broker.become(behaviour);
  await world.until(() => false, ms);
  expect(broker.connections).toBeGreaterThan(connections);
  broker.become(undefined);
  const from = energy.seen.length;
  expect(await energy.saw(energy.published("LWT", "online"), from)).toBe(true);
  expect(await energy.saw(energy.published("VA"), energy.seen.length)).toBe(true);
  expect(energy.bench.machine.resets).toEqual([]);
}

async function liveHeap(): Promise<number> {
  const from = energy.seen.length;
  let live = 0;
  await energy.bench.broker?.publish("cmnd/meter/OTA", "stats");
  await energy.saw((event) => {
    const found = event.kind === "publish" && /^heap live (\d+)/.exec(event.payload);
    if (found) live = Number(found[1]);
    return live > 0;
  }, from);
  return live;
}

async function survives(behaviour: Behaviour, ms?: number): Promise<void> {
  await under(behaviour, ms);
  expect(Math.abs((await liveHeap()) - heapBefore)).toBeLessThanOrEqual(HEAP_SLACK_BYTES);
}

/** Answers the device's first bytes, its CONNECT, with these. */
const answering =
  (...pieces: (Uint8Array | number[])[]): Behaviour =>
  (victim) =>
  () => {
    for (const piece of pieces) victim.send(piece);
  };

/** Welcomes the device and then does something else. */
const welcoming =
  (then: Behaviour): Behaviour =>
  (victim) => {
    let greeted = false;
    let next: ReturnType<Behaviour>;
    return (bytes) => {
      if (greeted) return next?.(bytes);
      greeted = true;
      victim.send(CONNACK_OK);
      next = then(victim);
    };
  };

const once =
  (bytes: Uint8Array | number[]): Behaviour =>
  (victim) => {
    victim.send(bytes);
    return undefined;
  };

/** 100 KB of the same packet. */
function flood(packet: Buffer): Buffer {
  return Buffer.concat(new Array(Math.ceil(100_000 / packet.length)).fill(packet));
}

test.each([0, 1, 2, 3, 4, 5, 6, 255])("CONNACK with code %i to everybody", async (code) => {
  if (code === 0) return survives(answering([0x20, 2, 1, 0]));
  return survives(answering([0x20, 2, 0, code]));
});

test.each([
  ["nothing at all", []],
  ["a CONNACK that is too long", [0x20, 3, 0, 0, 0]],
  ["a CONNACK that is too short", [0x20, 1, 0]],
  ["a SUBACK instead of a CONNACK", [0x90, 3, 0, 1, 0]],
  ["a publication instead of a CONNACK", [...publish("cmnd/meter/OTA", "reboot")]],
  ["CONNECT itself", [0x10, 2, 0, 4]],
  ["HTTP", [...Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")]],
  ["TLS", [0x15, 3, 1, 0, 2, 2, 70]],
  ["zeros", new Array(100).fill(0)],
  ["ones", new Array(100).fill(255)],
])("a connection that is answered with %s", async (_what, bytes) => {
  await survives(answering(bytes));
});

test.each([
  ["the largest length there is", [0x30, 0xff, 0xff, 0xff, 0x7f]],
  ["a length of five bytes", [0x30, 0xff, 0xff, 0xff, 0xff, 0x01]],
  ["packet type 0", [0x00, 0]],
  ["packet type 15", [0xf0, 0]],
  ["QoS 3", [0x36, 7, 0, 1, 0x61, 0, 1, 0x62, 0x63]],
  ["a topic longer than its packet", [0x30, 4, 0xff, 0xff, 0x61, 0x62]],
  ["a publication without a topic", [0x30, 0]],
  ["an empty topic", [0x30, 3, 0, 0, 0x61]],
  ["a topic that is not UTF-8", [0x30, 4, 0, 2, 0xff, 0xfe]],
  ["a topic with a zero", [0x30, 5, 0, 3, 0x61, 0, 0x62]],
  ["QoS 1 without a packet id", [0x32, 3, 0, 1, 0x61]],
  ["QoS 1 with packet id 0", [0x32, 5, 0, 1, 0x61, 0, 0]],
  ["QoS 2", [0x34, 6, 0, 1, 0x61, 0, 7, 0x62]],
  ["a payload that is not UTF-8", [...publish("cmnd/meter/OTA", Uint8Array.of(0xff, 0xfe))]],
  ["a SUBACK of a packet id that was never used", [0x90, 3, 0xab, 0xcd, 0]],
  ["a SUBACK without codes", [0x90, 2, 0, 1]],
  ["a PUBACK of nothing", [0x40, 2, 0x12, 0x34]],
  ["a PUBACK that is too short", [0x40, 1, 0]],
  ["a PINGRESP that nobody asked for", [0xd0, 0]],
  ["a PINGRESP with content", [0xd0, 1, 0]],
  ["a second CONNACK", CONNACK_OK],
  ["DISCONNECT, which a server does not send", [0xe0, 0]],
])("after the welcome: %s", async (_what, bytes) => {
  await survives(welcoming(once(bytes)));
});

test("refused subscriptions", async () => {
  await survives(
    welcoming((victim) => (bytes) => {
      for (let at = 0; at + 3 < bytes.length; at += 2 + (bytes[at + 1] as number))
        if (bytes[at] === 0x82) victim.send([0x90, 3, bytes[at + 2] as number, bytes[at + 3] as number, 0x80]);
    }),
  );
});

test("publications from 5 KB to 1 MB", async () => {
  await survives(
    welcoming((victim) => {
      for (const length of [5_000, 70_000, 1_000_000]) victim.send(publish("cmnd/meter/OTA", "x".repeat(length)));
      return undefined;
    }),
  );
});

test("a publication cut off at every byte", async () => {
  const whole = publish("cmnd/meter/OTA", "getversion");
  let length = 0;
  await survives(
    welcoming((victim) => {
      victim.send(whole.subarray(0, length++ % whole.length));
      victim.end();
      return undefined;
    }),
    400_000,
  );
  expect(length).toBeGreaterThan(8);
});

test.each([
  ["FIN at once", (victim) => void victim.end()],
  ["RST at once", (victim) => void victim.reset()],
  ["FIN for an answer", (victim) => () => victim.end()],
  ["RST for an answer", (victim) => () => victim.reset()],
  ["FIN after the welcome", welcoming((victim) => void victim.after(3000, victim.end))],
  ["RST after the welcome", welcoming((victim) => void victim.after(3000, victim.reset))],
  ["silence after the welcome", welcoming(() => undefined)],
  [
    "silence, and nothing read any more, after the welcome",
    welcoming((victim) => {
      victim.stopReading();
      return undefined;
    }),
  ],
] as [string, Behaviour][])("a broker that vanishes: %s", async (_how, behaviour) => {
  await survives(behaviour);
});

test("a broker that is not there at all", async () => {
  broker.become(undefined);
  const { world } = energy.bench;
  await energy.bench.broker?.stop();
  await world.until(() => false, HOSTILE_MS);
  await energy.bench.broker?.resume();
  expect(await energy.saw(energy.published("VA"), energy.seen.length)).toBe(true);
  expect(energy.bench.machine.resets).toEqual([]);
});

test("a welcome that comes drop by drop, too slow", async () => {
  await survives((victim) => {
    CONNACK_OK.forEach((byte, index) => {
      victim.after(6000 * (index + 1), () => victim.send([byte]));
    });
    return undefined;
  });
});

test("a publication that comes drop by drop and never ends", async () => {
  await survives(
    welcoming((victim) => {
      victim.send([0x30, ...remainingLength(60_000), 0, 1, 0x61]);
      const drip = () => {
        victim.send([0x62]);
        victim.after(2000, drip);
      };
      drip();
      return undefined;
    }),
    300_000,
  );
});

test.each([
  ["publications to nobody", publish("stat/other/X", "y".repeat(100))],
  ["commands", publish("cmnd/meter/Refresh", "1")],
  ["commands that are answered", publish("cmnd/meter/OTA", "getversion")],
  ["junk", Buffer.alloc(100, 0x99)],
  ["pings' answers", Buffer.from([0xd0, 0])],
])("a flood of %s", async (_what, packet) => {
  await survives(welcoming(once(flood(packet))));
});
