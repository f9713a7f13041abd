// A permanent bundle that crashes at every start: three times in a row, then the bundle before it runs, or recovery when there is none, which
// gives it another three chances after an hour.

import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostFirmware } from "../../tools/sim/firmware.ts";
import { partitionImage } from "../../tools/sim/flash_image.ts";
import { THROWS_AT_START } from "../../tools/sim/variants.ts";
import { CutDevice } from "../support/cut_device.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";
import { type SmallBundle, smallBundle } from "../support/small_bundle.ts";

setDefaultTimeout(SLOW_TEST_MS);

/** RETRY_MS of the recovery bundle, and some. */
const RETRY_MS = 3_700_000;

let device: CutDevice;
let good: SmallBundle;
let bad: SmallBundle;
const folder = mkdtempSync(join(tmpdir(), "hearth-crash-"));
beforeAll(async () => {
  device = await CutDevice.make(join(folder, "flash"), await hostFirmware());
  good = await smallBundle("good");
  bad = await smallBundle("bad", THROWS_AT_START);
});
afterAll(async () => {
  await device.close();
  rmSync(folder, { recursive: true, force: true });
});

const crashes = (): number =>
  device.log.filter((line) => line === "exception: Error: this build throws at start").length;

test("the bundle before it runs after three crashes", async () => {
  await device.restore(undefined, bad.bytes);
  await Bun.write(join(device.flashDir, "app_1.bin"), partitionImage(good.bytes, 0, true));
  await device.boot();
  const version = await device.version();
  expect(version).toMatchObject({
    bundle: good.name,
    state: "permanent",
    rejected: { bundle: bad.name, why: "crash" },
  });
  expect(crashes()).toBe(3);
});

test("without another bundle recovery runs, and gives it three more chances after an hour", async () => {
  await device.restore(undefined, bad.bytes);
  await device.boot();
  expect(await device.version()).toMatchObject({ state: "recovery", recovery: "crashloop" });
  expect(crashes()).toBe(3);
  expect(await device.until(() => crashes() === 6, RETRY_MS)).toBe(true);
  expect(await device.version()).toMatchObject({ state: "recovery", recovery: "crashloop" });
  expect(crashes()).toBe(6);
});
