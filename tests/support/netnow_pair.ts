// A central and a peripheral as programs of their own on one air, and an attacker who records what is said and says it again.

import { join } from "node:path";
import { Air, type AirFrame, type Radio } from "../../tools/sim/air.ts";
import { Board } from "../../tools/sim/board.ts";
import { SimClock } from "../../tools/sim/clock.ts";
import { MemoryChip, type Program } from "../../tools/sim/memory_native.ts";
import { MemoryNet } from "../../tools/sim/memory_net.ts";
import { moduleProgram } from "./profile_device.ts";

export const probeProgram = (): Program => moduleProgram(join(import.meta.dir, "netnow_probe.ts"));

/** A frame that a chip has taken. */
export interface Taking {
  by: MemoryChip;
  frame: string;
  atMs: number;
  /** Boots of the chip until then. */
  boot: number;
}

export class NetnowPair {
  readonly clock = new SimClock();
  readonly air: Air;
  readonly central: MemoryChip;
  readonly peripheral: MemoryChip;
  /** Everything that the two have said, as the attacker has heard it. */
  readonly recorded: (AirFrame & { saidMs: number })[] = [];
  readonly takings: Taking[] = [];
  /** When a chip was made to forget with whom it had paired. */
  readonly forgettings: { chip: MemoryChip; atMs: number }[] = [];
  #attacking = false;

  /** Nothing is powered. */
  constructor(program: Program, seed: number, versions: { central: string; peripheral: string }) {
    this.air = new Air(this.clock, seed);
    const chip = (role: "central" | "peripheral", uniqueId: string) => {
      const board = new Board(this.clock);
      const net = new MemoryNet(this.clock);
      const made = new MemoryChip({ board, net, air: this.air, program, uniqueId, seed: seed * 31 + uniqueId.length });
      made.files.set("config.txt", Buffer.from(`role ${role}\nversion ${versions[role]}\n`));
      let boots = 0;
      board.observe((event) => {
        if (event.kind !== "log") return;
        if (event.line === "boots") boots++;
        if (event.line.startsWith("took "))
          this.takings.push({ by: made, frame: event.line.slice("took ".length), atMs: this.nowMs, boot: boots });
      });
      return made;
    };
    this.central = chip("central", "020000000001");
    this.peripheral = chip("peripheral", "020000000002");
    this.air.observe((frame) => {
      if (!this.#attacking) this.recorded.push({ ...frame, saidMs: this.nowMs });
    });
  }

  get nowMs(): number {
    return this.clock.nowUs / 1000;
  }

  /** Restarts a chip that has forgotten its pair: by the file that asks for it, or with the loss of its NVS. */
  forget(chip: MemoryChip, nvs: boolean): void {
    if (nvs) chip.nvs.clear();
    else chip.files.set("pair.txt", new Uint8Array(0));
    this.forgettings.push({ chip, atMs: this.nowMs });
    void chip.pressReset();
  }

  run(ms: number): void {
    this.clock.advanceTo(this.clock.nowUs + ms * 1000);
  }

  /** Sends a recorded frame as its sender did, to whom it was for. */
  replay(frame: AirFrame): void {
    this.say(frame, frame.bytes);
  }

  /** Sends bytes in the name of a recorded frame's sender. */
  say(as: AirFrame, bytes: Uint8Array, to = as.to): void {
    const radio: Radio = { mac: as.from, channel: as.channel, longRange: as.longRange, heard: () => {} };
    this.#attacking = true;
    this.air.send(radio, to, bytes, () => {});
    this.#attacking = false;
  }

  /** The frames that a chip has taken since the simulation began, in hex. */
  taken(chip: MemoryChip): string[] {
    return this.told(chip, "took ");
  }

  told(chip: MemoryChip, what: string): string[] {
    return chip.logLines.filter((line) => line.startsWith(what)).map((line) => line.slice(what.length));
  }
}
