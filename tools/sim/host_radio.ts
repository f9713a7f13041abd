// The ESP-NOW radio of a host firmware on an Air: its channel as the firmware tells it, frames out, and what is heard as messages.

import { Air, type AirFrame, type Radio } from "./air.ts";
import type { FromBoard, FromDevice } from "./board_protocol.ts";
import type { SimClock } from "./clock.ts";

export class HostRadio implements Radio {
  mac = "";
  channel = 0;
  longRange = false;
  /** Takes the radio away from its air. */
  readonly leave: () => void;
  readonly #air: Air;
  readonly #tell: (message: FromBoard) => void;
  /** Counts the times that the radio was off: what was on its way then says nothing any more. */
  #life = 0;

  /** `tell` takes the messages to the firmware. */
  constructor(clock: SimClock, air: Air | undefined, tell: (message: FromBoard) => void) {
    this.#air = air ?? new Air(clock);
    this.#tell = tell;
    this.leave = this.#air.add(this);
  }

  /** The firmware has set the radio up, or has ended with channel 0. */
  tune(channel: number, longRange: boolean, mac = this.mac): void {
    if (channel === 0) this.#life++;
    this.mac = mac;
    this.channel = channel;
    this.longRange = longRange;
    this.#air.onTune(this);
  }

  send({ sequence, to, frame }: Extract<FromDevice, { kind: "espnow send" }>): void {
    const life = this.#life;
    this.#air.send(this, to, frame, (acknowledged) => {
      if (life === this.#life) this.#tell({ kind: "espnow sent", sequence, acknowledged });
    });
  }

  heard(frame: AirFrame, rssi: number): void {
    this.#tell({ kind: "espnow frame", channel: frame.channel, rssi, from: frame.from, frame: frame.bytes });
  }
}
