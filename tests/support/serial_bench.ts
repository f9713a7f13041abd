// A device in memory that serves the link on its serial console, in virtual time, and a cable to it that can be disturbed.

import { SerialLink } from "../../device/link_serial.ts";
import { Loop } from "../../device/loop.ts";
import { LinkClient } from "../../tools/lib/link_client.ts";
import { SerialChannel } from "../../tools/lib/serial_channel.ts";
import type { Wire } from "../../tools/lib/wire.ts";
import type { MemoryChip } from "../../tools/sim/memory_native.ts";
import type { Disturb } from "../../tools/sim/serial_cable.ts";
import { freshNative } from "./fresh_native.ts";
import { drive } from "./link_bench.ts";

/** 115200 baud, 8N1. */
export const BYTE_US = 1e7 / 115_200;

/** Changes, drops or doubles a byte now and then; the same ones in every run. */
export function noise(seed: number, oneIn: number): Disturb {
  let state = seed;
  const random = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % below;
  };
  return (bytes) =>
    Uint8Array.from(
      [...bytes].flatMap((byte) => {
        if (random(oneIn) !== 0) return [byte];
        const kind = random(4);
        return kind === 0 ? [] : kind === 1 ? [byte, 0] : kind === 2 ? [byte ^ (1 << random(8))] : [byte, random(256)];
      }),
    );
}

export class SerialBench {
  readonly chip: MemoryChip;
  link!: SerialLink;
  loop!: Loop;
  readonly refusals: string[] = [];
  /** Lines that the device took as typed. */
  readonly typed: string[] = [];
  /** What happens to pieces on their way. */
  toDevice: Disturb = (bytes) => bytes;
  toTool: Disturb = (bytes) => bytes;
  #wire: Wire | undefined;
  /** Until when the cable is in use, by direction. */
  #busyUs = [0, 0];

  constructor() {
    this.chip = freshNative({
      program: () => {
        this.loop = new Loop();
        this.link = new SerialLink(this.loop, {
          name: "meter",
          onRefused: (why) => this.refusals.push(why),
          onLine: (line) => this.typed.push(line),
        });
        this.loop.start();
      },
    });
    this.chip.consoleOut = (bytes) => this.#take(bytes);
    this.chip.run(10);
  }

  /** Plugs a cable in; the one before is out. */
  plug(): Wire {
    this.#wire?.onEnd("unplugged");
    const wire: Wire = {
      send: (bytes) => {
        if (this.#wire === wire) this.#carry(0, this.toDevice(bytes.slice()), (piece) => this.chip.consoleBytes(piece));
      },
      close: () => {
        if (this.#wire === wire) this.#wire = undefined;
      },
      onData: () => {},
      onEnd: () => {},
    };
    this.#wire = wire;
    return wire;
  }

  /** Pulls the cable. */
  unplug(): void {
    const wire = this.#wire;
    this.#wire = undefined;
    wire?.onEnd("unplugged");
  }

  async open(): Promise<LinkClient> {
    const after = (ms: number, run: () => void) => this.after(ms, run);
    return this.drive(LinkClient.greet(new SerialChannel(this.plug(), after), { after }));
  }

  after(ms: number, run: () => void): () => void {
    const timer = this.chip.clock.after(ms * 1000, run);
    return () => {
      timer.cancelled = true;
    };
  }

  drive<Value>(promise: Promise<Value>, limitMs = 600_000): Promise<Value> {
    return drive(this.chip.clock, promise, limitMs);
  }

  #take(bytes: Uint8Array): boolean {
    // A transmit buffer as the host port's.
    const waitingUs = Math.max(0, (this.#busyUs[1] ?? 0) - this.chip.clock.nowUs);
    if (waitingUs / BYTE_US + bytes.length > 4096) return false;
    const wire = this.#wire;
    this.#carry(1, this.toTool(bytes.slice()), (piece) => {
      if (this.#wire === wire) wire?.onData(piece);
    });
    return true;
  }

  /** Bytes arrive in pieces of up to 64, in their time. */
  #carry(direction: 0 | 1, bytes: Uint8Array, arrive: (piece: Uint8Array) => void): void {
    const clock = this.chip.clock;
    for (let at = 0; at < bytes.length; at += 64) {
      const piece = bytes.subarray(at, at + 64);
      const doneUs = Math.max(clock.nowUs, this.#busyUs[direction] ?? 0) + piece.length * BYTE_US;
      this.#busyUs[direction] = doneUs;
      clock.at(Math.ceil(doneUs), () => arrive(piece));
    }
  }
}
