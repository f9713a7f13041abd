// What happens in a house of virtual devices: people and weather on one side, failures on the other. Each habit and each kind of failure
// has random numbers of its own from the seed, so that half a house lives as it does in the whole one.

import { HOUSE_PROFILES, type House, type HouseDevice, type HouseProfile } from "./house.ts";
import { repeatable } from "./random.ts";

const SECOND_US = 1e6;
const MINUTE_US = 60 * SECOND_US;
const HOUR_US = 60 * MINUTE_US;
const DAY_US = 24 * HOUR_US;

/** How often what failed so far: `broker`, `network`, `air`, `power`, `power PROFILE`, `PROFILE PART`. */
export type Mishaps = Record<string, number>;

/** Draws of one habit. */
class Luck {
  readonly #random: () => number;

  constructor(name: string, seed: number) {
    this.#random = repeatable(Bun.hash.xxHash32(name, seed));
  }

  /** A number from `min` to `max`. */
  between(min: number, max: number): number {
    return min + this.#random() * (max - min);
  }

  /** A whole number below `limit`. */
  below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }
}

export class HouseLife {
  readonly mishaps: Mishaps = {};
  /** No failure begins after this, and those that have begun end at most three hours later. */
  readonly #calmUs: number;
  readonly #house: House;
  readonly #seed: number;
  readonly #rareness: number;

  /** From now on the house is lived in; failures begin up to `calmMs` from now. `rareness` 1: each kind once in days; less: more often. */
  constructor(house: House, seed: number, calmMs: number, rareness = 1) {
    this.#house = house;
    this.#rareness = rareness;
    this.#seed = seed ^ 0x5eed;
    this.#calmUs = house.clock.nowUs + calmMs * 1000;
    this.#people();
    this.#weather();
    this.#failures();
  }

  /** Again and again, after gaps of `meanUs` on average and at most twice that. */
  #often(name: string, meanUs: number, act: (luck: Luck) => void): void {
    const luck = new Luck(name, this.#seed);
    const next = () =>
      void this.#house.clock.after(luck.between(0, 2 * meanUs), () => {
        act(luck);
        next();
      });
    next();
  }

  #send(profile: HouseProfile, sub: string, payload: string): void {
    const device = this.#house.devices.get(profile);
    if (device !== undefined) this.#house.broker.publish(`cmnd/${device.name}/${sub}`, payload);
  }

  #do(profile: HouseProfile, word: string, argument: string): void {
    this.#house.devices.get(profile)?.around.command(word, argument);
  }

  #people(): void {
    const { clock } = this.#house;
    let kg = 12.5;
    this.#often("press", 20 * MINUTE_US, (luck) => this.#do("switch", "press", String(luck.below(4))));
    this.#often("relay", HOUR_US, (luck) =>
      this.#send("relay", `${luck.below(4)}/TurnOnWithTimeout`, String(Math.floor(luck.between(-30, 900)))),
    );
    this.#often("light", 2 * HOUR_US, (luck) =>
      this.#send("switch", `${luck.below(4)}/State`, luck.pick(["on", "off"])),
    );
    this.#often("ticker", 6 * HOUR_US, () => this.#send("energy", "Ticker", "on"));
    this.#often("tap", 4 * HOUR_US, (luck) => {
      this.#do("h2o", "tap", "12");
      clock.after(luck.between(2, 12) * MINUTE_US, () => this.#do("h2o", "tap", "0"));
    });
    this.#often("drain", HOUR_US, (luck) => this.#do("h2o", "drain", String(Math.floor(luck.between(5, 40)))));
    this.#often("fob", 30 * MINUTE_US, (luck) =>
      this.#do("rx433", luck.pick(["fob", "ht"]), String(luck.below(65_536))),
    );
    this.#often("weigh", 3 * HOUR_US, (luck) => {
      kg = kg < 2 ? 12.5 : kg - luck.between(0, 0.6);
      this.#do("scale_sensor", "weigh", kg.toFixed(2));
    });
    this.#often("refresh", 2 * HOUR_US, (luck) => this.#send(luck.pick(HOUSE_PROFILES), "Refresh", "1"));
    this.#often("ask", 12 * HOUR_US, (luck) =>
      this.#send(luck.pick(HOUSE_PROFILES), "OTA", luck.pick(["stats", "getversion", "partitions"])),
    );
  }

  #weather(): void {
    const { clock } = this.#house;
    this.#often("weather", 5 * MINUTE_US, (luck) => {
      const sun = Math.sin((2 * Math.PI * clock.nowUs) / DAY_US);
      const warm = (15 + 8 * sun + luck.between(-0.5, 0.5)).toFixed(2);
      this.#do("termo", "warm", warm);
      this.#do("weather", "warm", warm);
      this.#do("weather", "humidity", (60 - 20 * sun + luck.between(-3, 3)).toFixed(1));
      this.#do("weather", "pressure", (1008 + 10 * Math.sin((2 * Math.PI * clock.nowUs) / (5 * DAY_US))).toFixed(1));
    });
  }

  #failures(): void {
    const { broker, clock, air } = this.#house;
    const devices = [...this.#house.devices.values()];
    const withNetwork = devices.filter(({ board }) => board.network.available);
    this.#sometimes("broker", 1.5 * DAY_US, (luck) => {
      broker.stop();
      clock.after(luck.between(5, 1800) * SECOND_US, () => broker.start());
    });
    this.#sometimes("network", 2 * DAY_US, (luck) => {
      for (const { board } of withNetwork) board.setNetwork(false);
      clock.after(luck.between(1, 180) * MINUTE_US, () => {
        for (const { board } of withNetwork) board.setNetwork(true);
      });
    });
    for (const device of devices) {
      const { profile } = device;
      this.#sometimes(`power ${profile}`, 3 * DAY_US, (luck) => this.#cutPower([device], luck.between(1, 7200)));
      for (const [part, { kinds, fail }] of Object.entries(device.around.parts)) {
        this.#sometimes(`${profile} ${part}`, 3 * DAY_US, (luck) => {
          fail(luck.pick(kinds.slice(1)));
          clock.after(luck.between(1, 40) * MINUTE_US, () => fail(kinds[0] as string));
        });
      }
    }
    this.#sometimes("power", 7 * DAY_US, (luck) => this.#cutPower(devices, luck.between(1, 3600)));
    this.#sometimes("air", 2 * DAY_US, (luck) => {
      air.settings.loss = 0.3;
      clock.after(luck.between(10, 170) * MINUTE_US, () => {
        air.settings.loss = 0;
      });
    });
  }

  #sometimes(name: string, meanUs: number, act: (luck: Luck) => void): void {
    this.mishaps[name] = 0;
    this.#often(name, meanUs * this.#rareness, (luck) => {
      if (this.#house.clock.nowUs >= this.#calmUs) return;
      this.mishaps[name] = (this.mishaps[name] ?? 0) + 1;
      act(luck);
    });
  }

  #cutPower(devices: readonly HouseDevice[], offSeconds: number): void {
    for (const { chip } of devices) void chip.powerCut();
    this.#house.clock.after(offSeconds * SECOND_US, () => {
      for (const { chip } of devices) void chip.powerOn();
    });
  }
}
