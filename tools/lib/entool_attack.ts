// Attacks on the air of a folder: what was heard is said again in its sender's name, as it was or changed, and what that makes anybody answer
// is counted. It knows no key, as a neighbour would.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type AirDatagram, decodeAirDatagram, encodeAirDatagram } from "./air_datagram.ts";
import { BROADCAST } from "./air_radio.ts";
import { UserError } from "./errors.ts";
import { UnixDatagram } from "./unix_datagram.ts";

export const ATTACKS = ["replay", "delay", "reflect", "flip", "flood"] as const;
export type Attack = (typeof ATTACKS)[number];

/** Frames remembered; what comes later is not. */
const RECORDED_MAX = 1000;
/** Between two frames; a flood has none. */
const GAP_MS = 30;
/** An answer that takes longer is none. */
const ANSWER_MS = 300;
const FLOOD_TIMES = 20;

export interface AttackOptions {
  folder: string;
  recordMs: number;
  /** Between recording and attack: for a reboot of either side, or for frames to grow old. */
  waitMs: number;
  /** Whether a frame is one that is sent for a reason of its sender's own, and no answer. */
  unasked: (frame: AirDatagram) => boolean;
  say: (line: string) => void;
}

export interface AttackResult {
  recorded: number;
  sent: number;
  /** Frames of the devices during the attack that are answers. */
  answers: AirDatagram[];
}

export async function attack(kind: Attack, options: AttackOptions): Promise<AttackResult> {
  const { folder, say } = options;
  let take: (frame: AirDatagram) => void = () => {};
  let socket: UnixDatagram;
  try {
    socket = new UnixDatagram(join(folder, `sniff-attack-${process.pid}`), (bytes) => {
      const frame = decodeAirDatagram(bytes);
      if (frame?.kind === "frame") take(frame);
    });
  } catch {
    throw new UserError(`No air in ${folder}: start a device with --air ${folder} first, or make the folder.`);
  }
  try {
    const recorded: AirDatagram[] = [];
    take = (frame) => {
      if (recorded.length < RECORDED_MAX) recorded.push(frame);
    };
    say(`recording for ${options.recordMs / 1000} s`);
    await Bun.sleep(options.recordMs);
    take = () => {};
    if (recorded.length === 0) throw new UserError("Nothing was heard: let the devices speak while it records.");
    say(`${recorded.length} frames; waiting ${options.waitMs / 1000} s before they are said again`);
    await Bun.sleep(options.waitMs);
    const answers: AirDatagram[] = [];
    take = (frame) => {
      if (!options.unasked(frame)) answers.push(frame);
    };
    const frames = recorded.flatMap((frame) => variants(kind, frame));
    for (const frame of frames) {
      inject(socket, folder, frame);
      if (kind !== "flood") await Bun.sleep(GAP_MS);
    }
    await Bun.sleep(ANSWER_MS);
    return { recorded: recorded.length, sent: frames.length, answers };
  } finally {
    socket.close();
  }
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

function inject(socket: UnixDatagram, folder: string, frame: AirDatagram): void {
  const bytes = encodeAirDatagram(frame);
  for (const name of readdirSync(folder)) {
    const hears = frame.to === BROADCAST ? /^[0-9a-f]{12}$/.test(name) && name !== frame.from : name === frame.to;
    if (hears) socket.send(join(folder, name), bytes);
  }
}
