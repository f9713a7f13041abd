// What happens in a house of virtual devices: people and weather on one side, failures on the other. All of it is drawn from the seed.

import type { House, HouseDevice, HouseProfile } from "./house.ts";
import { repeatable } from "./random.ts";

const SECOND_US = 1e6;
const MINUTE_US = 60 * SECOND_US;
const HOUR_US = 60 * MINUTE_US;
const DAY_US = 24 * HOUR_US;

/** What was done to the house so far. */
export interface Mishaps {
  brokerRestarts: number;
  networkLosses: number;
  powerCuts: number;
  partFaults: number;
  badAir: number;
}

export class HouseLife {
  readonly mishaps: Mishaps = { brokerRestarts: 0, networkLosses: 0, powerCuts: 0, partFaults: 0, badAir: 0 };
  /** No failure begins after this, and those that have begun end at most three hours later. */
  readonly #calmUs: number;
  readonly #house: House;
  readonly #random: () => number;

  readonly #rareness: number;

  /** From now on the house is lived in; failures begin up to `calmMs` from now. `rareness` 1: each kind once in days; less: more often. */
  constructor(house: House, seed: number, calmMs: number, rareness = 1) {
    this.#house = house;
    this.#rareness = rareness;
    this.#random = repeatable(seed ^ 0x5eed);
    this.#calmUs = house.clock.nowUs + calmMs * 1000;
    this.#people();
    this.#weather();
    this.#failures();
  }

  /** A number from `min` to `max`. */
  #between(min: number, max: number): number {
    return min + this.#random() * (max - min);
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random() * from.length)] as T;
  }

  /** Again and again, after gaps of `meanUs` on average and at most twice that. */
  #often(meanUs: number, act: () => void): void {
    this.#house.clock.after(this.#between(0, 2 * meanUs), () => {
      act();
      this.#often(meanUs, act);
    });
  }

  #send(profile: HouseProfile, sub: string, payload: string): void {
    const device = this.#house.devices.get(profile);
    if (device !== undefined) this.#house.broker.publish(`cmnd/${device.name}/${sub}`, payload);
  }

  #do(profile: HouseProfile, word: string, argument: string): void {
    this.#house.devices.get(profile)?.around.command(word, argument);
  }

  #people(): void {
    const { clock, devices } = this.#house;
    let kg = 12.5;
    this.#often(20 * MINUTE_US, () => this.#do("switch", "press", String(Math.floor(this.#random() * 4))));
    this.#often(HOUR_US, () => {
      const relay = Math.floor(this.#random() * 4);
      this.#send("relay", `${relay}/TurnOnWithTimeout`, String(Math.floor(this.#between(-30, 900))));
    });
    this.#often(2 * HOUR_US, () =>
      this.#send("switch", `${Math.floor(this.#random() * 4)}/State`, this.#pick(["on", "off"])),
    );
    this.#often(6 * HOUR_US, () => this.#send("energy", "Ticker", "on"));
    this.#often(4 * HOUR_US, () => {
      this.#do("h2o", "tap", "12");
      clock.after(this.#between(2, 12) * MINUTE_US, () => this.#do("h2o", "tap", "0"));
    });
    this.#often(HOUR_US, () => this.#do("h2o", "drain", String(Math.floor(this.#between(5, 40)))));
    this.#often(30 * MINUTE_US, () =>
      this.#do("rx433", this.#pick(["fob", "ht"]), String(Math.floor(this.#between(0, 65_536)))),
    );
    this.#often(3 * HOUR_US, () => {
      kg = kg < 2 ? 12.5 : kg - this.#between(0, 0.6);
      this.#do("scale_sensor", "weigh", kg.toFixed(2));
    });
    const asked = [...devices.keys()];
    this.#often(2 * HOUR_US, () => this.#send(this.#pick(asked), "Refresh", "1"));
    this.#often(12 * HOUR_US, () =>
      this.#send(this.#pick(asked), "OTA", this.#pick(["stats", "getversion", "partitions"])),
    );
  }

  #weather(): void {
    const { clock } = this.#house;
    this.#often(5 * MINUTE_US, () => {
      const sun = Math.sin((2 * Math.PI * clock.nowUs) / DAY_US);
      const warm = (15 + 8 * sun + this.#between(-0.5, 0.5)).toFixed(2);
      this.#do("termo", "warm", warm);
      this.#do("weather", "warm", warm);
      this.#do("weather", "humidity", (60 - 20 * sun + this.#between(-3, 3)).toFixed(1));
      this.#do("weather", "pressure", (1008 + 10 * Math.sin((2 * Math.PI * clock.nowUs) / (5 * DAY_US))).toFixed(1));
    });
  }

  #failures(): void {
    const { broker, clock, air } = this.#house;
    const devices = [...this.#house.devices.values()];
    const withNetwork = devices.filter(({ board }) => board.network.available);
    this.#sometimes(1.5 * DAY_US, () => {
      this.mishaps.brokerRestarts++;
      broker.stop();
      clock.after(this.#between(5, 1800) * SECOND_US, () => broker.start());
    });
    this.#sometimes(2 * DAY_US, () => {
      this.mishaps.networkLosses++;
      for (const { board } of withNetwork) board.setNetwork(false);
      clock.after(this.#between(1, 180) * MINUTE_US, () => {
        for (const { board } of withNetwork) board.setNetwork(true);
      });
    });
    for (const device of devices) {
      this.#sometimes(3 * DAY_US, () => this.#cutPower([device], this.#between(1, 7200) * SECOND_US));
      for (const { kinds, fail } of Object.values(device.around.parts)) {
        this.#sometimes(3 * DAY_US, () => {
          this.mishaps.partFaults++;
          fail(this.#pick(kinds.slice(1)));
          clock.after(this.#between(1, 40) * MINUTE_US, () => fail(kinds[0] as string));
        });
      }
    }
    this.#sometimes(7 * DAY_US, () => this.#cutPower(devices, this.#between(1, 3600) * SECOND_US));
    this.#sometimes(2 * DAY_US, () => {
      this.mishaps.badAir++;
      air.settings.loss = 0.3;
      clock.after(this.#between(10, 170) * MINUTE_US, () => {
        air.settings.loss = 0;
      });
    });
  }

  #sometimes(meanUs: number, act: () => void): void {
    this.#often(meanUs * this.#rareness, () => {
      if (this.#house.clock.nowUs < this.#calmUs) act();
    });
  }

  #cutPower(devices: readonly HouseDevice[], offUs: number): void {
    this.mishaps.powerCuts++;
    for (const { chip } of devices) void chip.powerCut();
    this.#house.clock.after(offUs, () => {
      for (const { chip } of devices) void chip.powerOn();
    });
  }
}
