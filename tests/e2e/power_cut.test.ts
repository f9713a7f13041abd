// The power is lost in every storage operation of a code update, one after the other: while a file and a bundle come in, at the commit, in the
// trial, at its confirmation, in a roll-back. Each time the device must come back with the old or the new bundle, take an update, and confirm it.

import { afterAll, beforeAll, setDefaultTimeout } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostFirmware } from "../../tools/sim/firmware.ts";
import { partitionImage } from "../../tools/sim/flash_image.ts";
import { THROWS_AT_START, WRONG_PORT } from "../../tools/sim/variants.ts";
import type { CutDevice } from "../support/cut_device.ts";
import { type CutMoment, sweepCuts } from "../support/cut_sweep.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";
import { type SmallBundle, smallBundle } from "../support/small_bundle.ts";

setDefaultTimeout(SLOW_TEST_MS);

const NOTE = "note.txt";

interface Update {
  name: string;
  /** The permanent bundle at the beginning; undefined: the device has none and runs recovery. */
  old: SmallBundle | undefined;
  sent: SmallBundle;
  /** Why it is taken back when nothing is cut; undefined: it is confirmed. */
  why?: string;
  atLeast: number;
}

const folder = mkdtempSync(join(tmpdir(), "hearth-cut-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let firmware = "";
const bundles: Record<"old" | "changed" | "next" | "throws" | "unreachable", SmallBundle> = {} as never;
beforeAll(async () => {
  firmware = await hostFirmware();
  bundles.old = await smallBundle("old");
  bundles.changed = await smallBundle("changed");
  bundles.next = await smallBundle("next");
  bundles.throws = await smallBundle("throws", THROWS_AT_START);
  bundles.unreachable = await smallBundle("unreachable", WRONG_PORT);
});

test("an update that is confirmed", () =>
  sweep({ name: "good", old: bundles.old, sent: bundles.changed, atLeast: 40 }));

test("an update of a device that has no bundle", () =>
  sweep({ name: "first", old: undefined, sent: bundles.changed, atLeast: 40 }));

test("an update to a build that throws, and its roll-back", () =>
  sweep({ name: "throws", old: bundles.old, sent: bundles.throws, why: "crash", atLeast: 4 }));

test("an update to a build that never reaches the broker, and its roll-back", () =>
  sweep({ name: "unreachable", old: bundles.old, sent: bundles.unreachable, why: "deadline", atLeast: 3 }));

function sweep({ name, old, sent, why, atLeast }: Update): Promise<void> {
  return sweepCuts(
    {
      name,
      atLeast,
      boots: why === undefined ? 2 : 3,
      skip: why === undefined ? 0 : 1,
      begin: async (device) => {
        await device.restore(undefined, old?.bytes);
        // The slot that the update goes to is not blank, so that every erase matters, and what it holds was taken back.
        if (old !== undefined) await Bun.write(join(device.flashDir, "app_1.bin"), takenBack(bundles.throws));
      },
      act: (device) => update(device, sent),
      ends: async (device) => {
        if (!(await device.settled((why === undefined ? sent : old)?.name ?? ""))) return "the wrong bundle runs";
        const rejected = (await device.version())?.rejected;
        return rejected?.why === why ? undefined : `taken back: ${JSON.stringify(rejected)}`;
      },
      comesBack: (device, moment) => comesBack(device, moment, [old?.name ?? "recovery", sent.name]),
    },
    firmware,
    folder,
  );
}

/** A partition with a bundle that was tried once and crashed. */
function takenBack(bundle: SmallBundle): Uint8Array {
  const image = Buffer.from(partitionImage(bundle.bytes, 2, false));
  image.writeUInt32LE(0, 512);
  image.writeUInt32LE(1, 800);
  return image;
}

/** What the tool does. `look` is handed the SHA-256 of the file that the device has. */
function update(
  device: CutDevice,
  bundle: SmallBundle,
  look = (_sha256: string | undefined): void => {},
): Promise<boolean> {
  return device.session(async (link) => {
    look((await link.hash(NOTE))?.sha256);
    await link.putFile(NOTE, noteOf(bundle));
    await link.putBundle(bundle.bytes);
    await link.reboot();
  });
}

/** Looks at the device's bundle and its file, and updates it again. */
async function comesBack(
  device: CutDevice,
  { first, again }: CutMoment,
  oldAndNew: readonly string[],
): Promise<string | undefined> {
  const version = await device.version();
  if (version === undefined) return "it does not come back to the broker";
  const runs = version.state === "recovery" ? version.state : version.bundle;
  const known = again ? [...oldAndNew, bundles.changed.name, bundles.next.name] : oldAndNew;
  if (!known.includes(runs)) return `it runs neither the old nor the new bundle: ${JSON.stringify(version)}`;
  const good = runs === bundles.changed.name ? bundles.next : bundles.changed;
  let note: string | undefined;
  const updated = await update(device, good, (sha256) => {
    note = sha256;
  });
  if (note === undefined ? !first : !notes().includes(note)) return "its file is neither the old nor the new one";
  if (!updated) return "it does not take an update";
  if (await device.settled(good.name)) return undefined;
  return `the update is not confirmed: ${JSON.stringify(await device.version())}`;
}

const noteOf = (bundle: SmallBundle): Uint8Array => Buffer.from(`note of ${bundle.name} `.repeat(200));

function notes(): string[] {
  return Object.values(bundles).map((bundle) => createHash("sha256").update(noteOf(bundle)).digest("hex"));
}
