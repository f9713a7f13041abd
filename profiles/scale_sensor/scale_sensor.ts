// What the battery scale does: warm up, weigh, tell the central, sleep. Averaging is weighing.ts, the radio device/peripheral.ts.

import type { Hx711 } from "../../device/drivers/hx711.ts";
import type { Loop } from "../../device/loop.ts";
import type { Netnow } from "../../device/netnow_auto.ts";
import { ID_LENGTH } from "../../device/netnow_codec.ts";
import { StateMachine } from "../../device/state_machine.ts";
import { SAMPLES, weigh } from "./weighing.ts";

export const WARM_UP_MS = 10_000;
export const SAMPLE_MS = 1000;
/** The HX711 is asked again until a sample is due or this has passed. */
export const READY_LOOK_MS = 50;
export const RETRIES = 3;
export const GIVE_UP_MS = 300_000;
export const SLEEP_MS = 3_600_000;
/** What is not acknowledged goes out again under the same tid, and only while the central would know it again (TID_MS): none counts
 * twice. */
export const SEND_AGAIN_MS = 200;
export const SEND_TIMES = 8;

export const NO_HX711 = 1;
export const READ_FAILED = 4;
export const NOISE = 8;

type State = "warm" | "sample" | "tell" | "done";

export class ScaleSensor {
  /** What is told: `stat/LPScale/...` with its value behind a line break; "" while weighing. */
  message: string;
  private readonly samples: number[];
  /** When the next sample is due. */
  private nextMs: number;
  private retries: number;
  private sends: number;
  private waiting: boolean;
  private readonly states: StateMachine<State>;

  /** weight = (x + b) / a kg. `sleep` ends it all. */
  constructor(
    private readonly loop: Loop,
    private readonly hx711: Hx711,
    private readonly netnow: Netnow,
    private readonly a: number,
    private readonly b: number,
    private readonly sleep: () => void,
  ) {
    this.message = "";
    this.samples = [];
    this.nextMs = this.retries = this.sends = 0;
    this.waiting = false;
    const states = new StateMachine<State>(
      loop,
      "warm",
      { warm: ["sample", "done"], sample: ["tell", "done"], tell: ["done"], done: [] },
      true,
    );
    this.states = states;
    states.onEnter("sample", () => {
      this.nextMs = loop.now();
      states.every(READY_LOOK_MS, () => this.look());
    });
    states.onEnter("tell", () => this.tell());
    const giveUp = loop.task(() => states.to("done"), true, "give up").once(GIVE_UP_MS);
    states.onEnter("done", () => {
      giveUp.stop();
      this.hx711.powerDown();
      this.sleep();
    });
    states.after(WARM_UP_MS, () => states.to("sample"));
  }

  private look(): void {
    const lateMs = this.loop.now() - this.nextMs;
    if (lateMs < 0) return;
    const raw = this.hx711.read();
    if (raw === undefined) {
      if (lateMs >= SAMPLE_MS) this.malfunction(this.samples.length === 0 ? NO_HX711 : READ_FAILED);
      return;
    }
    this.nextMs += SAMPLE_MS;
    this.samples.push((raw + this.b) / this.a);
    if (this.samples.length < SAMPLES) return;
    const kg = weigh(this.samples);
    this.samples.length = 0;
    if (kg !== undefined) this.say(`stat/LPScale/Weight\n${native.formatFixed(kg, 1)}`);
    else if (this.retries++ === RETRIES) this.malfunction(NOISE);
  }

  private malfunction(code: number): void {
    this.say(`stat/LPScale/Malfunction\n${code}`);
  }

  private say(message: string): void {
    this.message = message;
    this.hx711.powerDown();
    this.states.to("tell");
  }

  private tell(): void {
    const tid = native.random(ID_LENGTH);
    const payload = native.encodeText(this.message);
    const done = (acknowledged: boolean) => {
      this.waiting = false;
      if ((acknowledged || this.sends === SEND_TIMES) && this.states.state === "tell") this.states.to("done");
    };
    this.states.every(SEND_AGAIN_MS, () => {
      if (this.waiting || this.sends === SEND_TIMES || !this.netnow.send(payload, done, tid)) return;
      this.waiting = true;
      this.sends++;
    });
  }
}
