// What device/netnow*_codec.ts needs of `native`, on a PC: ciphers, text and random numbers. Importing it provides them.

import { randomBytes } from "node:crypto";
import { cipherApi, sha256 } from "../sim/memory_crypto.ts";

/** Used once in place of random bytes: a frame's IV that was asked for. */
let fixed: Uint8Array | undefined;

const api = {
  ...cipherApi,
  sha256,
  random: (length: number): Uint8Array => {
    const bytes = fixed?.length === length ? fixed : new Uint8Array(randomBytes(length));
    fixed = undefined;
    return bytes;
  },
  encodeText: (text: string): Uint8Array => new TextEncoder().encode(text),
};

const place = globalThis as { native?: unknown };
place.native ??= api;

/** Runs `make` with this `native` in the place of whichever is there, which may be that of a chip without power. */
export function onPc<Value>(make: () => Value): Value {
  const before = place.native;
  place.native = api;
  try {
    return make();
  } finally {
    place.native = before;
  }
}

/** Runs `make` with these bytes as the first random ones. */
export function withRandom<Value>(bytes: Uint8Array | undefined, make: () => Value): Value {
  fixed = bytes;
  return make();
}
