// An HX711 with a load cell under a platform: ten conversions a second, settling after power-up, and sleep while its clock line is high.
// Source: Avia Semiconductor HX711 datasheet, "Serial interface", "Reset and power-down", and table 1 (RATE = 0: settling 400 ms).

import type { Board, Hx711Model } from "../board.ts";
import { repeatable } from "../random.ts";

const CONVERSION_US = 100_000;
const SETTLING_US = 400_000;
/** The pulses that leave channel A with a gain of 128 selected; any other number chooses what nobody has connected. */
const CHANNEL_A = 25;

export class LoadCell implements Hx711Model {
  kg: number;
  /** A reading is at most so far from `kg`. */
  noiseKg = 0;
  /** False: nothing is soldered there. */
  present = true;
  readonly #board: Board;
  readonly #countsPerKg: number;
  readonly #offset: number;
  readonly #random: () => number;
  /** When the next conversion is ready; undefined while it sleeps. */
  #readyUs: number | undefined;
  #channelA = true;

  /** weight = (x - offset) / countsPerKg. */
  constructor(
    board: Board,
    pins: { data: number; clock: number },
    countsPerKg: number,
    offset: number,
    kg: number,
    seed = 1,
  ) {
    this.#board = board;
    this.#countsPerKg = countsPerKg;
    this.#offset = offset;
    this.kg = kg;
    this.#random = repeatable(seed);
    this.#readyUs = board.clock.nowUs + SETTLING_US;
    board.attachHx711(pins.data, pins.clock, this);
    board.observe((event) => {
      if (event.kind !== "pin" || event.pin !== pins.clock) return;
      if (event.level === 1) this.#readyUs = undefined;
      else this.#readyUs ??= board.clock.nowUs + SETTLING_US;
      // Both ends of a sleep reset it.
      this.#channelA = true;
    });
  }

  clocked(pulses: number): number | undefined {
    const { nowUs } = this.#board.clock;
    const readyUs = this.#readyUs;
    if (!this.present || readyUs === undefined || nowUs < readyUs) return undefined;
    // Conversions go on by themselves.
    this.#readyUs = nowUs + CONVERSION_US - ((nowUs - readyUs) % CONVERSION_US);
    const connected = this.#channelA;
    this.#channelA = pulses === CHANNEL_A;
    const kg = this.kg + (2 * this.#random() - 1) * this.noiseKg;
    const counts = connected ? Math.round(kg * this.#countsPerKg + this.#offset) : 0;
    // Beyond its range it stays at the end of it.
    return Math.max(-0x800000, Math.min(0x7fffff, counts)) & 0xffffff;
  }
}
