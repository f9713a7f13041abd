// Part `ota`: seconds to send files to the host firmware with the update protocol's own client, over a proxy that makes the way longer.

import { LINK_PORT, LinkClient } from "../lib/link_client.ts";
import { DelayProxy } from "../lib/proxy.ts";
import { connectTcp } from "../lib/wire.ts";
import { round } from "./boot.ts";
import { measuredDevice, NAME, OTAKEY } from "./device.ts";
import { median, type Part } from "./figure.ts";

const FILES = [
  { name: "file60k", bytes: 60_000 },
  { name: "file1m", bytes: 1 << 20 },
];
const ROUND_TRIPS_MS = [0, 20];
const RUNS = 5;

export const otaPart: Part = {
  name: "ota",
  title: "time to send files over the air",
  async *measure(say) {
    const device = await measuredDevice({ profile: "energy" });
    const { machine, world, broker } = device.bench;
    try {
      await machine.powerOn();
      await device.connected();
      // From here on the device's time is real time.
      world.setPace(1);
      await broker?.publish(`cmnd/${NAME}/OTA`, "open");
      await device.saw((topic, payload) => topic === "OTA" && payload.startsWith("netstatus 3"));
      for (const { name, bytes } of FILES) {
        for (const roundTripMs of ROUND_TRIPS_MS) {
          say(`ota: ${bytes} bytes at ${roundTripMs} ms of round trip`);
          const proxy = await DelayProxy.start({ host: machine.address, port: LINK_PORT, delayMs: roundTripMs / 2 });
          const seconds: number[] = [];
          try {
            for (let run = 0; run < RUNS; run++) seconds.push(await send(proxy.port, bytes));
          } finally {
            await proxy.stop();
          }
          yield {
            key: `ota.${name}.rtt${roundTripMs}`,
            value: round(median(seconds), 3),
            unit: "s",
            method: `connect, handshake, ${bytes} bytes, verified and in force; ${roundTripMs} ms of round trip, median of ${RUNS}`,
            better: "lower",
          };
        }
      }
    } finally {
      await device.close();
    }
  },
};

/** Seconds from nothing to a file in force. */
async function send(port: number, bytes: number): Promise<number> {
  // Never what the device has already.
  const content = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += 65536) crypto.getRandomValues(content.subarray(at, at + 65536));
  const beganMs = performance.now();
  const wire = await connectTcp("127.0.0.1", port);
  const client = await LinkClient.open(wire, { key: Buffer.from(OTAKEY, "hex") });
  await client.putFile("bench.bin", content);
  const tookMs = performance.now() - beganMs;
  // The device takes one client at a time: the next one waits until it has seen this one go.
  const gone = new Promise<void>((resolve) => {
    wire.onEnd = () => resolve();
  });
  client.close();
  await gone;
  return tookMs / 1000;
}
