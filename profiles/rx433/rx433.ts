// What the key-fob receiver does: a burst behind a pre-amble is decoded, the same press is told once, statistics are kept.
// The codes are decoders.ts; wiring and topics are main.ts.

import type { Loop } from "../../device/loop.ts";
import { decodeEdges, EDGES_MIN, lengthMs } from "./decoders.ts";

const EDGES_EVENT = 7;
/** Shorter levels are noise within an edge; the shortest edge of a code is 150 us. */
const FILTER_US = 100;
/** The shortest pre-amble: such a silence ends a burst, so that a burst is what lies between two of them. */
const IDLE_US = 5000;
const PREAMBLE_MAX_MS = 20;
/** A fob repeats its code while it is pressed. */
export const REPEAT_MS = 250;

export class Rx433 {
  /** Bursts behind a pre-amble and long enough for a code; those with and without one. */
  private received: number;
  private good: number;
  private bad: number;
  /** All bursts, and codes that came again too soon. */
  private bursts: number;
  private repeats: number;
  /** When the last burst's last edge was. */
  private endMs: number;
  private toldMs: number;

  /** Opens the receiver: by the RMT peripheral or by pin interrupts. Throws when the chip has no RMT. */
  constructor(
    private readonly loop: Loop,
    pin: number,
    hardware: boolean,
    private readonly onCode: (code: string) => void,
  ) {
    this.received = this.good = this.bad = this.bursts = this.repeats = 0;
    this.endMs = this.toldMs = -Infinity;
    loop.onEvent(EDGES_EVENT, (event) => this.take(event[3], event[4]));
    native.edgesOpen(pin, FILTER_US, IDLE_US, hardware);
  }

  /** `recv=n good=n bad=n bursts=n repeats=n dropped=n` */
  statistics(): string {
    const head = `recv=${this.received} good=${this.good} bad=${this.bad} bursts=${this.bursts}`;
    return `${head} repeats=${this.repeats} dropped=${native.eventsDropped()}`;
  }

  /** The event comes when the silence behind the burst has lasted for IDLE_US. */
  private take(timeMs: number, edges: Uint8Array): void {
    this.bursts++;
    const endMs = timeMs - IDLE_US / 1000;
    const silenceMs = endMs - lengthMs(edges) - this.endMs;
    this.endMs = endMs;
    if (silenceMs > PREAMBLE_MAX_MS || edges.length < 2 * EDGES_MIN) return;
    this.received++;
    const code = decodeEdges(edges);
    if (code === undefined) {
      this.bad++;
      return;
    }
    this.good++;
    const nowMs = this.loop.now();
    if (nowMs - this.toldMs < REPEAT_MS) {
      this.repeats++;
      return;
    }
    this.toldMs = nowMs;
    this.onCode(code);
  }
}
