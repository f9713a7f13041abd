// Loses a device's power in every storage operation of a story, one after the other. A story is what a tool does in a first boot, and the boots
// that follow from it. It is played once without a cut, then each of its boots again from the flash that it began with, once for each operation.

import { expect } from "bun:test";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { CutDevice } from "./cut_device.ts";

export interface Story {
  name: string;
  /** Fills the flash; the power is off. */
  begin(device: CutDevice): Promise<void>;
  /** What the tool does in the first boot. */
  act(device: CutDevice): Promise<boolean>;
  /** Boots of the story when nothing is cut, the first one included. */
  boots: number;
  /** Waits for its end when nothing was cut; returns what is wrong. */
  ends(device: CutDevice): Promise<string | undefined>;
  /** Waits for the device after a cut and brings it something new. Returns what is wrong. */
  comesBack(device: CutDevice, moment: CutMoment): Promise<string | undefined>;
  /** Boots at the beginning whose operations another story has in the same way. */
  skip: number;
  /** Of very many operations of one boot, those that are cut, from 1; without it all are. */
  cuts?(operations: number): number[];
  /** Storage operations that there are at the least: fewer mean that the story was not the one meant. */
  atLeast: number;
}

export interface CutMoment {
  /** The cut was in the first boot, in which the tool was at work. */
  first: boolean;
  /** It was the second one, while the device came back from the first or was brought something new. */
  again: boolean;
}

/** Cuts per operation, each with a seed of its own: what is left behind is another torn state. CUT_SEEDS=50 looks longer. */
const SEEDS = Number(process.env["CUT_SEEDS"] ?? 2);
/** A second cut comes within so many operations. */
const SECOND_CUTS = 7;
/** What may follow the end of a story. */
const SETTLE_MS = 10_000;
/** In the order of enum host_cut_kind, from 1. */
const KINDS = ["erase", "program", "file"] as const;

interface Boot {
  /** Flash before it. */
  folder: string;
  reset: number;
  operations: number[];
}

/** Plays the story in `folder`, prints the number of cut points, and fails the test with what was wrong after which cut. */
export async function sweepCuts(story: Story, firmware: string, folder: string): Promise<void> {
  const device = await CutDevice.make(join(folder, `${story.name}-flash`), firmware);
  try {
    const boots = await uncut(device, story, folder);
    const faults: string[] = [];
    const counts = { erase: 0, program: 0, file: 0 };
    let points = 0;
    for (const [index, boot] of boots.entries()) {
      if (index < story.skip) continue;
      const cuts = story.cuts?.(boot.operations.length);
      for (const [at, kind] of boot.operations.entries()) {
        if (cuts?.includes(at + 1) === false) continue;
        const what = KINDS[kind - 1] ?? "file";
        counts[what]++;
        points++;
        for (let seed = points * SEEDS; seed < (points + 1) * SEEDS; seed++) {
          const fault = await cutAt(device, story, boot, index === 0, at + 1, seed);
          if (fault === undefined) continue;
          const place = `boot ${index}, operation ${at + 1} of ${boot.operations.length} (${what}), seed ${seed}`;
          faults.push(`${place}: ${fault}\n  ${device.log.join("\n  ")}`);
        }
      }
    }
    const kinds = Object.entries(counts).map(([kind, count]) => `${kind} ${count}`);
    const per = boots.map((boot) => boot.operations.length).join("+");
    console.log(`${story.name}: cut points ${points} x ${SEEDS} seeds (boots ${per}; ${kinds.join(", ")})`);
    expect(points).toBeGreaterThanOrEqual(story.atLeast);
    expect(faults.slice(0, 3).join("\n")).toBe("");
  } finally {
    await device.close();
  }
}

/** Plays the story without a cut; keeps what flash held before each boot and counts the boot's operations. */
async function uncut(device: CutDevice, story: Story, folder: string): Promise<Boot[]> {
  const boots: Boot[] = [];
  const keep = (reset: number) => {
    const before = join(folder, `${story.name}-boot-${boots.length}`);
    cpSync(device.flashDir, before, { recursive: true });
    device.operations = [];
    boots.push({ folder: before, reset, operations: device.operations });
  };
  await story.begin(device);
  keep(0);
  await device.boot();
  (boots[0] as Boot).operations = device.operations;
  device.onReset = keep;
  expect(await story.act(device)).toBe(true);
  await device.until(() => boots.length === story.boots);
  expect(await story.ends(device)).toBeUndefined();
  await device.until(() => false, SETTLE_MS);
  device.onReset = () => {};
  expect(boots.length).toBe(story.boots);
  return boots;
}

/** Loses the power in one operation and lets the device come back. Returns what is wrong then. */
async function cutAt(
  device: CutDevice,
  story: Story,
  boot: Boot,
  first: boolean,
  cut: number,
  seed: number,
): Promise<string | undefined> {
  await device.restore(boot.folder);
  let restarted = false;
  device.onReset = () => {
    restarted = true;
  };
  await device.boot({ reset: boot.reset, cut, seed });
  if (first) await story.act(device);
  await device.until(() => restarted);
  device.onReset = () => {};
  if (device.powered) return "the firmware did not come to this operation";

  let again = false;
  if (seed % 2 === 1) {
    // Every other time the power goes away again soon after it has come back.
    await device.boot({ cut: 1 + (seed % SECOND_CUTS), seed });
    const fault = await story.comesBack(device, { first, again });
    if (device.powered) return fault;
    again = true;
  }
  await device.boot();
  return (await story.comesBack(device, { first, again })) ?? device.log.find((line) => line.includes("FAULT"));
}
