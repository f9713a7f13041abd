// What the relays do: each is on until its time-out. Pins are active low and were set by the boot before anything else ran
// (boot_pins.ts); topics' periods are main.ts.

import type { Loop, Task } from "../../device/loop.ts";

export const RELAY_PINS = [25, 26, 27, 33];
/** Seconds that a relay stays on at most. */
export const LIMITS_S = [600, 86_400, 86_400, 86_400];
const OUTPUT = 3;
const OFF = 1; // active low

export class Relays {
  private readonly timers: Task[];

  constructor(loop: Loop) {
    this.timers = [];
    for (let relay = 0; relay < RELAY_PINS.length; relay++) {
      native.pinMode(RELAY_PINS[relay] as number, OUTPUT, OFF);
      this.timers.push(loop.task(() => this.drive(relay), true, "relay"));
    }
  }

  isOn(relay: number): boolean {
    return (this.timers[relay] as Task).active;
  }

  /** TurnOnWithTimeout: seconds as text. False when it is not a number. */
  turnOn(relay: number, payload: string): boolean {
    const seconds = Number(payload);
    if (payload.trim() === "" || !(Math.abs(seconds) <= Number.MAX_VALUE)) return false;
    const timer = this.timers[relay] as Task;
    if (seconds > 0) timer.once(Math.min(seconds, LIMITS_S[relay] as number) * 1000);
    else timer.stop();
    this.drive(relay);
    return true;
  }

  private drive(relay: number): void {
    native.pinWrite(RELAY_PINS[relay] as number, this.isOn(relay) ? 0 : OFF);
  }
}
