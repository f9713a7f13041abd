// A new firmware on the host machine: sent over the link, tried, kept or taken back; also together with the bundle that it needs.

import { afterEach, expect, setDefaultTimeout } from "bun:test";
import { type FirmwareImage, hostImage, readImage } from "../../tools/lib/firmware_image.ts";
import { profileBundle } from "../../tools/sim/firmware.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";
import { bundleFor, firmwareVariant, TrialBench } from "../support/trial_bench.ts";

setDefaultTimeout(SLOW_TEST_MS);

const OTHER_ENGINE = "00112233aabbccdd";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function running(...moreConfig: string[]): Promise<TrialBench> {
  const bench = await TrialBench.make(moreConfig);
  ends.push(() => bench.close());
  await bench.bench.machine.powerOn();
  expect(await bench.online()).toBe(true);
  return bench;
}

async function imageOf(version: string, engineId?: string): Promise<FirmwareImage> {
  const image = readImage(await firmwareVariant(version, engineId));
  if (typeof image === "string") throw new Error(image);
  return image;
}

/** Sends a firmware and restarts into it. */
async function send(device: TrialBench, image: FirmwareImage): Promise<void> {
  await device.link(async (client) => {
    await client.putFirmware(image.bytes, "host");
    await client.reboot();
  });
}

const confirmed = (device: TrialBench) => device.saw("Log", (line) => line.startsWith("firmware confirmed"));

test("a new firmware is sent, tried, and kept when the device has proved itself", async () => {
  const device = await running();
  const image = await imageOf("9.9.9");
  await send(device, image);
  expect(await confirmed(device)).toBe(true);
  const told = await device.told();
  expect(told).toMatchObject({
    firmware: "9.9.9",
    image: { hash: image.name, slot: 1, state: "valid", rejected: null },
  });
  await device.command("reboot");
  expect(await device.online()).toBe(true);
  expect((await device.told()).firmware).toBe("9.9.9");
});

test("keepversion makes it permanent where the configuration says keep manual", async () => {
  const device = await running("keep manual");
  await send(device, await imageOf("9.9.9"));
  expect(await device.online()).toBe(true);
  expect((await device.told()).image.state).toBe("pending");
  await device.command("keepversion");
  expect((await device.told()).image.state).toBe("valid");
});

test("two updates in a row use the slots in turn, and the numbers of otadata go on", async () => {
  const device = await running();
  for (const [version, slot] of [
    ["2.0.0", 1],
    ["3.0.0", 0],
    ["4.0.0", 1],
  ] as const) {
    await send(device, await imageOf(version));
    expect(await confirmed(device)).toBe(true);
    expect(await device.told()).toMatchObject({ firmware: version, image: { slot, state: "valid" } });
  }
});

test("an image that was changed on its way, or is for another machine, is refused and nothing happens", async () => {
  const device = await running();
  const image = await imageOf("9.9.9");
  const broken = image.bytes.slice();
  broken[100_000]! ^= 1;
  await device.link(async (client) => {
    await expect(client.putFirmware(image.bytes, "esp32")).rejects.toThrow("firmware for esp32 on a host");
    await expect(client.putFirmware(broken, "host")).rejects.toThrow("checksum differs");
    await client.reboot();
  });
  expect(await device.online()).toBe(true);
  expect(await device.told()).toMatchObject({ firmware: "0.1.0", image: { slot: 0, state: "valid", rejected: null } });
});

test("a put that the device's restart broke off goes on where it was", async () => {
  const device = await running();
  const image = await imageOf("9.9.9");
  const first: number[] = [];
  await device
    .link((client) =>
      client.putFirmware(image.bytes, "host", {
        onProgress: (done) => {
          if (first.push(done) === 12) void device.bench.machine.pressReset();
        },
      }),
    )
    .catch(() => {});
  expect(first.at(-1)).toBeLessThan(image.bytes.length);
  expect(await device.online()).toBe(true);
  const second: number[] = [];
  await device.link(async (client) => {
    await client.putFirmware(image.bytes, "host", { onProgress: (done) => second.push(done) });
    await client.reboot();
  });
  expect(second[1]).toBeGreaterThan(60_000);
  expect(await confirmed(device)).toBe(true);
});

test("a firmware for other bundles: recovery proves it, then the new bundle comes, and the old pair is still there in between", async () => {
  const device = await running();
  const before = await device.told();
  const image = await imageOf("9.9.9", OTHER_ENGINE);
  await send(device, image);
  expect(await confirmed(device)).toBe(true);
  expect(await device.told()).toMatchObject({ profile: "recovery", recovery: "none", image: { state: "valid" } });
  const bundle = bundleFor(await profileBundle("energy"), OTHER_ENGINE);
  await device.link(async (client) => {
    await client.putBundle(bundle);
    await client.reboot();
  });
  expect(await device.saw("Log", (line) => line.startsWith("trial confirmed"))).toBe(true);
  expect(await device.told()).toMatchObject({ profile: "energy", state: "permanent", firmware: "9.9.9" });
  // The bundle of the old firmware was left alone: with that firmware it runs again.
  await send(device, await imageOf("1.0.0"));
  expect(await confirmed(device)).toBe(true);
  expect(await device.told()).toMatchObject({ bundle: before.bundle, state: "permanent", firmware: "1.0.0" });
});

test("while such a firmware is on trial the old firmware's bundle cannot be overwritten, and comes back with it", async () => {
  const device = await running("keep manual");
  const before = await device.told();
  await send(device, await imageOf("9.9.9", OTHER_ENGINE));
  expect(await device.online()).toBe(true);
  expect(await device.told()).toMatchObject({ profile: "recovery", image: { state: "pending" } });
  const bundle = bundleFor(await profileBundle("energy"), OTHER_ENGINE);
  await device.link((client) => client.putBundle(bundle));
  device.bench.machine.fail("panic");
  expect(await device.online()).toBe(true);
  expect(await device.told()).toMatchObject({
    bundle: before.bundle,
    state: "permanent",
    firmware: "0.1.0",
    image: { slot: 0, state: "valid", rejected: { why: "crash" } },
  });
});

test("a firmware that has nothing to run gives way to the one before at once", async () => {
  const device = await running();
  const bytes = Buffer.from(await firmwareVariant("9.9.9", OTHER_ENGINE)).subarray(0, -32);
  // Its recovery bundles are no bundles.
  for (let at = bytes.indexOf("HEARTHB1\x01"); at >= 0; at = bytes.indexOf("HEARTHB1\x01")) bytes.write("ruined", at);
  const image = readImage(hostImage(bytes));
  if (typeof image === "string") throw new Error(image);
  await send(device, image);
  expect(await device.online()).toBe(true);
  expect(await device.told()).toMatchObject({
    firmware: "0.1.0",
    image: { slot: 0, state: "valid", rejected: { hash: image.name, why: "restart" } },
  });
});

test("a firmware that hangs in its first instruction is reset and gives way to the one before", async () => {
  const device = await running();
  const elf = Buffer.from(await firmwareVariant("9.9.9")).subarray(0, -32);
  elf.set(FOREVER[elf.readUInt16LE(ELF_MACHINE_AT)] as Uint8Array, entryAt(elf));
  const image = readImage(hostImage(elf));
  if (typeof image === "string") throw new Error(image);
  await send(device, image);
  expect(await device.online()).toBe(true);
  expect(device.bench.machine.resets).toEqual(["software", "watchdog"]);
  expect(await device.told()).toMatchObject({
    firmware: "0.1.0",
    image: { slot: 0, state: "valid", rejected: { hash: image.name, why: "watchdog" } },
  });
});

const ELF_MACHINE_AT = 18;
/** A jump to itself, by the ELF header's number of the machine: x86-64, AArch64. */
const FOREVER: Record<number, Uint8Array> = { 62: Uint8Array.of(0xeb, 0xfe), 183: Uint8Array.of(0, 0, 0, 0x14) };
const LOADED = 1;

/** Where in a file of ELF's 64-bit form its first instruction is. */
function entryAt(elf: Buffer): number {
  const entry = Number(elf.readBigUInt64LE(24));
  const headers = Number(elf.readBigUInt64LE(32));
  for (let index = 0; index < elf.readUInt16LE(56); index++) {
    const header = headers + index * elf.readUInt16LE(54);
    const [offset, address, , length] = [8, 16, 24, 32].map((at) => Number(elf.readBigUInt64LE(header + at))) as Quad;
    if (elf.readUInt32LE(header) === LOADED && entry >= address && entry < address + length)
      return entry - address + offset;
  }
  throw new Error("no entry");
}
type Quad = [number, number, number, number];
