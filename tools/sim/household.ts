// A household's load on the mains, second by second: made of appliances that come and go, the same for the same seed.

import type { SimClock } from "./clock.ts";
import type { PzemModel } from "./models/pzem.ts";
import { repeatable } from "./random.ts";

const STEP_US = 1_000_000;

interface Appliance {
  watts: number;
  /** Mean seconds on and off. */
  onSeconds: number;
  offSeconds: number;
  on: boolean;
  changeAt: number;
}

export class Household {
  /** Set by hand; undefined follows the household. */
  fixedVolts: number | undefined;
  fixedWatts: number | undefined;
  readonly #random: () => number;
  readonly #meter: PzemModel;
  readonly #appliances: Appliance[];
  #second = 0;
  #drift = 0;

  constructor(clock: SimClock, meter: PzemModel, seed: number) {
    this.#meter = meter;
    this.#random = repeatable(seed);
    const make = (watts: number, onSeconds: number, offSeconds: number): Appliance => ({
      watts,
      onSeconds,
      offSeconds,
      on: false,
      changeAt: Math.floor(this.#random() * offSeconds),
    });
    this.#appliances = [
      make(95, 420, 900), // fridge
      make(2050, 150, 1800), // kettle
      make(120, 3600, 3600), // lights and television
      make(1900, 600, 5400), // washing machine heating
      make(850, 90, 1200), // microwave oven
    ];
    const step = () => {
      this.#step();
      clock.after(STEP_US, step);
    };
    step();
  }

  #step(): void {
    const second = this.#second++;
    let watts = 70 + 12 * this.#random();
    for (const each of this.#appliances) {
      if (second >= each.changeAt) {
        each.on = !each.on;
        const mean = each.on ? each.onSeconds : each.offSeconds;
        each.changeAt = second + Math.ceil(mean * (0.5 + this.#random()));
      }
      if (each.on) watts += each.watts * (0.98 + 0.04 * this.#random());
    }
    this.#drift = this.#drift * 0.98 + (this.#random() - 0.5) * 0.6;
    if (this.fixedWatts !== undefined) watts = this.fixedWatts;
    // Load pulls the voltage down a little, as the wires to the house do.
    const volts = this.fixedVolts ?? 233 + this.#drift - watts * 0.0012;
    const meter = this.#meter;
    meter.volts = volts;
    meter.watts = watts;
    meter.amps = watts / (volts * meter.powerFactor);
    meter.energyWh += watts / 3600;
  }
}
