// A wire with a bandwidth: what is sent goes out at so many bytes a second, and not at all for a while, as over a Wi-Fi that stalls.

import type { Wire } from "../lib/wire.ts";

/** Bytes that go out at a time. */
const PIECE_BYTES = 512;

export interface Pace {
  bytesPerSecond: number;
  /** Nothing goes out for `stallMs` once so many bytes have. */
  stallAfterBytes: number;
  stallMs: number;
}

export function pacedWire(wire: Wire, { bytesPerSecond, stallAfterBytes, stallMs }: Pace): Wire {
  let freeMs = 0;
  let total = 0;
  const timers = new Set<ReturnType<typeof setTimeout>>();
  const paced: Wire = {
    send: (bytes) => {
      for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
        const piece = bytes.slice(at, at + PIECE_BYTES);
        freeMs = Math.max(freeMs, performance.now()) + (piece.length / bytesPerSecond) * 1000;
        if (total < stallAfterBytes && total + piece.length >= stallAfterBytes) freeMs += stallMs;
        total += piece.length;
        const timer = setTimeout(() => {
          timers.delete(timer);
          wire.send(piece);
        }, freeMs - performance.now());
        timers.add(timer);
      }
    },
    close: () => {
      for (const timer of timers) clearTimeout(timer);
      wire.close();
    },
    onData: () => {},
    onEnd: () => {},
  };
  wire.onData = (bytes) => paced.onData(bytes);
  wire.onEnd = (error) => paced.onEnd(error);
  return paced;
}
