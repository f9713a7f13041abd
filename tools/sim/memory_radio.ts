// The ESP-NOW radio of an in-memory chip, on an Air.

import { type Air, type AirFrame, BROADCAST, macBytes, macText, type Radio } from "./air.ts";
import type { MemoryChip } from "./memory_native.ts";
import { EINVAL, ENOENT, nativeError } from "./native_error.ts";

const FRAME_MAX = 250;
const CHANNEL_MAX = 13;
const EVENT_FRAME = 5;
const EVENT_SENT = 6;
const NET_UP = 3;

export class MemoryRadio implements Radio {
  channel = 0;
  longRange = false;
  readonly #chip: MemoryChip;
  readonly #air: Air;
  #asked = 0;
  /** The frame on its way. */
  #sending: object | undefined;

  constructor(chip: MemoryChip, air: Air) {
    this.#chip = chip;
    this.#air = air;
    air.add(this);
  }

  get mac(): string {
    return this.#chip.uniqueId;
  }

  on(channel: number, longRange: boolean): void {
    this.#asked = channel;
    this.longRange = longRange;
    this.channel = this.#wanted();
    this.#air.onTune(this);
  }

  /** Also when the chip restarts. */
  off(): void {
    this.channel = 0;
    this.#sending = undefined;
  }

  /** The station's state has changed. */
  follow(): void {
    if (this.channel !== 0) this.channel = this.#wanted();
  }

  #wanted(): number {
    const station = this.#chip.board.network.channel;
    if (this.#chip.boot.netState === NET_UP && station !== 0) return station;
    return this.#asked || this.channel || 1;
  }

  send(to: string, bytes: Uint8Array): boolean {
    if (this.#sending !== undefined) return false;
    const sending = {};
    this.#sending = sending;
    this.#air.send(this, to, bytes, (acknowledged) => {
      if (this.#sending !== sending) return;
      this.#sending = undefined;
      this.#chip.post(EVENT_SENT, 0, acknowledged ? 1 : 0);
    });
    return true;
  }

  heard(frame: AirFrame, rssi: number): void {
    this.#chip.post(EVENT_FRAME, frame.channel, rssi, Buffer.concat([macBytes(frame.from), frame.bytes]));
  }
}

export function radioApi(chip: MemoryChip): Pick<Native, "espnowOn" | "espnowOff" | "espnowChannel" | "espnowSend"> {
  const radio = chip.radio;
  return {
    espnowOn: (channel, longRange) => {
      if (!(channel >= 0 && channel <= CHANNEL_MAX)) throw nativeError(EINVAL, `no channel ${channel}`);
      radio.on(channel, longRange);
    },
    espnowOff: () => radio.off(),
    espnowChannel: () => radio.channel,
    espnowSend: (mac, frame) => {
      const to = macText(mac);
      const group = ((mac[0] ?? 0) & 1) === 1 && to !== BROADCAST;
      if (mac.length !== 6 || group || frame.length < 1 || frame.length > FRAME_MAX)
        throw nativeError(EINVAL, `cannot send ${frame.length} bytes to ${to}`);
      if (radio.channel === 0) throw nativeError(ENOENT, "ESP-NOW is off");
      return radio.send(to, frame);
    },
  };
}
