// Firmware, bundle and configuration on trial against everything that can become of them: every set of the three and every fate, on the real
// firmware with the real boot loader's rules. Each time either all that is new is in force, or all of it is back where it was. Then the pair that
// can only be changed one after the other: a firmware that the old bundle does not run on, and the bundle for it.

import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { readImage } from "../../tools/lib/firmware_image.ts";
import { configName } from "../../tools/lib/trial_updates.ts";
import { profileBundle } from "../../tools/sim/firmware.ts";
import { dropVariant, FASTER_WINDOWS, variantOf } from "../../tools/sim/variants.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";
import { bundleFor, firmwareVariant, type Told, TrialBench } from "../support/trial_bench.ts";

setDefaultTimeout(SLOW_TEST_MS);

const THINGS = ["firmware", "bundle", "config"] as const;
type Thing = (typeof THINGS)[number];

/** What becomes of the first boot with what is new, and what the device says of it when it has taken that back. */
const FATES = {
  good: undefined,
  crash: "crash",
  hang: "watchdog",
  watchdog: "watchdog",
  "power cut": "power",
  unreachable: "deadline",
} as const;
type Fate = keyof typeof FATES;

const OTHER_ENGINE = "00112233aabbccdd";

/** Into the trial's boot, but before its network comes up. */
const STRIKE_MS = 8000;

let device: TrialBench;
let before: Told;
let image: Uint8Array;
let bundle: Uint8Array;
let config: string;
/** For each other, and for nothing else. */
let otherImage: Uint8Array;
let otherBundle: Uint8Array;
const names = {} as Record<Thing, string>;

beforeAll(async () => {
  device = await TrialBench.make();
  image = await firmwareVariant("2.0.0");
  const root = await variantOf("energy", "trials", [FASTER_WINDOWS]);
  bundle = await profileBundle("energy", root).finally(() => dropVariant(root));
  config = device.newConfig("discovery none");
  otherImage = await firmwareVariant("3.0.0", OTHER_ENGINE);
  otherBundle = bundleFor(await profileBundle("energy"), OTHER_ENGINE);
  const read = readImage(image);
  if (typeof read === "string") throw new Error(read);
  names.firmware = read.name;
  names.bundle = Buffer.from(bundle.subarray(16, 24)).toString("hex");
  names.config = configName(config);
  await device.bench.machine.powerOn();
  await device.online();
  before = await device.told();
  await device.bench.machine.powerCut();
  device.snapshot("before");
});
afterAll(() => device?.close());

/** A chip to which `things` have been sent and committed; the next boot is their first. */
async function prepare(things: readonly Thing[]): Promise<string> {
  const name = things.join("-");
  device.restore("before");
  await device.bench.machine.powerOn();
  await device.online();
  await device.link(async (client) => {
    if (things.includes("firmware")) await client.putFirmware(image, "host");
    if (things.includes("bundle")) await client.putBundle(bundle);
    if (things.includes("config")) await client.putFile("config.txt", Buffer.from(config));
  });
  await device.bench.machine.powerCut();
  device.snapshot(name);
  return name;
}

/** A chip after the firmware that needs another bundle was sent to it; the next boot is its first. */
async function prepareOtherFirmware(): Promise<string> {
  device.restore("before");
  await device.bench.machine.powerOn();
  await device.online();
  await device.link((client) => client.putFirmware(otherImage, "host"));
  await device.bench.machine.powerCut();
  device.snapshot("other-firmware");
  return "other-firmware";
}

/** That chip, when the firmware was confirmed and the bundle for it was sent. */
async function prepareOtherBundle(flash: string): Promise<string> {
  device.restore(flash);
  await device.bench.machine.powerOn();
  await device.online();
  await device.settled();
  await device.link((client) => client.putBundle(otherBundle));
  await device.bench.machine.powerCut();
  device.snapshot("other-bundle");
  return "other-bundle";
}

/** Boots what was prepared, lets fate strike, and asks what is left. */
async function afterFate(flash: string, fate: Fate): Promise<Told> {
  device.restore(flash);
  const { machine } = device.bench;
  await machine.powerOn();
  let online: Promise<boolean> | undefined;
  let struck: Promise<void> | undefined;
  // To the microsecond: a moment later it could have proved itself.
  await device.after(STRIKE_MS, () => {
    online = device.online();
    struck = strike(fate);
  });
  await struck;
  expect(await online).toBe(true);
  const told = await device.settled();
  await machine.powerCut();
  return told;
}

/** What fate does at once is done when this returns; the promise is for the rest of it. */
async function strike(fate: Fate): Promise<void> {
  const { machine, world } = device.bench;
  const resets = machine.resets.length;
  if (fate === "crash") machine.fail("panic");
  else if (fate === "hang" || fate === "watchdog") machine.fail(fate);
  else if (fate === "power cut") {
    await machine.powerCut();
    await machine.powerOn();
  } else if (fate === "unreachable") {
    machine.board.setNetwork(false);
    await device.until(() => machine.resets.length > resets);
    world.act(() => machine.board.setNetwork(true));
  }
}

function rejectedOf(told: Told): Record<Thing, { name: string; why: string } | undefined> {
  const { rejected, image, config } = told;
  return {
    firmware: image.rejected === null ? undefined : { name: image.rejected.hash, why: image.rejected.why },
    bundle: rejected === null ? undefined : { name: rejected.bundle, why: rejected.why },
    config: config.rejected === null ? undefined : { name: config.rejected.hash, why: config.rejected.why },
  };
}

const runs = (told: Told) => ({ firmware: told.image.hash, bundle: told.bundle, config: told.config.hash });
const settled = { firmware: "valid", bundle: "permanent", config: "permanent" };
const states = (told: Told) => ({ firmware: told.image.state, bundle: told.state, config: told.config.state });

for (let set = 1; set < 2 ** THINGS.length; set++) {
  const things = THINGS.filter((_, index) => (set >> index) & 1);
  test(`${things.join(" and ")} on trial: ${Object.keys(FATES).join(", ")}`, async () => {
    const flash = await prepare(things);
    for (const fate of Object.keys(FATES) as Fate[]) {
      const told = await afterFate(flash, fate);
      const expected = runs(before);
      if (fate === "good") for (const thing of things) expected[thing] = names[thing];
      expect({ fate, ...runs(told) }).toEqual({ fate, ...expected });
      expect({ fate, ...states(told) }).toEqual({ fate, ...settled });
      const why = FATES[fate];
      for (const thing of THINGS) {
        const back = why !== undefined && things.includes(thing) ? { name: names[thing], why } : undefined;
        expect({ fate, thing, back: rejectedOf(told)[thing] }).toEqual({ fate, thing, back });
      }
    }
  });
}

test("a firmware that the bundle does not run on, and then the bundle for it: each is tried alone, and the old pair stays complete", async () => {
  const firmwareTrial = await prepareOtherFirmware();
  for (const fate of Object.keys(FATES) as Fate[]) {
    const told = await afterFate(firmwareTrial, fate);
    if (fate === "good")
      expect(told).toMatchObject({
        profile: "recovery",
        recovery: "none",
        firmware: "3.0.0",
        image: { state: "valid" },
      });
    else {
      expect({ fate, ...runs(told), ...states(told) }).toEqual({ fate, ...runs(before), ...settled });
      expect({ fate, why: told.image.rejected?.why }).toEqual({ fate, why: FATES[fate] });
    }
  }
  const bundleTrial = await prepareOtherBundle(firmwareTrial);
  for (const fate of Object.keys(FATES) as Fate[]) {
    const told = await afterFate(bundleTrial, fate);
    expect({ fate, firmware: told.firmware, state: told.image.state }).toEqual({
      fate,
      firmware: "3.0.0",
      state: "valid",
    });
    if (fate === "good") expect(told).toMatchObject({ profile: "energy", state: "permanent" });
    // There is no other bundle for this firmware.
    else
      expect({ fate, profile: told.profile, why: told.rejected?.why }).toEqual({
        fate,
        profile: "recovery",
        why: FATES[fate],
      });
  }
});
