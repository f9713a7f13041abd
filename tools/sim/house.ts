// A whole house in one process: an appliance of every profile on a chip in memory, one broker, one air, one clock. What happens in it is
// house_life.ts's. It repeats exactly from its seed.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../lib/paths.ts";
import { Air } from "./air.ts";
import { Board } from "./board.ts";
import { SimClock } from "./clock.ts";
import { fitMeter } from "./fittings.ts";
import { Household } from "./household.ts";
import { MemoryChip, type Program } from "./memory_native.ts";
import { MemoryNet } from "./memory_net.ts";
import { PZEM_FAULTS } from "./models/pzem.ts";
import { type Surroundings, surroundingsOf } from "./surroundings.ts";
import { TinyBroker, type TinyPublication } from "./tiny_broker.ts";

export const HOUSE_PROFILES = [
  "energy",
  "h2o",
  "relay",
  "rx433",
  "switch",
  "termo",
  "weather",
  "scale_manager",
  "scale_sensor",
  "tnowc",
  "tnowp",
] as const;
export type HouseProfile = (typeof HOUSE_PROFILES)[number];

/** Two halves of a house that hear nothing of each other (those of ESP-NOW share an air; to a broker each speaks for itself), of about
 * the same work: as processes of their own they live the same days, on two cores. */
export const HOUSE_HALVES: readonly (readonly HouseProfile[])[] = [
  ["energy", "h2o", "switch", "termo", "rx433"],
  ["relay", "weather", "scale_manager", "scale_sensor", "tnowc", "tnowp"],
];

/** They have no network of their own. */
export const PERIPHERALS: readonly HouseProfile[] = ["scale_sensor", "tnowp"];

const BROKER = "10.0.0.1";

export interface HouseDevice {
  profile: HouseProfile;
  /** `mqttname` of its config.txt; a peripheral's profile. */
  name: string;
  board: Board;
  chip: MemoryChip;
  around: Pick<Surroundings, "command" | "parts">;
}

export class House {
  readonly clock = new SimClock();
  readonly net = new MemoryNet(this.clock);
  readonly broker = new TinyBroker(this.net, BROKER);
  readonly air: Air;
  readonly devices = new Map<HouseProfile, HouseDevice>();
  /** Every publication, as it happens. */
  onPublish: (publication: TinyPublication) => void = () => {};

  /** Nothing is powered. `programs` by profile, of those that are there; `config` changes a device's config.txt. */
  constructor(
    programs: ReadonlyMap<HouseProfile, Program>,
    seed: number,
    config: (profile: HouseProfile, text: string) => string = (_profile, text) => text,
  ) {
    this.air = new Air(this.clock, seed);
    this.broker.onPublish = (publication) => {
      // Nobody looks at them later, and there are millions.
      this.broker.seen.length = 0;
      this.onPublish(publication);
    };
    for (const [profile, program] of programs) {
      // The same with or without the others.
      const number = HOUSE_PROFILES.indexOf(profile) + 1;
      const board = new Board(this.clock);
      board.network.ip = `10.0.0.${number + 1}`;
      const uniqueId = `0200000000${number.toString(16).padStart(2, "0")}`;
      const chip = new MemoryChip({
        board,
        net: this.net,
        air: this.air,
        program,
        uniqueId,
        seed: seed * 7919 + number,
      });
      const text = config(profile, configOf(profile));
      if (/^ssid \(wired\)/m.test(text)) board.network.channel = 0;
      chip.files.set("config.txt", Buffer.from(text));
      const name = /^mqttname (\S+)/m.exec(text)?.[1] ?? profile;
      this.devices.set(profile, { profile, name, board, chip, around: this.#around(profile, board, seed) });
    }
  }

  device(profile: HouseProfile): HouseDevice {
    const found = this.devices.get(profile);
    if (found === undefined) throw new Error(`there is no ${profile} in this house`);
    return found;
  }

  /** Everything is switched on. */
  start(): void {
    for (const { chip } of this.devices.values()) chip.start();
  }

  run(ms: number): void {
    this.clock.advanceTo(this.clock.nowUs + ms * 1000);
  }

  #around(profile: HouseProfile, board: Board, seed: number): Pick<Surroundings, "command" | "parts"> {
    const nothing = { command: () => undefined, parts: {} };
    if (profile === "energy") {
      const meter = fitMeter(board);
      new Household(this.clock, meter, seed);
      const fail = (kind: string) => {
        meter.fault = kind as (typeof PZEM_FAULTS)[number];
      };
      return { ...nothing, parts: { meter: { kinds: PZEM_FAULTS, fail } } };
    }
    return surroundingsOf(profile, board) ?? nothing;
  }
}

/** The profile's sample, at this house's broker. */
export function configOf(profile: HouseProfile): string {
  const sample = readFileSync(join(ROOT, "profiles", profile, "config.sample.txt"), "utf8");
  return sample.replace(/^mqttbroker .*$/m, `mqttbroker ${BROKER}`);
}
