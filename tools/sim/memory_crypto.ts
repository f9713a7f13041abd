// The cryptography of an in-memory chip, by the PC's own implementations: nothing here is shared with the firmware's C.

import { createCipheriv, createDecipheriv, createHash, createHmac } from "node:crypto";
import { open, seal } from "../lib/chacha20_poly1305.ts";
import { NoiseSession } from "../lib/noise.ts";
import { sharedSecret } from "../lib/x25519.ts";
import type { Boot, MemoryChip } from "./memory_native.ts";
import { EINVAL, ENOMEM, nativeError } from "./native_error.ts";

const NOISE_MAX = 2;

/** Random numbers, hashes and Noise sessions. */
export function cryptoApi(chip: MemoryChip, boot: Boot) {
  let nextId = 0;
  const session = (id: number) => {
    const found = boot.noise.get(id);
    if (found === undefined) throw nativeError(EINVAL, `no Noise session ${id}`);
    return found;
  };
  const api: Pick<Native, "random" | "sha256" | "noiseBegin" | "noiseWrite" | "noiseRead" | "noiseEnd"> = {
    random: (length) => {
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; at++) bytes[at] = chip.randomByte();
      return bytes;
    },
    sha256,
    noiseBegin: (initiator, psk, prologue) => {
      if (psk.length !== 32) throw nativeError(EINVAL, `the key has ${psk.length} bytes, not 32`);
      if (boot.noise.size >= NOISE_MAX) throw nativeError(ENOMEM, `at most ${NOISE_MAX} Noise sessions`);
      boot.noise.set(nextId, new NoiseSession({ initiator, psk, prologue }));
      return nextId++;
    },
    noiseWrite: (id, payload) => {
      try {
        return session(id).write(payload);
      } catch (error) {
        throw nativeError(EINVAL, (error as Error).message);
      }
    },
    noiseRead: (id, message) => session(id).read(message),
    noiseEnd: (id) => {
      boot.noise.delete(id);
    },
  };
  return api;
}

type CipherApi = Pick<Native, "aesCbc" | "hmacSha256" | "x25519" | "aeadSeal" | "aeadOpen">;

/** The ciphers; they keep no state. */
export const cipherApi: CipherApi = {
  aesCbc: (encrypt, key, iv, bytes) => {
    if ((key.length !== 16 && key.length !== 32) || iv.length !== 16 || bytes.length % 16 !== 0)
      throw nativeError(EINVAL, `AES-CBC with a key of ${key.length}, an IV of ${iv.length}, ${bytes.length} bytes`);
    const name = `aes-${key.length * 8}-cbc`;
    const cipher = encrypt ? createCipheriv(name, key, iv) : createDecipheriv(name, key, iv);
    cipher.setAutoPadding(false);
    return new Uint8Array(Buffer.concat([cipher.update(bytes), cipher.final()]));
  },
  hmacSha256: (key, bytes) => new Uint8Array(createHmac("sha256", key).update(bytes).digest()),
  x25519: (scalar, point) => {
    if (scalar.length !== 32 || point.length !== 32) throw nativeError(EINVAL, "scalar and point have 32 bytes");
    return sharedSecret(scalar, point);
  },
  aeadSeal: (key, nonce, associated, bytes) => {
    checkAead(key, nonce);
    return seal(key, nonce, bytes, associated);
  },
  aeadOpen: (key, nonce, associated, bytes) => {
    checkAead(key, nonce);
    return open(key, nonce, bytes, associated);
  },
};

function checkAead(key: Uint8Array, nonce: Uint8Array): void {
  if (key.length !== 32 || nonce.length !== 12) throw nativeError(EINVAL, "key of 32 and nonce of 12 bytes");
}

/** SHA-256. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(bytes).digest());
}
