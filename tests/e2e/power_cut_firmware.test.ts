// The power is lost while a firmware comes in, at its commit, in its trial and at its confirmation. Each time the device must come back with the old
// or the new one for good, and take another one. An image is thousands of storage operations: the first and the last of them are cut, and some
// between; native/test/native_firmware.c cuts in every one.

import { afterAll, beforeAll, setDefaultTimeout } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FirmwareImage, readImage } from "../../tools/lib/firmware_image.ts";
import { hostFirmware } from "../../tools/sim/firmware.ts";
import type { CutDevice } from "../support/cut_device.ts";
import { sweepCuts } from "../support/cut_sweep.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";
import { type SmallBundle, smallBundle } from "../support/small_bundle.ts";
import { firmwareVariant } from "../support/trial_bench.ts";

setDefaultTimeout(SLOW_TEST_MS);

/** Operations at the beginning and the end of a boot that are all cut, and how many cuts there are between. */
const EDGE = 8;
const BETWEEN = 5;

const folder = mkdtempSync(join(tmpdir(), "hearth-cut-firmware-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let firmware = "";
let bundle: SmallBundle;
const images: FirmwareImage[] = [];
beforeAll(async () => {
  firmware = await hostFirmware();
  bundle = await smallBundle("firmware");
  for (const version of ["2.0.0", "3.0.0"]) {
    const image = readImage(await firmwareVariant(version));
    if (typeof image === "string") throw new Error(image);
    images.push(image);
  }
});

test("a firmware that is confirmed", () => {
  const [sent, next] = images as [FirmwareImage, FirmwareImage];
  let old = "";
  return sweepCuts(
    {
      name: "firmware",
      boots: 2,
      skip: 0,
      atLeast: 2 * EDGE + BETWEEN,
      cuts: (operations) => {
        const step = Math.ceil(operations / (BETWEEN + 1));
        const all = Array.from({ length: operations }, (_, index) => index + 1);
        return all.filter((cut) => cut <= EDGE || cut > operations - EDGE || cut % step === 0);
      },
      begin: async (device) => {
        await device.restore(undefined, bundle.bytes);
        await device.boot();
        old = (await device.version())?.image.hash ?? "";
        await device.powerOff();
      },
      act: (device) => put(device, sent),
      ends: (device) => settled(device, sent),
      comesBack: async (device, { again }) => {
        const version = await device.version();
        if (version === undefined) return "it does not come back to the broker";
        if (version.bundle !== bundle.name || version.state !== "permanent")
          return `it runs ${JSON.stringify(version)}`;
        const { hash } = version.image;
        if (![old, sent.name, ...(again ? [next.name] : [])].includes(hash)) return `its firmware is ${hash}`;
        const good = hash === next.name ? sent : next;
        if (!(await confirmed(device, hash))) return "its firmware stays on trial";
        // The one whose put was cut comes first, so that what was noted of it is used.
        if (hash === old && !(await put(device, sent))) return "it does not take it again";
        if (hash === old) return settled(device, sent);
        if (!(await put(device, good))) return "it does not take another one";
        return settled(device, good);
      },
    },
    firmware,
    folder,
  );
});

function put(device: CutDevice, image: FirmwareImage): Promise<boolean> {
  return device.session(async (link) => {
    await link.putFirmware(image.bytes, image.machine);
    await link.reboot();
  });
}

/** Waits until the firmware of this name is not on trial; false when it goes. */
function confirmed(device: CutDevice, name: string): Promise<boolean> {
  return device.eventually(({ image }) => image.hash === name && image.state === "valid");
}

/** Waits until this image is the firmware for good; returns what is wrong. */
async function settled(device: CutDevice, image: FirmwareImage): Promise<string | undefined> {
  if (await confirmed(device, image.name)) return undefined;
  return `${image.version} is not confirmed: ${JSON.stringify(await device.version())}`;
}
