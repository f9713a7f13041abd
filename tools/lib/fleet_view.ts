// What a person sees of a fleet's update: a bar with who is busy, a line for each device that is done, a table at the end; or JSON.

import { Presets, SingleBar } from "cli-progress";
import Table from "cli-table3";
import pc from "picocolors";
import type { Member, MemberResult } from "./fleet.ts";

const WORDS: Record<MemberResult, string> = {
  same: pc.green("had it already"),
  confirmed: pc.green("confirmed"),
  trial: pc.yellow("on trial"),
  unreachable: pc.yellow("not heard"),
  rejectedBefore: pc.yellow("left alone"),
  refused: pc.yellow("refused"),
  failed: pc.red("failed"),
  notStarted: pc.yellow("not started"),
};
/** Names beside the bar; more would wrap. */
const SHOWN_MAX = 3;

export class FleetView {
  readonly #json: boolean;
  readonly #busy = new Map<string, string>();
  #bar: SingleBar | undefined;

  constructor(names: readonly string[], json: boolean) {
    this.#json = json;
    if (json || !process.stdout.isTTY) return;
    this.#bar = new SingleBar({ format: "{bar} {value}/{total} {busy}" }, Presets.shades_classic);
    this.#bar.start(names.length, 0, { busy: "asking" });
  }

  change({ name, result, detail }: Member): void {
    if (result === undefined && detail !== "waiting") this.#busy.set(name, detail);
    else this.#busy.delete(name);
    if (this.#bar !== undefined) {
      if (result !== undefined) this.#bar.increment();
      const busy = [...this.#busy].slice(0, SHOWN_MAX).map(([who, what]) => `${who} ${what}`);
      this.#bar.update({ busy: busy.join(", ") });
    } else if (this.#json) {
      if (!detail.startsWith("sending")) console.log(JSON.stringify({ event: "device", name, result, detail }));
    } else if (result !== undefined) console.log(`${name}: ${WORDS[result]}${detail === "" ? "" : ` (${detail})`}`);
  }

  end(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  /** Shows how it ended; returns how many devices are left to be updated. */
  summary(members: readonly Member[], seconds: number): number {
    const counts: Partial<Record<MemberResult, number>> = {};
    for (const { result } of members) if (result !== undefined) counts[result] = (counts[result] ?? 0) + 1;
    const left = members.length - (counts.same ?? 0) - (counts.confirmed ?? 0) - (counts.trial ?? 0);
    if (this.#json) {
      console.log(JSON.stringify({ event: "done", devices: members.length, left, seconds, counts }));
      return left;
    }
    const table = new Table({ head: ["device", "result", ""], style: { head: [] } });
    for (const { name, result, detail } of members)
      table.push([name, result === undefined ? "" : WORDS[result], detail]);
    const parts = Object.entries(counts).map(([result, count]) => `${count} ${WORDS[result as MemberResult]}`);
    console.log(`${table.toString()}\n${members.length} devices in ${seconds} s: ${parts.join(", ")}`);
    return left;
  }
}
