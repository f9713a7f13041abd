// The power is lost while a firmware comes in, at its commit, in its trial, at its confirmation, and while one that crashes or cannot be reached goes
// back. Each time the device must come back with the old or the new one for good, and take another one. An image is thousands of storage
// operations: the first and the last of them are cut, and some between (native/test/native_firmware.c cuts in every one); the boots after it in all.

import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type FirmwareImage, readImage } from "../../tools/lib/firmware_image.ts";
import { bootSlot, OTADATA_BYTES } from "../../tools/sim/boot_loader.ts";
import { hostFirmware } from "../../tools/sim/firmware.ts";
import { THROWS_AT_START, WRONG_PORT } from "../../tools/sim/variants.ts";
import { CutDevice } from "../support/cut_device.ts";
import { type Story, sweepCuts } from "../support/cut_sweep.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";
import { type SmallBundle, smallBundle } from "../support/small_bundle.ts";
import { firmwareVariant } from "../support/trial_bench.ts";
import { OTHER_ENGINE } from "../support/trial_tool.ts";

setDefaultTimeout(SLOW_TEST_MS);

/** Operations at the beginning and the end of a boot that are all cut, and how many cuts there are between. */
const EDGE = 8;
const BETWEEN = 5;
/** Of 32 bits, of an entry of otadata. */
const ENTRY_WORDS = 8;

const folder = mkdtempSync(join(tmpdir(), "hearth-cut-firmware-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let firmware = "";
let bundle: SmallBundle;
const images = {} as Record<"good" | "next" | "crashes" | "unreachable", FirmwareImage>;
beforeAll(async () => {
  firmware = await hostFirmware();
  bundle = await smallBundle("firmware");
  images.good = await imageOf("2.0.0");
  images.next = await imageOf("3.0.0");
  // They run nothing but what is inside them: a program that throws, or that looks for its broker where there is none.
  images.crashes = await imageOf("4.0.0", await smallBundle("throws", THROWS_AT_START));
  images.unreachable = await imageOf("5.0.0", await smallBundle("unreachable", WRONG_PORT));
});

async function imageOf(version: string, runs?: SmallBundle): Promise<FirmwareImage> {
  const image = readImage(await firmwareVariant(version, runs && OTHER_ENGINE, runs?.bytes));
  if (typeof image === "string") throw new Error(image);
  return image;
}

test("a firmware that is confirmed", async () => {
  await sweep(images.good, undefined, {
    name: "firmware",
    boots: 2,
    skip: 0,
    atLeast: 2 * EDGE + BETWEEN + 4,
    cuts: (operations) => {
      const step = Math.ceil(operations / (BETWEEN + 1));
      const all = Array.from({ length: operations }, (_, index) => index + 1);
      return all.filter((cut) => cut <= EDGE || cut > operations - EDGE || cut % step === 0);
    },
  });
});

test("a firmware that crashes, and its roll-back, also in what the boot loader writes", async () => {
  const story = await sweep(images.crashes, "crash", { name: "firmware_crashes", boots: 3, skip: 1, atLeast: 6 });
  await sweepBootLoader(story, 3);
});

test("a firmware that cannot be reached, and its roll-back", async () => {
  await sweep(images.unreachable, "deadline", { name: "firmware_unreachable", boots: 3, skip: 1, atLeast: 6 });
});

/** The boot loader marks a firmware as tried, and as gone: each time a sector is erased and eight words are written. The power is lost after the
 * erasing and after each word, in each of the story's boots. */
async function sweepBootLoader(story: Story, boots: number): Promise<void> {
  const device = await CutDevice.make(join(folder, `${story.name}-torn`), firmware);
  let points = 0;
  try {
    for (let boot = 0; boot < boots; boot++) {
      const begun = join(folder, `${story.name}-boot-${boot}`);
      const path = join(begun, "otadata.bin");
      const before = existsSync(path) ? new Uint8Array(readFileSync(path)) : new Uint8Array(OTADATA_BYTES).fill(0xff);
      const { otadata } = bootSlot(before, () => true);
      for (let sector = 0; sector < OTADATA_BYTES; sector += OTADATA_BYTES / 2) {
        const [old, written] = [before, otadata].map((data) => data.subarray(sector, sector + OTADATA_BYTES / 2));
        if (Buffer.compare(old as Uint8Array, written as Uint8Array) === 0) continue;
        for (let words = 0; words < ENTRY_WORDS; words++) {
          const torn = before.slice();
          torn.fill(0xff, sector, sector + OTADATA_BYTES / 2);
          torn.set((written as Uint8Array).subarray(0, 4 * words), sector);
          await device.restore(begun);
          await Bun.write(join(device.flashDir, "files", "config.txt"), device.config()); // its own broker
          await Bun.write(join(device.flashDir, "otadata.bin"), torn);
          await device.boot();
          const fault = await story.comesBack(device, { first: false, again: false });
          expect([boot, words, fault]).toEqual([boot, words, undefined]);
          points++;
        }
      }
    }
  } finally {
    await device.close();
  }
  console.log(`${story.name}: cut points in the boot loader ${points}`);
  expect(points).toBe(2 * ENTRY_WORDS);
}

/** `why` it is taken back; undefined: it is confirmed. */
async function sweep(
  sent: FirmwareImage,
  why: string | undefined,
  given: Pick<Story, "name" | "boots" | "skip" | "atLeast" | "cuts">,
): Promise<Story> {
  const { next } = images;
  let old = "";
  const story: Story = {
    ...given,
    begin: async (device) => {
      await device.restore(undefined, bundle.bytes);
      await device.boot();
      old = (await device.version())?.image.hash ?? "";
      await device.powerOff();
    },
    act: (device) => put(device, sent),
    ends: async (device) => {
      if (why === undefined) return settled(device, sent);
      if (!(await confirmed(device, old))) return "the old firmware does not run";
      const rejected = (await device.version())?.image.rejected;
      return rejected?.hash === sent.name && rejected.why === why
        ? undefined
        : `taken back: ${JSON.stringify(rejected)}`;
    },
    comesBack: async (device, { again }) => {
      const version = await device.version();
      if (version === undefined) return "it does not come back to the broker";
      if (version.bundle !== bundle.name || version.state !== "permanent") return `it runs ${JSON.stringify(version)}`;
      const { hash } = version.image;
      const known = [old, ...(why === undefined ? [sent.name] : []), ...(again ? [next.name] : [])];
      if (!known.includes(hash)) return `its firmware is ${hash}`;
      if (!(await confirmed(device, hash))) return "its firmware stays on trial";
      // The one whose put was cut comes first, so that what was noted of it is used.
      const good = hash === next.name || (hash === old && why === undefined) ? images.good : next;
      return (await put(device, good)) ? settled(device, good) : "it does not take another one";
    },
  };
  await sweepCuts(story, firmware, folder);
  return story;
}

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
