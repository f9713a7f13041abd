// What the energy meter does: when it asks the PZEM, what a failure is, what a window sums up to. Frames are device/drivers/pzem.ts;
// wiring and the Malfunction topic's periods are main.ts.

import type { Pzem, PzemReading } from "../../device/drivers/pzem.ts";
import type { Loop, Task } from "../../device/loop.ts";
import { StateMachine } from "../../device/state_machine.ts";

/** From the device's start to the first question: the meter has just got its power too. */
export const START_UP_MS = 20_000;
/** Between questions, and the longest wait for an answer. */
export const READ_MS = 500;
/** After a failure, until everything starts again. */
export const RETRY_MS = 600_000;
export const WINDOW_MS = 60_000;
/** How long `Ticker` publishes every reading. */
export const TICKER_MS = 60_000;
/** Misses in a row that are forgiven while reading (no answer, exception, damaged answer); docs/decisions/0010-pzem-misses.md. */
export const MISSES_MAX = 3;

export const GOOD = 0;
export const NO_ANSWER_AT_START = 1;
export const NO_ANSWER = 4;

type State = "start" | "check" | "read" | "failed";

/** Takes a value's name (`V`, `Vmin`, ...) and its text. */
export type Publish = (name: string, text: string) => void;

export class Energy {
  /** 0, 1 no answer at start, 4 no answer while reading. */
  malfunction = GOOD;
  /** Questions without a usable answer since boot. */
  misses = 0;
  private readonly machine: StateMachine<State>;
  private readonly ticker: Task;
  private asked = false;
  private row = 0;
  private count = 0;
  private volts = 0;
  private minVolts = 0;
  private maxVolts = 0;
  private amps = 0;
  private maxAmps = 0;
  private watts = 0;
  private voltAmps = 0;
  /** The last window as alternating names and texts. */
  private readonly last: string[] = [];

  constructor(
    loop: Loop,
    private readonly meter: Pzem,
    private readonly publish: Publish,
  ) {
    this.ticker = loop.task(() => {});
    this.machine = new StateMachine<State>(loop, "start", {
      start: ["check"],
      check: ["read", "failed"],
      read: ["failed"],
      failed: ["check"],
    });
    const machine = this.machine;
    machine.onEnter("check", () => this.check());
    machine.onEnter("read", () => this.read());
    machine.onEnter("failed", () => machine.after(RETRY_MS, () => machine.to("check")));
    machine.after(START_UP_MS, () => machine.to("check"));
  }

  /** `on`, `1`, `up` publishes every reading for a minute from now; `off`, `0`, `down` ends that; anything else is ignored. */
  tick(command: string): void {
    if (command === "on" || command === "1" || command === "up") this.ticker.once(TICKER_MS);
    else if (command === "off" || command === "0" || command === "down") this.ticker.stop();
  }

  /** Publishes the last window again. */
  refresh(): void {
    for (let index = 0; index < this.last.length; index += 2) {
      this.publish(this.last[index] as string, this.last[index + 1] as string);
    }
  }

  private check(): void {
    this.row = MISSES_MAX;
    this.listen();
  }

  private read(): void {
    this.malfunction = GOOD;
    this.row = this.count = 0;
    this.machine.every(WINDOW_MS, () => this.closeWindow());
    this.listen();
  }

  /** Asks now and every READ_MS, and looks for answers in between. */
  private listen(): void {
    this.machine.poll(() => this.look());
    this.machine.every(READ_MS, () => this.ask());
    this.asked = false;
    this.ask();
  }

  private ask(): void {
    if (this.asked && this.miss()) return;
    this.asked = true;
    this.meter.ask();
  }

  /** True if that was one too many. At the start none is forgiven. */
  private miss(): boolean {
    this.asked = false;
    this.misses++;
    if (this.row++ < MISSES_MAX) return false;
    this.malfunction = this.machine.state === "check" ? NO_ANSWER_AT_START : NO_ANSWER;
    this.machine.to("failed");
    return true;
  }

  private look(): void {
    const reading = this.meter.answer();
    if (reading === undefined || !this.asked) return;
    if (reading === null) {
      this.miss();
      return;
    }
    this.asked = false;
    if (this.machine.state === "check") this.machine.to("read");
    else this.add(reading);
  }

  private add(reading: PzemReading): void {
    const { volts, amps, watts } = reading;
    const voltAmps = volts * amps;
    this.row = 0;
    if (this.count++ === 0) {
      this.volts = this.amps = this.watts = this.voltAmps = this.maxAmps = 0;
      this.minVolts = this.maxVolts = volts;
    }
    this.volts += volts;
    this.amps += amps;
    this.watts += watts;
    this.voltAmps += voltAmps;
    this.minVolts = Math.min(this.minVolts, volts);
    this.maxVolts = Math.max(this.maxVolts, volts);
    this.maxAmps = Math.max(this.maxAmps, amps);
    if (!this.ticker.active) return;
    this.publish("Vnow", native.formatFixed(volts, 1));
    this.publish("Anow", native.formatFixed(amps, 2));
    this.publish("Wnow", native.formatFixed(watts, 1));
    this.publish("VAnow", native.formatFixed(voltAmps, 1));
  }

  /** A window without a reading says nothing. */
  private closeWindow(): void {
    const count = this.count;
    if (count === 0) return;
    this.count = this.last.length = 0;
    this.keep("V", this.volts / count, 1);
    this.keep("Vmin", this.minVolts, 1);
    this.keep("Vmax", this.maxVolts, 1);
    this.keep("A", this.amps / count, 2);
    this.keep("Amax", this.maxAmps, 2);
    this.keep("W", this.watts / count, 1);
    this.keep("VA", this.voltAmps / count, 1);
    this.refresh();
  }

  private keep(name: string, value: number, digits: number): void {
    this.last.push(name, native.formatFixed(value, digits));
  }
}
