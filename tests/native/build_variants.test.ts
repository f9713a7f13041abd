// The firmware builds without a warning (-Wall -Wextra -Werror) for 64 bits, for 32 bits, and with the sanitizers; each of them boots the
// energy bundle, publishes, and takes an update; the sanitizers have nothing to say, not even when NVS is full of wrong bits.

import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { has32BitParts } from "../../tools/lib/host_packages.ts";
import { buildNative, type NativeVariant } from "../../tools/lib/native_build.ts";
import { profileBundle } from "../../tools/sim/firmware.ts";
import { repeatable } from "../../tools/sim/random.ts";
import { dropVariant, FASTER_WINDOWS, variantOf } from "../../tools/sim/variants.ts";
import { CutDevice } from "../support/cut_device.ts";
import { energyBench } from "../support/energy_bench.ts";
import { bundleFile, ota } from "../support/ota_tool.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(2 * SLOW_TEST_MS);

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const has32 = await has32BitParts();
if (!has32) console.warn("The 32-bit C library is not here: the 32-bit build is left out (see README.md).");

test("64 bits", () => proves({}));
test.skipIf(!has32)("32 bits", () => proves({ m32: true }));
test("64 bits with the address and undefined-behaviour sanitizers", () => proves({ sanitize: true }));

async function proves(variant: NativeVariant): Promise<void> {
  const firmware = (await buildNative(variant)).hearth;
  const energy = await energyBench(undefined, { firmware });
  ends.push(energy.close);
  await energy.bench.machine.powerOn();
  expect(await energy.saw(energy.published("VA"))).toBe(true);
  const root = await variantOf("energy", "build-variants", [FASTER_WINDOWS]);
  const changed = await profileBundle("energy", root).finally(() => dropVariant(root));
  const sent = await ota(energy, "--bundle", await bundleFile(energy, changed));
  expect([sent.code, sent.err]).toEqual([0, ""]);
  expect(energy.bench.machine.resets).toEqual(["software"]);
  // Lines of the process's own error output, where a sanitizer reports.
  expect(energy.seen.filter((event) => event.kind === "log" && event.line.startsWith("!"))).toEqual([]);
}

/** What befalls a flash image: some of its bits, a word, a whole sector, its end. */
const DAMAGES: readonly ((image: Buffer, random: () => number) => void)[] = [
  (image, random) => flip(image, random, 1, 4096),
  (image, random) => flip(image, random, 40, 2048),
  (image, random) => flip(image, random, 2000, image.length),
  (image, random) => {
    image.writeUInt32LE(Math.floor(random() * 2 ** 32), Math.floor(random() * 64) * 4);
  },
  (image, random) => {
    for (let at = 0; at < 4096; at++) image[at] = Math.floor(random() * 256);
  },
  (image, random) => void image.fill(0, Math.floor(random() * 1024)),
];

function flip(image: Buffer, random: () => number, count: number, within: number): void {
  for (let i = 0; i < count; i++) {
    const at = Math.floor(random() * within);
    image[at] = (image[at] ?? 0) ^ (1 << Math.floor(random() * 8));
  }
}

test("damaged NVS: the sanitized firmware boots, comes to the broker and writes again", async () => {
  const firmware = (await buildNative({ sanitize: true })).hearth;
  const folder = mkdtempSync(join(tmpdir(), "hearth-nvs-"));
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  const device = await CutDevice.make(join(folder, "flash"), firmware);
  ends.push(() => device.close());
  await device.restore(undefined, await profileBundle("energy"));
  await device.boot();
  expect((await device.version())?.state).toBe("permanent");
  await device.restart(); // so that there is a reboot reason in NVS too
  expect((await device.version())?.state).toBe("permanent");
  await device.powerOff();
  const path = join(device.flashDir, "nvs.bin");
  const good = Buffer.from(await Bun.file(path).arrayBuffer());
  for (let seed = 0; seed < 36; seed++) {
    const image = Buffer.from(good);
    DAMAGES[seed % DAMAGES.length]?.(image, repeatable(seed));
    await Bun.write(path, image);
    device.log.length = 0;
    await device.boot();
    const version = await device.version();
    const report = device.log.filter((line) => line.startsWith("!")).join("\n");
    expect({ seed, state: version?.state, report }).toEqual({ seed, state: "permanent", report: "" });
    await device.powerOff();
  }
});
