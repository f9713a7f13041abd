// What a central says of the frames that it took and refused: its `stats` over MQTT, and the difference of two of them.

import { DeviceAccess } from "./device_access.ts";
import { UserError } from "./errors.ts";

const ASK_MS = 10_000;
const QUIET_MS = 700;
/** A central that has just restarted is not on its broker yet. */
const ASK_TIMES = 12;

/** Frames by what became of them: `accepted`, and each reason of a refusal. */
export type Counts = Record<string, number>;

/** The counts in the line `espnow sent 9 overruns 0 accepted 5 replay 1 mail 0 refused 0`; undefined for another line. */
export function parseCounts(line: string): Counts | undefined {
  const words = /^espnow .*\b(accepted \d+(?: \w+ \d+)*?)(?: mail \d+.*)?$/.exec(line)?.[1]?.split(" ");
  if (words === undefined) return undefined;
  const counts: Counts = {};
  for (let at = 0; at < words.length; at += 2) counts[words[at] as string] = Number(words[at + 1]);
  return counts;
}

/** What came on top; reasons without a change are left out. */
export function countsSince(before: Counts, now: Counts): Counts {
  const changed = Object.entries(now).map(([reason, count]) => [reason, count - (before[reason] ?? 0)] as const);
  return Object.fromEntries(changed.filter(([reason, count]) => count !== 0 || reason === "accepted"));
}

export class CentralStats {
  private constructor(private readonly access: DeviceAccess) {}

  /** Throws UserError when the broker is not there. */
  static async connect(url: string, name: string): Promise<CentralStats> {
    return new CentralStats(await DeviceAccess.connect(url, name));
  }

  async read(): Promise<Counts> {
    for (let asked = 0; asked < ASK_TIMES; asked++) {
      const lines = await this.access.answer("stats", ASK_MS, QUIET_MS);
      const counts = lines.map(parseCounts).find((each) => each !== undefined);
      if (counts !== undefined) return counts;
      if (lines.length > 0) break;
    }
    throw new UserError(`${this.access.name} tells no counts of ESP-NOW in \`stats\`: is it the central's name?`);
  }

  close(): Promise<void> {
    return this.access.close();
  }
}
