// Part `ota`: seconds to send files to the host firmware with the update protocol's own client, over a proxy that makes the way longer.

import { HEADER_BYTES } from "../lib/bundle.ts";
import { LINK_PORT, LinkClient } from "../lib/link_client.ts";
import { buildBundle } from "../lib/native_build.ts";
import { DelayProxy } from "../lib/proxy.ts";
import { connectTcp } from "../lib/wire.ts";
import { round } from "./boot.ts";
import { measuredDevice, NAME, OTAKEY } from "./device.ts";
import { type Figure, median, type Part } from "./figure.ts";
import { pacedWire } from "./paced_wire.ts";

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
    yield* bundleFigures(say);
  },
};

/** A Wi-Fi that is weak, or that is good and stalls for a second at the beginning. */
const PACES = {
  weak: { bytesPerSecond: 60_000, stallAfterBytes: 0, stallMs: 0 },
  stalled: { bytesPerSecond: 500_000, stallAfterBytes: 5000, stallMs: 1000 },
};
/** What the host firmware's --flash-times takes, and the sizes that it takes it for. */
const [SECTOR_S, PAGE_S, SECTOR_BYTES, PAGE_BYTES] = [0.045, 0.0007, 4096, 256];

/** A whole bundle as it is, with instant flash and with a chip's: what of the time that flash takes is hidden behind receiving. */
async function* bundleFigures(say: (line: string) => void): AsyncGenerator<Figure> {
  const { bundle } = await buildBundle({ profile: "energy", version: "bench" });
  const body = bundle.length - HEADER_BYTES;
  const flashS = Math.ceil(body / SECTOR_BYTES) * SECTOR_S + Math.ceil(body / PAGE_BYTES) * PAGE_S;
  const seconds: Record<keyof typeof PACES, number[]> = { weak: [], stalled: [] };
  for (const args of [[], ["--flash-times"]]) {
    say(`ota: a bundle of ${bundle.length} bytes${args.length > 0 ? ", flash as slow as a chip's" : ""}`);
    const device = await measuredDevice({ profile: "energy", args });
    try {
      await device.bench.machine.powerOn();
      await device.connected();
      device.bench.world.setPace(1);
      await device.bench.broker?.publish(`cmnd/${NAME}/OTA`, "open");
      await device.saw((topic, payload) => topic === "OTA" && payload.startsWith("netstatus 3"));
      const proxy = await DelayProxy.start({
        ...{ host: device.bench.machine.address, port: LINK_PORT, delayMs: 10 },
      });
      for (const name of ["weak", "stalled"] as const) {
        const beganMs = performance.now();
        const wire = pacedWire(await connectTcp("127.0.0.1", proxy.port), PACES[name]);
        const client = await LinkClient.open(wire, { key: Buffer.from(OTAKEY, "hex") });
        await client.putBundle(bundle);
        seconds[name].push((performance.now() - beganMs) / 1000);
        const gone = new Promise<void>((resolve) => {
          wire.onEnd = () => resolve();
        });
        client.close();
        await gone;
      }
      await proxy.stop();
    } finally {
      await device.close();
    }
  }
  for (const name of ["weak", "stalled"] as const) {
    const { bytesPerSecond, stallMs } = PACES[name];
    const [instantS, chipS] = seconds[name] as [number, number];
    const stall = stallMs > 0 ? `, nothing for ${stallMs / 1000} s in between` : "";
    const way = `${bundle.length} bytes as they are at ${bytesPerSecond / 1000} KB/s and 20 ms of round trip${stall}`;
    const figure = (key: string, value: number, method: string): Figure => ({
      ...{ key: `ota.bundle.${name}.${key}`, value: round(value, 3), unit: "s", method },
      better: "lower",
    });
    yield figure("instantFlashS", instantS, `${way}; flash takes no time`);
    yield figure(
      "chipFlashS",
      chipS,
      `the same with a W25Q32's typical times (--flash-times), which are ${round(flashS, 2)} s in all`,
    );
  }
}

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
