// The flow meter: pulses to rate and volume. The counter itself is native.

/** A rate is computed over windows longer than this. */
export const WINDOW_MS = 5000;
const COUNTER_RANGE = 4_294_967_296;
/** The longest filter of the counter: 1023 cycles of 80 MHz. */
const FILTER_MAX_NS = 12_787;

export class Flow {
  /** Units per minute over the last window. */
  rate: number;
  /** Units since boot. */
  total: number;
  /** Readings over the largest flow, which were ignored. */
  ignored: number;
  private lastCount: number;
  private lastMs: number;
  private windowPulses: number;
  private windowMs: number;

  constructor(
    /** Pulses per second at 1 unit per minute. */
    private readonly pulseRate: number,
    /** Units per minute. */
    private readonly maxFlow: number,
    nowMs: number,
    count: number,
  ) {
    this.rate = this.total = this.ignored = this.windowPulses = 0;
    this.lastCount = count;
    this.lastMs = this.windowMs = nowMs;
  }

  /** Takes the counter (modulo 2^32) at a moment. */
  take(count: number, nowMs: number): void {
    const pulses = (count - this.lastCount + COUNTER_RANGE) % COUNTER_RANGE;
    const elapsedMs = nowMs - this.lastMs;
    if (elapsedMs <= 0) return;
    this.lastCount = count;
    this.lastMs = nowMs;
    if ((pulses * 1000) / elapsedMs / this.pulseRate > this.maxFlow) this.ignored++;
    else {
      this.total += pulses / this.pulseRate / 60;
      this.windowPulses += pulses;
    }
    const windowMs = nowMs - this.windowMs;
    if (windowMs <= WINDOW_MS) return;
    this.rate = (this.windowPulses * 1000) / windowMs / this.pulseRate;
    this.windowPulses = 0;
    this.windowMs = nowMs;
  }
}

/** A quarter of the shortest valid half-pulse, in nanoseconds: what is shorter is a glitch. */
export function glitchNs(pulseRate: number, maxFlow: number): number {
  const halfPulseNs = 1e9 / (pulseRate * maxFlow) / 2;
  return Math.min(FILTER_MAX_NS, Math.floor(halfPulseNs / 4));
}
