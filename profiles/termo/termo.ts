// What the thermometers do: when the bus is searched, converted and read, how readings are filtered, what a malfunction is.
// The bus is device/drivers/ds18x20.ts; topics' periods are main.ts.

import { CONVERT_MS, type Ds18x20 } from "../../device/drivers/ds18x20.ts";
import type { Loop } from "../../device/loop.ts";
import { StateMachine } from "../../device/state_machine.ts";
import { Kalman } from "./kalman.ts";

export const SCAN_MS = 30_000;
/** From one reading to the next; the conversion is part of it. */
export const READ_MS = 5000;
/** Without one good reading for so long the device restarts. */
export const FAILED_MS = 900_000;

export const NOTHING_FOUND = 1;
export const CONVERT_FAILED = 2;
const BUS_ERROR = 3;
const CRC_ERROR = 5;

const SENSOR_SIGMA = 0.5;
const FIRST_SIGMA = 10;
const DRIFT_PER_MINUTE = 0.25 * 0.25;
/** Changes below this (or below the estimate's sigma) are noise. */
export const STEP_MIN = 0.1;

type State = "scan" | "convert" | "read";

export class Thermometer {
  filter: Kalman | undefined;
  private readMs: number;
  /** The estimate as it was last told. */
  private told: number;

  constructor(
    readonly rom: Uint8Array,
    /** In hex, family code first. */
    readonly name: string,
  ) {
    this.filter = undefined;
    this.readMs = this.told = 0;
  }

  take(celsius: number, nowMs: number): void {
    if (this.filter === undefined) this.filter = new Kalman(celsius, SENSOR_SIGMA, FIRST_SIGMA, DRIFT_PER_MINUTE);
    this.filter.update(celsius, this.readMs === 0 ? 0 : (nowMs - this.readMs) / 60_000);
    this.readMs = nowMs;
  }

  /** The temperature to publish when `last` was what went out last: `last` again while the change is only noise. */
  text(last: string | undefined): string | undefined {
    const filter = this.filter;
    if (filter === undefined) return undefined;
    if (last !== undefined && Math.abs(filter.value - this.told) < Math.max(STEP_MIN, filter.sigma)) return last;
    this.told = filter.value;
    return native.formatFixed(filter.value, 1);
  }
}

export class Termo {
  readonly thermometers: Thermometer[];
  /** 0 good, else see the constants; products of BUS_ERROR and CRC_ERROR when no device could be read. */
  malfunction: number;
  private goodMs: number;
  private readonly machine: StateMachine<State>;

  /** `onFound` is told of each thermometer once. */
  constructor(
    private readonly loop: Loop,
    private readonly bus: Ds18x20,
    private readonly onFound: (thermometer: Thermometer) => void,
  ) {
    this.thermometers = [];
    this.malfunction = 0;
    this.goodMs = loop.now();
    this.machine = new StateMachine<State>(loop, "scan", {
      scan: ["convert", "scan"],
      convert: ["read", "convert"],
      read: ["convert"],
    });
    this.machine.onEnter("scan", () => this.scan());
    this.machine.onEnter("convert", () => this.convert());
    this.machine.onEnter("read", () => this.read());
    this.machine.to("scan");
  }

  private scan(): void {
    for (const rom of this.bus.search()) {
      let name = "";
      for (const byte of rom) name += (256 + byte).toString(16).slice(1);
      this.thermometers.push(new Thermometer(rom, name));
    }
    const found = this.thermometers.length > 0;
    this.judge(found ? 0 : NOTHING_FOUND);
    if (!found) {
      this.machine.after(SCAN_MS, () => this.machine.to("scan"));
      return;
    }
    for (const thermometer of this.thermometers) this.onFound(thermometer);
    this.machine.to("convert");
  }

  private convert(): void {
    if (this.bus.convert()) this.machine.after(CONVERT_MS, () => this.machine.to("read"));
    else {
      this.judge(CONVERT_FAILED);
      this.machine.after(READ_MS, () => this.machine.to("convert"));
    }
  }

  private read(): void {
    let good = false;
    let product = 1;
    for (const thermometer of this.thermometers) {
      const answer = this.bus.read(thermometer.rom);
      if (typeof answer === "number") {
        good = true;
        thermometer.take(answer, this.loop.now());
      } else product *= answer === "bus" ? BUS_ERROR : CRC_ERROR;
    }
    this.judge(good ? 0 : product);
    this.machine.after(READ_MS - CONVERT_MS, () => this.machine.to("convert"));
  }

  private judge(malfunction: number): void {
    const nowMs = this.loop.now();
    this.malfunction = malfunction;
    if (malfunction === 0) this.goodMs = nowMs;
    else if (nowMs - this.goodMs >= FAILED_MS) native.restart("no thermometer for 15 min", false);
  }
}
