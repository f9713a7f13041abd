// Attacks on the air of a folder: what was heard is said again in its sender's name, as it was or changed, if wanted after a restart of
// either side, and what that makes of it is counted. It knows no key, as a neighbour would.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { type AirDatagram, decodeAirDatagram, encodeAirDatagram } from "./air_datagram.ts";
import { BROADCAST } from "./air_radio.ts";
import { type Counts, countsSince } from "./entool_stats.ts";
import { UserError } from "./errors.ts";
import { UnixDatagram } from "./unix_datagram.ts";
import { waitUntil } from "./wait_until.ts";

export const ATTACKS = ["replay", "delay", "reboot", "reflect", "flip", "flood"] as const;
export type Attack = (typeof ATTACKS)[number];

/** Frames remembered; what comes later is not. */
const RECORDED_MAX = 1000;
/** Between two frames; a flood has none, and flipped ones are many. */
const GAP_MS = 30;
const FLIP_GAP_MS = 5;
/** An answer that takes longer is none. */
const ANSWER_MS = 300;
const FLOOD_TIMES = 20;
/** The devices say nothing for so long before and behind an attack. */
const QUIET_MS = 1500;
/** Until a device that was restarted says something on its channel. */
const RESTART_MS = 120_000;

export interface AttackOptions {
  folder: string;
  recordMs: number;
  /** The recording ends after so many frames that somebody wants an answer to; undefined: only by time. */
  frames: number | undefined;
  /** Between recording and attack, for frames to grow old. */
  waitMs: number;
  /** MACs of who is restarted before the attack. */
  reboot: string[];
  /** What a frame is on its own account. */
  kindOf: (frame: AirDatagram) => "question" | "answer" | "other";
  /** What the central has counted; undefined where nobody can ask it. */
  counts: (() => Promise<Counts>) | undefined;
  say: (line: string) => void;
}

export interface AttackResult {
  recorded: number;
  sent: number;
  rebooted: string[];
  /** Frames that the devices themselves said meanwhile and wanted answers to. */
  own: number;
  /** Answers beyond those. */
  answers: number;
  /** What the central took and refused during the attack, and how many of the frames that it took were not the devices' own. */
  counts: Counts | undefined;
  acceptedTwice: number | undefined;
}

export async function attack(kind: Attack, options: AttackOptions): Promise<AttackResult> {
  const { folder } = options;
  const ears = new Ears(folder);
  try {
    const recorded = await record(ears, options);
    const heard = [...new Set(recorded.flatMap(({ from, to }) => [from, to]))].filter((mac) => mac !== BROADCAST);
    const reboot = kind === "reboot" && options.reboot.length === 0 ? heard : options.reboot;
    await Bun.sleep(options.waitMs);
    await restart(reboot, recorded, ears, options);
    let [own, answers, lastMs] = [0, 0, performance.now()];
    ears.take = (frame) => {
      const what = options.kindOf(frame);
      if (what !== "other") lastMs = performance.now();
      if (what === "question") own++;
      if (what === "answer") answers++;
    };
    // What is counted between two questions for the counts would blur the result.
    const quiet = () => waitUntil(() => performance.now() - lastMs > QUIET_MS, RESTART_MS);
    await quiet();
    own = answers = 0;
    const before = await options.counts?.();
    const frames = recorded.flatMap((frame) => variants(kind, frame));
    options.say(`${frames.length} frames are said`);
    for (const frame of frames) {
      ears.inject(frame);
      if (kind !== "flood") await Bun.sleep(kind === "flip" ? FLIP_GAP_MS : GAP_MS);
    }
    await Bun.sleep(ANSWER_MS);
    if (before !== undefined) await quiet();
    const counts = before === undefined ? undefined : countsSince(before, (await options.counts?.()) ?? {});
    return {
      recorded: recorded.length,
      sent: frames.length,
      rebooted: reboot,
      own,
      answers: Math.max(0, answers - own),
      counts,
      acceptedTwice: counts === undefined ? undefined : Math.max(0, (counts["accepted"] ?? 0) - own),
    };
  } finally {
    ears.close();
  }
}

/** A listener that can speak in anybody's name. */
class Ears {
  take: (frame: AirDatagram) => void = () => {};
  readonly #socket: UnixDatagram;

  constructor(private readonly folder: string) {
    try {
      this.#socket = new UnixDatagram(join(folder, `sniff-attack-${process.pid}`), (bytes) => {
        const frame = decodeAirDatagram(bytes);
        if (frame?.kind === "frame") this.take(frame);
      });
    } catch {
      throw new UserError(`No air in ${folder}: start a device with --air ${folder} first, or make the folder.`);
    }
  }

  inject(frame: AirDatagram): void {
    const bytes = encodeAirDatagram(frame);
    for (const name of readdirSync(this.folder)) {
      const hears = frame.to === BROADCAST ? /^[0-9a-f]{12}$/.test(name) && name !== frame.from : name === frame.to;
      if (hears) this.#socket.send(join(this.folder, name), bytes);
    }
  }

  /** Presses the reset button of a virtual device; false when nobody is there to do it. */
  reset(mac: string): boolean {
    return this.#socket.send(join(this.folder, `control-${mac}`), Buffer.from("reset"));
  }

  close(): void {
    this.#socket.close();
  }
}

async function record(ears: Ears, { recordMs, frames, kindOf, say }: AttackOptions): Promise<AirDatagram[]> {
  const recorded: AirDatagram[] = [];
  let questions = 0;
  ears.take = (frame) => {
    if (recorded.length >= RECORDED_MAX) return;
    recorded.push(frame);
    if (kindOf(frame) === "question") questions++;
  };
  say(`recording for ${recordMs / 1000} s${frames === undefined ? "" : `, or ${frames} frames`}`);
  await waitUntil(() => frames !== undefined && questions >= frames, recordMs);
  await Bun.sleep(ANSWER_MS); // what answers the last one belongs to it
  ears.take = () => {};
  if (recorded.length === 0) throw new UserError("Nothing was heard: let the devices speak while it records.");
  say(`${recorded.length} frames were heard`);
  return recorded;
}

/** Restarts each of them, or asks the person to, and waits until it speaks again where it was heard. */
async function restart(macs: string[], recorded: AirDatagram[], ears: Ears, { say }: AttackOptions): Promise<void> {
  const silent = new Map(macs.map((mac) => [mac, recorded.findLast((each) => each.from === mac)?.channel]));
  ears.take = ({ from, channel }) => {
    const known = silent.get(from);
    if (known === undefined || known === channel) silent.delete(from);
  };
  for (const mac of macs) {
    if (ears.reset(mac)) say(`${mac} is restarted`);
    else await askToRestart(mac);
  }
  if (!(await waitUntil(() => silent.size === 0, RESTART_MS)))
    throw new UserError(`${[...silent.keys()].join(", ")} said nothing after the restart in ${RESTART_MS / 1000} s.`);
}

async function askToRestart(mac: string): Promise<void> {
  if (!process.stdin.isTTY)
    throw new UserError(`Nobody can restart ${mac}: it is not a device of \`bun run sim --air\`.`);
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  await lines.question(`Restart ${mac} now, then press Enter. `);
  lines.close();
}

/** What an attack makes of a frame. */
export function variants(kind: Attack, frame: AirDatagram): AirDatagram[] {
  if (kind === "reflect") {
    const from = frame.to === BROADCAST ? "020000000bad" : frame.to;
    return [{ ...frame, from, to: frame.from }];
  }
  if (kind === "flood") return Array<AirDatagram>(FLOOD_TIMES).fill(frame);
  if (kind !== "flip") return [frame];
  // One bit of every byte, another one in each.
  return [...frame.bytes].map((byte, at) => {
    const bytes = frame.bytes.slice();
    bytes[at] = byte ^ (1 << (at % 8));
    return { ...frame, bytes };
  });
}
