// What an update sends to the real firmware: differences of a bundle that the tool has, of one that it knows by its blocks only, and a whole bundle compressed.

import { afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { LINK_PORT, LinkClient } from "../../tools/lib/link_client.ts";
import { NO_BASE } from "../../tools/lib/patch_frames.ts";
import { sendBundle } from "../../tools/lib/update.ts";
import { connectTcp } from "../../tools/lib/wire.ts";
import { FASTER_WINDOWS } from "../../tools/sim/variants.ts";
import { type EnergyBench, energyBench, variantBundle } from "../support/energy_bench.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

let changed: Uint8Array;
beforeAll(async () => {
  changed = await variantBundle("patch-changed", FASTER_WINDOWS);
});

let energy: EnergyBench;
afterEach(() => energy.close());

/** A device that waits for a tool; its time is real. */
async function opened(): Promise<void> {
  energy = await energyBench();
  const { machine, world, broker } = energy.bench;
  await machine.powerOn();
  expect(await energy.saw(energy.published("LWT", "online"))).toBe(true);
  world.setPace(1);
  await broker?.publish("cmnd/meter/OTA", "open");
  const isOpen = () =>
    energy.seen.some(
      ({ kind, ...event }) => kind === "publish" && "payload" in event && /^netstatus 3/.test(`${event.payload}`),
    );
  expect(await world.until(isOpen, 60_000)).toBe(true);
}

const open = async () =>
  LinkClient.open(await connectTcp(energy.bench.machine.address, LINK_PORT), {
    key: Buffer.from("11".repeat(32), "hex"),
  });

async function confirms(): Promise<void> {
  energy.bench.world.setPace("fast");
  const name = Buffer.from(changed.subarray(16, 24)).toString("hex");
  expect(await energy.saw(energy.published("Log", `trial confirmed ${name}`))).toBe(true);
}

test.each([
  ["has", undefined, 500],
  ["does not have", "empty", 8000],
])("a tool that %s the running bundle", async (_, store, most) => {
  await opened();
  let sentBytes: number | undefined;
  await sendBundle({
    bundle: changed,
    open,
    store: store === undefined ? undefined : join(energy.folder, store),
    onEvent: (event) => {
      if (event.event === "committed") sentBytes = event.sentBytes;
    },
  });
  expect(sentBytes).toBeLessThan(most);
  await confirms();
});

test("a bundle of which nothing is known on the device", async () => {
  await opened();
  const client = await open();
  await client.putBundle(changed, { base: NO_BASE });
  expect(client.contentSent).toBeLessThan(changed.length * 0.55);
  await client.reboot();
  client.close();
  await confirms();
});
