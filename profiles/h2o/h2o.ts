// What the water tank does: reads level sensors and flow meter, says what is wrong, keeps the figures that are published and shown.
// Sensors' meaning is level.ts, pulses' is flow.ts; the display is screen.ts, topics' periods are main.ts.

import type { Mcp23017 } from "../../device/drivers/mcp23017.ts";
import type { Loop } from "../../device/loop.ts";
import type { Flow } from "./flow.ts";
import { IMPLAUSIBLE, type Level } from "./level.ts";

export const READ_MS = 1000;
export const RETRY_MS = 600_000;
export const NO_EXPANDER = 2;
export const READ_FAILED = 4;

export class H2o {
  /** Units pumped when the level last changed. */
  private totalAtChange: number;
  private expander: number; // 0, NO_EXPANDER or READ_FAILED
  private beginAtMs: number;
  private begun: boolean;

  /** `flow` is undefined on a chip without a pulse counter. */
  constructor(
    private readonly loop: Loop,
    private readonly mcp: Mcp23017,
    readonly level: Level,
    readonly flow: Flow | undefined,
    readonly capacity: number,
  ) {
    this.totalAtChange = this.expander = 0;
    this.beginAtMs = loop.now();
    this.begun = false;
    loop.task(() => this.read(), false, "tank").every(READ_MS);
  }

  /** A bitmap: IMPLAUSIBLE, NO_EXPANDER, READ_FAILED. */
  get malfunctions(): number {
    return this.expander | (this.level.implausible ? IMPLAUSIBLE : 0);
  }

  /** Undefined before the first reading; 100 while the sensors cannot be read, so that nobody keeps filling. */
  get percent(): number | undefined {
    if (this.expander !== 0) return 100;
    return this.level.wet === undefined ? undefined : this.level.percent;
  }

  /** Units pumped since the level changed. */
  get pumped(): number {
    return (this.flow?.total ?? 0) - this.totalAtChange;
  }

  private read(): void {
    if (this.flow !== undefined) this.flow.take(native.pulseRead(), this.loop.now());
    const before = this.percent;
    const bits = this.sense();
    if (bits !== undefined) {
      this.expander = 0;
      // Active low; the sensors are the lowest bits.
      this.level.take(~bits & ((1 << this.level.sensors.length) - 1));
    }
    if (this.percent !== before) this.totalAtChange = this.flow?.total ?? 0;
  }

  private sense(): number | undefined {
    const nowMs = this.loop.now();
    try {
      if (!this.begun && nowMs >= this.beginAtMs) {
        this.begun = this.mcp.begin();
        if (!this.begun) this.fail(NO_EXPANDER, nowMs);
      }
      if (!this.begun) return undefined;
      // A part that was away may have lost its pull-ups with its power.
      const set = this.expander !== READ_FAILED || this.mcp.begin();
      const bits = set ? this.mcp.read() : undefined;
      if (bits === undefined) this.expander = READ_FAILED;
      return bits;
    } catch (_) {
      // A stuck bus.
      if (this.begun) this.expander = READ_FAILED;
      else this.fail(NO_EXPANDER, nowMs);
      return undefined;
    }
  }

  private fail(malfunction: number, nowMs: number): void {
    this.expander = malfunction;
    this.beginAtMs = nowMs + RETRY_MS;
  }
}
