// The settings of an air as a person writes them, `loss=30,delay=5`: as the firmware's --air-faults (docs/BOARD.md), and the channel. Pure.

import type { AirSettings } from "./air.ts";

export interface AirChange {
  settings: Partial<AirSettings>;
  /** Channel of the access point, 1..13. */
  channel?: number;
  seed?: number;
}

const PER_CENT = { loss: "loss", ackloss: "ackLoss", duplicate: "duplicate", reorder: "reorder" } as const;
const MILLISECONDS = { delay: "delayUs", jitter: "jitterUs" } as const;
export const AIR_HELP =
  "loss, ackloss, duplicate, reorder (per cent), delay, jitter (ms), rssi (dBm), channel (1..13), seed";

/** Throws an Error that tells what is wrong. */
export function parseAir(text: string): AirChange {
  const change: AirChange = { settings: {} };
  for (const part of text.split(",")) {
    const [name = "", digits = ""] = part.split("=");
    const value = /^-?\d+$/.test(digits) ? Number(digits) : Number.NaN;
    const within = (min: number, max: number) => {
      if (!(value >= min && value <= max)) throw new Error(`${part}: ${name} takes a number from ${min} to ${max}`);
      return value;
    };
    if (name in PER_CENT) change.settings[PER_CENT[name as keyof typeof PER_CENT]] = within(0, 100) / 100;
    else if (name in MILLISECONDS)
      change.settings[MILLISECONDS[name as keyof typeof MILLISECONDS]] = 1000 * within(0, 100);
    else if (name === "rssi") change.settings.rssi = within(-127, 0);
    else if (name === "channel") change.channel = within(1, 13);
    else if (name === "seed") change.seed = within(0, 0xffffffff);
    else throw new Error(`${part}: write NAME=NUMBER with commas between; names are ${AIR_HELP}`);
  }
  return change;
}
