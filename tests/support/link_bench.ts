// A device that serves the update link, in memory and in virtual time, and wires to it for the real client or for raw bytes.

import { LinkServer } from "../../device/link_tcp.ts";
import { Loop } from "../../device/loop.ts";
import { encodeBundle } from "../../tools/lib/bundle.ts";
import { LinkClient, type LinkClientOptions } from "../../tools/lib/link_client.ts";
import type { Wire } from "../../tools/lib/wire.ts";
import type { SimClock } from "../../tools/sim/clock.ts";
import type { MemoryChip } from "../../tools/sim/memory_native.ts";
import { CHIP_ADDRESS, freshNative } from "./fresh_native.ts";

export const KEY = Uint8Array.from({ length: 32 }, (_, index) => index + 1);
export const PORT = 8266;

/** A wire whose bytes the test can see, change and cut. */
export interface TestWire extends Wire {
  /** Everything the client sent, by call. */
  readonly sent: Uint8Array[];
  /** Everything the device sent. */
  readonly heard: Uint8Array[];
  ended: boolean;
  /** Takes the place of sending; call `pass` to send. */
  filter: (bytes: Uint8Array, pass: (bytes: Uint8Array) => void) => void;
  /** The connection is gone at both ends. */
  cut(): void;
}

export class LinkBench {
  readonly chip: MemoryChip;
  server!: LinkServer;
  loop!: Loop;
  /** What the device said about refusals, over all boots. */
  readonly refusals: string[] = [];
  rebootsAnnounced = 0;
  #serve = true;

  constructor(options: { key?: Uint8Array | undefined; open?: boolean } = {}) {
    const key = "key" in options ? options.key : KEY;
    this.#serve = options.open ?? true;
    this.chip = freshNative({
      program: () => {
        this.loop = new Loop();
        this.server = new LinkServer(this.loop, {
          key,
          name: "meter",
          onRefused: (why) => this.refusals.push(why),
          beforeReboot: () => {
            this.rebootsAnnounced++;
          },
        });
        native.netOn(0);
        native.netConnect("", "");
        this.loop.start();
        if (this.#serve) this.server.open();
      },
    });
    this.chip.run(3000);
  }

  /** Connects; bytes flow as the chip's clock moves. */
  wire(): TestWire {
    const end = this.chip.net.connect(CHIP_ADDRESS, PORT);
    let waiting = new Uint8Array(0);
    let told = false;
    const pump = () => {
      if (waiting.length > 0) {
        const count = end.send(waiting);
        if (count > 0) waiting = waiting.slice(count);
      }
      const bytes = end.read();
      if (bytes.length > 0) {
        wire.heard.push(bytes);
        wire.onData(bytes);
      }
      if (end.ended && !told) {
        told = wire.ended = true;
        wire.onEnd("the other end closed it");
      }
    };
    const wire: TestWire = {
      sent: [],
      heard: [],
      ended: false,
      filter: (bytes, pass) => pass(bytes),
      send: (bytes) => {
        wire.sent.push(new Uint8Array(bytes));
        wire.filter(bytes, (passed) => {
          waiting = new Uint8Array(Buffer.concat([waiting, passed]));
          pump();
        });
      },
      close: () => end.close(),
      onData: () => {},
      onEnd: () => {},
      cut: () => {
        end.reset();
        end.peer?.reset();
      },
    };
    end.onWake = pump;
    // Room in the other end's window is not announced for every piece.
    const again = () => {
      if (told || end.state === "closed") return;
      pump();
      this.chip.clock.after(5000, again);
    };
    again();
    return wire;
  }

  /** A client on a wire of its own. */
  open(options: LinkClientOptions & { key?: Uint8Array } = {}, wire: TestWire = this.wire()): Promise<LinkClient> {
    return this.drive(LinkClient.open(wire, { key: KEY, after: (ms, run) => this.after(ms, run), ...options }));
  }

  after(ms: number, run: () => void): () => void {
    const timer = this.chip.clock.after(ms * 1000, run);
    return () => {
      timer.cancelled = true;
    };
  }

  drive<Value>(promise: Promise<Value>, limitMs = 180_000): Promise<Value> {
    return drive(this.chip.clock, promise, limitMs);
  }

  /** The kind of the LinkError that `promise` is rejected with. */
  async failure(promise: Promise<unknown>): Promise<string> {
    try {
      await this.drive(promise);
      return "none";
    } catch (error) {
      return (error as { kind?: string }).kind ?? String(error);
    }
  }
}

/** Moves virtual time on until `promise` is settled, for at most `limitMs`. */
export async function drive<Value>(clock: SimClock, promise: Promise<Value>, limitMs: number): Promise<Value> {
  const endUs = clock.nowUs + limitMs * 1000;
  let settled = false;
  const watch = () => {
    settled = true;
  };
  promise.then(watch, watch);
  for (;;) {
    // Lets everything that was resolved run before time goes on.
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (settled) return promise;
    if (!clock.step(endUs)) throw new Error(`nothing in ${limitMs} ms of virtual time`);
  }
}

/** A bundle whose body has `length` bytes made from `seed`. */
export function makeBundle(length: number, profile = "test", seed = 1): Uint8Array {
  return encodeBundle(pattern(length, seed), {
    profile,
    version: "1",
    engineId: "0011223344556677",
    apiHash: "8899aabbccddeeff",
    bootPins: [],
  });
}

/** Bytes that are different at every place and for every seed. */
export function pattern(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8) * 7 + seed * 101) & 0xff);
}
