// A radio, or a listener, on the air of a folder that firmware processes join with --air (docs/BOARD.md), in real time.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type AirDatagram, decodeAirDatagram, encodeAirDatagram, FRAME_BYTES_MAX } from "./air_datagram.ts";
import { UnixDatagram } from "./unix_datagram.ts";

export const BROADCAST = "ffffffffffff";
/** Longer than the delays that a receiver's air may have. */
const ACKNOWLEDGE_MS = 200;

export interface AirRadioOptions {
  folder: string;
  /** 12 lower-case hex digits. */
  mac: string;
  channel: number;
  longRange?: boolean;
  /** dBm at the receivers; -50. */
  rssi?: number;
  /** A frame for this radio, or a broadcast. */
  onFrame: (frame: AirDatagram) => void;
}

export class AirRadio {
  /** May be changed at any time. */
  channel: number;
  longRange: boolean;
  readonly mac: string;
  readonly #options: AirRadioOptions;
  readonly #socket: UnixDatagram;
  #sequence = 0;
  /** Who waits for an acknowledgement, by sequence and MAC. */
  readonly #waiting = new Map<string, (acknowledged: boolean) => void>();

  /** Joins the air. Throws when the folder is not there. */
  constructor(options: AirRadioOptions) {
    if (!/^[0-9a-f]{12}$/.test(options.mac)) throw new RangeError(`${options.mac} is no MAC: 12 lower-case hex digits`);
    this.#options = options;
    this.mac = options.mac;
    this.channel = options.channel;
    this.longRange = options.longRange ?? false;
    this.#socket = new UnixDatagram(join(options.folder, options.mac), (bytes) => this.#take(bytes));
  }

  /** Sends a frame of 1..250 bytes; whether it was acknowledged (a broadcast: sent). */
  send(to: string, bytes: Uint8Array): Promise<boolean> {
    if (bytes.length < 1 || bytes.length > FRAME_BYTES_MAX)
      throw new RangeError(`a frame has 1 to ${FRAME_BYTES_MAX} bytes`);
    this.#sequence = (this.#sequence + 1) & 0xff;
    const datagram = this.#encode("frame", this.#sequence, to, bytes);
    const { folder } = this.#options;
    for (const name of readdirSync(folder)) {
      const radio = /^[0-9a-f]{12}$/.test(name);
      const hears = radio ? name === to || (to === BROADCAST && name !== this.mac) : name.startsWith("sniff-");
      if (hears) this.#socket.send(join(folder, name), datagram);
    }
    if (to === BROADCAST) return Promise.resolve(true);
    const key = `${this.#sequence} ${to}`;
    return new Promise((done) => {
      const timer = setTimeout(() => this.#waiting.get(key)?.(false), ACKNOWLEDGE_MS);
      this.#waiting.set(key, (acknowledged) => {
        clearTimeout(timer);
        this.#waiting.delete(key);
        done(acknowledged);
      });
    });
  }

  close(): void {
    this.#socket.close();
    for (const settle of [...this.#waiting.values()]) settle(false);
  }

  #encode(kind: AirDatagram["kind"], sequence: number, to: string, bytes: Uint8Array): Uint8Array {
    const { channel, longRange, mac } = this;
    return encodeAirDatagram({
      kind,
      channel,
      longRange,
      rssi: this.#options.rssi ?? -50,
      sequence,
      from: mac,
      to,
      bytes,
    });
  }

  #take(bytes: Uint8Array): void {
    const datagram = decodeAirDatagram(bytes);
    if (datagram === undefined) return;
    const mine = datagram.to === this.mac;
    if (datagram.kind === "deaf") {
      if (mine) this.#waiting.get(`${datagram.sequence} ${datagram.from}`)?.(false);
      return;
    }
    if (datagram.channel !== this.channel || datagram.longRange !== this.longRange) return;
    if (datagram.kind === "acknowledgement") {
      if (mine) this.#waiting.get(`${datagram.sequence} ${datagram.from}`)?.(true);
      return;
    }
    if (!mine && datagram.to !== BROADCAST) return;
    if (mine) {
      const answer = this.#encode("acknowledgement", datagram.sequence, datagram.from, new Uint8Array(0));
      this.#socket.send(join(this.#options.folder, datagram.from), answer);
    }
    this.#options.onFrame(datagram);
  }
}

/** Listens to every frame that is sent in the folder, on all channels, for whomever. Returns a function that ends it. */
export function sniffAir(folder: string, onFrame: (frame: AirDatagram) => void): () => void {
  const socket = new UnixDatagram(join(folder, `sniff-${process.pid}-${++listeners}`), (bytes) => {
    const datagram = decodeAirDatagram(bytes);
    if (datagram !== undefined) onFrame(datagram);
  });
  return () => socket.close();
}

let listeners = 0;
