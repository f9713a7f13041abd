// The power is lost in every storage operation of a code update, one after the other: while a file and a bundle come in, at the commit, in the
// trial, at its confirmation, in a roll-back. Each time the device must come back with the old or the new bundle, take an update, and confirm it.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostFirmware } from "../../tools/sim/firmware.ts";
import { partitionImage } from "../../tools/sim/flash_image.ts";
import { THROWS_AT_START, WRONG_PORT } from "../../tools/sim/variants.ts";
import { CutDevice } from "../support/cut_device.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";
import { type SmallBundle, smallBundle } from "../support/small_bundle.ts";

setDefaultTimeout(SLOW_TEST_MS);

/** In the order of enum host_cut_kind, from 1. */
const KINDS = ["erase", "program", "file"] as const;
/** Cuts per operation, each with a seed of its own: what is left behind is another torn state. CUT_SEEDS=50 looks longer. */
const SEEDS = Number(process.env["CUT_SEEDS"] ?? 2);
const NOTE = "note.txt";
/** A second cut comes within so many operations. */
const SECOND_CUTS = 7;

interface Boot {
  /** Flash before it. */
  folder: string;
  reset: number;
  operations: number[];
}

interface Scenario {
  name: string;
  /** The permanent bundle at the beginning; undefined: the device has none and runs recovery. */
  old: SmallBundle | undefined;
  sent: SmallBundle;
  /** Why it is taken back when nothing is cut; undefined: it is confirmed. */
  why?: string;
  /** Storage operations that there are at the least: fewer mean that the story was not the one meant. */
  atLeast: number;
  /** Boots whose operations another scenario has in the same way. */
  skip: number;
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
  sweep({ name: "good", old: bundles.old, sent: bundles.changed, atLeast: 40, skip: 0 }));

test("an update of a device that has no bundle", () =>
  sweep({ name: "first", old: undefined, sent: bundles.changed, atLeast: 40, skip: 0 }));

test("an update to a build that throws, and its roll-back", () =>
  sweep({ name: "throws", old: bundles.old, sent: bundles.throws, why: "crash", atLeast: 4, skip: 1 }));

test("an update to a build that never reaches the broker, and its roll-back", () =>
  sweep({ name: "unreachable", old: bundles.old, sent: bundles.unreachable, why: "deadline", atLeast: 3, skip: 1 }));

/** A partition with a bundle that was tried once and crashed. */
function takenBack(bundle: SmallBundle): Uint8Array {
  const image = Buffer.from(partitionImage(bundle.bytes, 2, false));
  image.writeUInt32LE(0, 512);
  image.writeUInt32LE(1, 800);
  return image;
}

const noteOf = (bundle: SmallBundle): Uint8Array => Buffer.from(`note of ${bundle.name} `.repeat(200));

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

async function sweep(scenario: Scenario): Promise<void> {
  const device = await CutDevice.make(join(folder, `${scenario.name}-flash`), firmware);
  try {
    const boots = await uncut(device, scenario);
    const faults: string[] = [];
    const counts = { erase: 0, program: 0, file: 0 };
    let points = 0;
    for (const [index, boot] of boots.entries()) {
      if (index < scenario.skip) continue;
      for (const [at, kind] of boot.operations.entries()) {
        const what = KINDS[kind - 1] ?? "file";
        counts[what]++;
        points++;
        for (let seed = 0; seed < SEEDS; seed++) {
          const fault = await cutAt(device, scenario, boot, index === 0, at + 1, seed + points * SEEDS);
          if (fault === undefined) continue;
          const place = `boot ${index}, operation ${at + 1} of ${boot.operations.length} (${what}), seed ${seed + points * SEEDS}`;
          faults.push(`${place}: ${fault}\n  ${device.log.join("\n  ")}`);
        }
      }
    }
    const per = boots.map((boot) => boot.operations.length).join("+");
    console.log(
      `${scenario.name}: cut points ${points} x ${SEEDS} seeds (boots ${per}; erase ${counts.erase}, program ${counts.program}, file ${counts.file})`,
    );
    expect(points).toBeGreaterThanOrEqual(scenario.atLeast);
    expect(faults.slice(0, 3).join("\n")).toBe("");
  } finally {
    await device.close();
  }
}

/** Runs the whole story without a cut; keeps what flash held before each boot and counts the boot's operations. */
async function uncut(device: CutDevice, { name, old, sent, why }: Scenario): Promise<Boot[]> {
  const boots: Boot[] = [];
  const keep = (reset: number) => {
    const before = join(folder, `${name}-boot-${boots.length}`);
    cpSync(device.flashDir, before, { recursive: true });
    device.operations = [];
    boots.push({ folder: before, reset, operations: device.operations });
  };
  await device.restore(undefined, old?.bytes);
  // The slot that the update goes to is not blank, so that every erase matters, and what it holds was taken back.
  if (old !== undefined) await Bun.write(join(device.flashDir, "app_1.bin"), takenBack(bundles.throws));
  keep(0);
  await device.boot();
  (boots[0] as Boot).operations = device.operations;
  device.onReset = keep;
  expect(await update(device, sent)).toBe(true);
  const expected = why === undefined ? 2 : 3;
  await device.until(() => boots.length === expected);
  expect(await device.settled((why === undefined ? sent : old)?.name ?? "")).toBe(true);
  if (why !== undefined) expect((await device.version())?.rejected).toEqual({ bundle: sent.name, why });
  await device.until(() => false, 10_000); // what follows a confirmation
  device.onReset = () => {};
  expect(boots.length).toBe(expected);
  return boots;
}

/** Loses the power in one operation and lets the device come back. Returns what is wrong then. */
async function cutAt(
  device: CutDevice,
  scenario: Scenario,
  boot: Boot,
  sends: boolean,
  cut: number,
  seed: number,
): Promise<string | undefined> {
  await device.restore(boot.folder);
  let restarted = false;
  device.onReset = () => {
    restarted = true;
  };
  await device.boot({ reset: boot.reset, cut, seed });
  if (sends) await update(device, scenario.sent);
  await device.until(() => restarted);
  device.onReset = () => {};
  if (device.powered) return "the firmware did not come to this operation";

  const known = [scenario.old?.name ?? "recovery", scenario.sent.name];
  if (seed % 2 === 1) {
    // Every other time the power goes away again soon after it has come back.
    await device.boot({ cut: 1 + (seed % SECOND_CUTS), seed });
    const fault = await comesBack(device, known, !sends);
    if (device.powered) return fault;
    known.push(bundles.changed.name, bundles.next.name);
  }
  await device.boot();
  return comesBack(device, known, !sends);
}

/** Waits for the device, looks at its bundle and its file, updates it again. Returns what is wrong. */
async function comesBack(device: CutDevice, known: string[], hasNote: boolean): Promise<string | undefined> {
  const version = await device.version();
  if (version === undefined) return "it does not come back to the broker";
  const runs = version.state === "recovery" ? version.state : version.bundle;
  if (!known.includes(runs)) return `it runs neither the old nor the new bundle: ${JSON.stringify(version)}`;
  const good = runs === bundles.changed.name ? bundles.next : bundles.changed;
  let note: string | undefined;
  const updated = await update(device, good, (sha256) => {
    note = sha256;
  });
  if (note === undefined ? hasNote : !notes().includes(note)) return "its file is neither the old nor the new one";
  if (!updated) return "it does not take an update";
  if (!(await device.settled(good.name)))
    return `the update is not confirmed: ${JSON.stringify(await device.version())}`;
  return device.log.find((line) => line.includes("FAULT"));
}

function notes(): string[] {
  return Object.values(bundles).map((bundle) => createHash("sha256").update(noteOf(bundle)).digest("hex"));
}
