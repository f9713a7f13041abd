// Proves what an update over the air refuses: each time the tool says why, the device says why on its Log, and what runs goes on.

import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { decodeBundle, encodeBundle, HEADER_BYTES } from "../../tools/lib/bundle.ts";
import { LINK_PORT, LinkClient } from "../../tools/lib/link_client.ts";
import { DelayProxy } from "../../tools/lib/proxy.ts";
import { connectTcp } from "../../tools/lib/wire.ts";
import type { BenchMachine } from "../../tools/sim/machine.ts";
import { FASTER_WINDOWS } from "../../tools/sim/variants.ts";
import { type EnergyBench, variantBundle } from "../support/energy_bench.ts";
import { MACHINE, MACHINE_TEST_MS, machineBench, needing } from "../support/machine_under_test.ts";
import { bundleFile, LINK_PACE, ota, type ToolRun } from "../support/ota_tool.ts";

setDefaultTimeout(MACHINE_TEST_MS);

const test = needing("link", "setup");

const KEY = Buffer.from("11".repeat(32), "hex");
let energy: EnergyBench<BenchMachine>;
let changed: Uint8Array;

beforeAll(async () => {
  changed = await variantBundle("ota-refused", FASTER_WINDOWS);
  energy = await machineBench();
  await energy.bench.machine.powerOn();
  expect(await energy.saw(energy.published("VA"))).toBe(true);
});
afterAll(() => energy.close());

/** The good bundle with other fields in its header, and a header checksum that is right. */
function withFields(fields: { profile?: string; apiHash?: string; engineId?: string }): Uint8Array {
  const decoded = decodeBundle(changed);
  if (typeof decoded === "string") throw new Error(decoded);
  return encodeBundle(decoded.body, { ...decoded.header, ...fields });
}

/** A session of a tool that checks nothing before it sends. */
async function session(key: Uint8Array = KEY): Promise<LinkClient> {
  energy.bench.world.setPace(LINK_PACE);
  await energy.bench.broker?.publish("cmnd/meter/OTA", "open");
  await energy.saw(energy.published("OTA"), energy.seen.length);
  return LinkClient.open(await connectTcp(energy.bench.machine.address, LINK_PORT), { key });
}

/** What the device said on its Log since event number `from`, once that includes `text`. */
async function logged(text: string, from: number): Promise<boolean> {
  energy.bench.world.setPace("fast");
  return energy.saw(
    (event) => event.kind === "publish" && event.topic === "stat/meter/Log" && event.payload.includes(text),
    from,
  );
}

/** The bundle of before runs on, was not restarted, and publishes. */
async function untouched(): Promise<void> {
  energy.bench.world.setPace("fast");
  expect(energy.bench.machine.resets).toEqual([]);
  expect(await energy.saw(energy.published("VA"), energy.seen.length)).toBe(true);
}

function failed(run: ToolRun): string {
  expect(run.code).toBe(1);
  expect(run.out).not.toContain("committed");
  return run.err;
}

const path = (bundle: Uint8Array) => bundleFile(energy, bundle);

test("a wrong key", async () => {
  const from = energy.seen.length;
  const keyFile = `${energy.folder}/wrong.key`;
  await Bun.write(keyFile, "22".repeat(32));
  const error = failed(await ota(energy, "--bundle", await path(changed), "--key-file", keyFile));
  expect(error).toContain("the device does not know this key: use the `otakey` that its config.txt has");
  expect(await logged("link refused: handshake did not verify (wrong key?)", from)).toBe(true);
  await untouched();
});

test("another profile, unless it is meant: the tool", async () => {
  const error = failed(await ota(energy, "--bundle", await path(withFields({ profile: "relay" }))));
  expect(error).toContain("meter runs energy, this bundle is relay: add --change-profile if that is meant");
  await untouched();
});

const OTHER = "0123456789abcdef";

for (const [what, fields] of [
  ["native API", { apiHash: OTHER }],
  ["engine", { engineId: OTHER }],
] as const)
  test(`another ${what}: the tool refuses before it sends`, async () => {
    const { code, out, err } = await ota(energy, "--bundle", await path(withFields(fields)));
    expect(code).toBe(1);
    expect(out).not.toContain("sending");
    expect(err).toContain(`the firmware of meter does not run this bundle (${what} `);
    // Of an emulated chip's firmware there may be one in this checkout, or none.
    expect(err).toContain(MACHINE.kind === "host" ? `${OTHER}), nor does this checkout's` : `${OTHER}), `);
    expect(err).toContain("--firmware FILE");
    await untouched();
  });

for (const [what, fields] of [
  ["native API", { apiHash: OTHER }],
  ["engine", { engineId: OTHER }],
  ["profile", { profile: "relay" }],
] as const)
  test(`another ${what}: the device refuses a tool that sends it all the same`, async () => {
    const from = energy.seen.length;
    const client = await session();
    await expect(client.putBundle(withFields(fields))).rejects.toThrow(what);
    client.close();
    expect(await logged(what, from)).toBe(true);
    await untouched();
  });

test("a file that is cut off or damaged: the tool refuses before it connects", async () => {
  const damaged = changed.slice();
  damaged[HEADER_BYTES + 1000] = (damaged[HEADER_BYTES + 1000] as number) ^ 1;
  for (const [bundle, why] of [
    [changed.subarray(0, 20_000), "the body has 19744 bytes"],
    [damaged, "the body's SHA-256 is not the header's"],
    [changed.subarray(0, 100), "cut off: 100 bytes"],
    [new Uint8Array(500), "not a Hearth bundle"],
  ] as const) {
    const error = failed(await ota(energy, "--bundle", await path(bundle)));
    expect(error).toContain(why);
    expect(error).toContain("build it again");
  }
  await untouched();
});

test("a transfer that ends too early", async () => {
  const from = energy.seen.length;
  const client = await session();
  // A commit right behind a body that is shorter than its header says.
  await expect(client.putBundle(changed.subarray(0, 20_000))).rejects.toThrow(/19744 of \d+ bytes; send it again/);
  client.close();
  expect(await logged("link refused: 19744 of ", from)).toBe(true);
  await untouched();
});

test("content that is not what the header says", async () => {
  const from = energy.seen.length;
  const damaged = withFields({ profile: "energy" });
  damaged[HEADER_BYTES + 30_000] = (damaged[HEADER_BYTES + 30_000] as number) ^ 0x80;
  const client = await session();
  await expect(client.putBundle(damaged)).rejects.toThrow("checksum differs; send it again");
  client.close();
  expect(await logged("link refused: checksum differs", from)).toBe(true);
  await untouched();
});

test("bytes that are changed on the way", async () => {
  const from = energy.seen.length;
  const proxy = await DelayProxy.start({ host: energy.bench.machine.address, port: LINK_PORT, flipAtByte: 15_000 });
  const run = await ota(energy, "--force", "--bundle", await path(changed), "--addr", `127.0.0.1:${proxy.port}`);
  await proxy.stop();
  // The refusal can be overtaken by the end of the connection, as data is still on its way to the device.
  expect(run.out).toMatch(/broken off \((.*a message did not verify|the connection ended)/);
  expect(failed(run)).toContain("gave up after 5 attempts. The device goes on with what it had");
  expect(await logged("link refused: message did not verify", from)).toBe(true);
  await untouched();
});

test("a second client while one is at work", async () => {
  const from = energy.seen.length;
  const first = await session();
  // A session without a message is over after a minute, which is soon at this pace.
  const alive = setInterval(() => first.info().catch(() => {}), 500);
  const error = failed(await ota(energy, "--bundle", await path(changed)));
  clearInterval(alive);
  expect(error).toContain("another client is connected to the device: try again when it is done");
  expect(await first.list()).toBeInstanceOf(Map);
  first.close();
  expect(await logged("link refused: second client", from)).toBe(true);
  await untouched();
});

test("after all of that the device still takes a good update", async () => {
  const { code, out } = await ota(energy, "--bundle", await path(changed));
  expect([code, out.includes("meter has confirmed bundle")]).toEqual([0, true]);
});
