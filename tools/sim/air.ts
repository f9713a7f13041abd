// The air between ESP-NOW radios in virtual time: who hears a frame, when, how loud, and whether it is acknowledged. What befalls a
// frame follows from the seed, its sender, its receiver and its number, so a run repeats whatever order processes run in.

import type { SimClock } from "./clock.ts";
import { repeatable } from "./random.ts";

export const BROADCAST = "ffffffffffff";

/** A frame on the air; MACs are 12 lower-case hex digits. */
export interface AirFrame {
  channel: number;
  longRange: boolean;
  from: string;
  to: string;
  bytes: Uint8Array;
}

/** A radio as the air sees it. Channel 0: off. */
export interface Radio {
  readonly mac: string;
  readonly channel: number;
  readonly longRange: boolean;
  heard(frame: AirFrame, rssi: number): void;
}

/** A radio of another process: it answers in its own time, and only it knows its channel. */
export interface FarRadio {
  readonly mac: string;
  /** Hands it a frame; `arrived` is called when it has acknowledged. */
  deliver(frame: AirFrame, rssi: number, arrived: () => void): void;
}

/** Chances are 0..1. */
export interface AirSettings {
  /** A frame does not arrive; each receiver of a broadcast has its own luck. */
  loss: number;
  /** A unicast arrived and its acknowledgement did not. */
  ackLoss: number;
  /** A frame is handed to the receiver's program twice. */
  duplicate: number;
  /** A frame is handed over late, behind the ones after it. */
  reorder: number;
  delayUs: number;
  /** At most so much more delay, evenly distributed. */
  jitterUs: number;
  /** dBm at the receiver. */
  rssi: number;
}

/** The radio repeats an unanswered unicast for so long beyond the delays, then gives up. */
const GIVE_UP_US = 20_000;
const TWICE_AFTER_US = 1000;
const LATE_US = 50_000;

export class Air {
  readonly clock: SimClock;
  readonly settings: AirSettings = {
    loss: 0,
    ackLoss: 0,
    duplicate: 0,
    reorder: 0,
    delayUs: 1000,
    jitterUs: 500,
    rssi: -50,
  };
  /** Settings of one direction between two radios, by `FROM>TO`. */
  readonly links = new Map<string, Partial<AirSettings>>();
  /** Of what befalls the frames from now on. */
  seed: number;
  readonly #radios = new Set<Radio>();
  readonly #listeners = new Set<(frame: AirFrame, far: boolean) => void>();
  /** The radios of other processes that may hear a frame. */
  far: (frame: AirFrame) => FarRadio[] = () => [];
  /** Told when a radio is switched, before it sends anything. */
  onTune: (radio: Radio) => void = () => {};
  /** Frames that each radio has sent, over its restarts. */
  readonly #sent = new Map<string, number>();

  constructor(clock: SimClock, seed = 1) {
    this.clock = clock;
    this.seed = seed;
  }

  /** Returns a function that takes the radio away. */
  add(radio: Radio): () => void {
    this.#radios.add(radio);
    return () => this.#radios.delete(radio);
  }

  /** Tells every frame that is sent, at that moment, heard or not; `far`: by another process. Returns a function that ends it. */
  observe(listener: (frame: AirFrame, far: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(frame: AirFrame, far: boolean): void {
    for (const listener of this.#listeners) listener(frame, far);
  }

  /** Sends a frame on the radio's channel; `done` tells once whether it was acknowledged (broadcast: that it is out). */
  send(radio: Radio, to: string, bytes: Uint8Array, done: (acknowledged: boolean) => void): void {
    const number = (this.#sent.get(radio.mac) ?? 0) + 1;
    this.#sent.set(radio.mac, number);
    const { channel, longRange, mac } = radio;
    const frame: AirFrame = { channel, longRange, from: mac, to, bytes: bytes.slice() };
    this.tell(frame, false);
    const broadcast = to === BROADCAST;
    let open = true;
    const settle = (acknowledged: boolean) => {
      if (open) done(acknowledged);
      open = false;
    };
    for (const other of [...this.#radios, ...this.far(frame)]) {
      if (other === radio || (!broadcast && other.mac !== to)) continue;
      // Switched on later, it has missed the beginning of the frame.
      if ("channel" in other && other.channel === 0) continue;
      const chances = repeatable(Bun.hash.xxHash32(`${mac}>${other.mac}#${number}`, this.seed));
      this.#pass(frame, other, chances, (acknowledged) => {
        if (!broadcast && acknowledged) settle(true);
      });
    }
    const { delayUs, jitterUs } = this.settings;
    this.clock.after(broadcast ? delayUs : GIVE_UP_US + delayUs + jitterUs, () => settle(broadcast));
  }

  #pass(
    frame: AirFrame,
    radio: Radio | FarRadio,
    chance: () => number,
    arrived: (acknowledged: boolean) => void,
  ): void {
    const own = this.links.size === 0 ? undefined : this.links.get(`${frame.from}>${radio.mac}`);
    const link = own === undefined ? this.settings : { ...this.settings, ...own };
    // As they are now: they may change while the frame is on its way.
    const { ackLoss, duplicate, reorder, rssi } = link;
    // All draws are made, so that one setting does not move the luck of another.
    const [lost, unanswered, twice, late] = [chance(), chance(), chance(), chance()] as const;
    const delayUs = Math.round(link.delayUs + chance() * link.jitterUs);
    if (lost < link.loss) return;
    this.clock.after(delayUs, () => {
      const near = "channel" in radio;
      const tuned = () => near && radio.channel === frame.channel && radio.longRange === frame.longRange;
      if (near && !tuned()) return;
      const hear = () => {
        if (!near) radio.deliver(frame, rssi, () => arrived(true));
        else if (tuned()) radio.heard(frame, rssi);
      };
      if (late < reorder) this.clock.after(LATE_US, hear);
      else hear();
      if (twice < duplicate) this.clock.after(TWICE_AFTER_US, hear);
      if (near) arrived(unanswered >= ackLoss);
    });
  }
}

/** Six bytes of 12 hex digits, and back. */
export function macBytes(mac: string): Uint8Array {
  return new Uint8Array(Buffer.from(mac, "hex"));
}

export function macText(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(0, 6)).toString("hex");
}
