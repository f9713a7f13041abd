// X25519 (RFC 7748) over raw 32-byte keys: what node:crypto has, without its key objects.

import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from "node:crypto";

// What stands before the 32 raw bytes of a key in its DER forms (RFC 8410).
const PRIVATE_PREFIX = Buffer.from("302e020100300506032b656e04220420", "hex");
const PUBLIC_PREFIX = Buffer.from("302a300506032b656e032100", "hex");

/** The public key of a private one. */
export function publicOf(scalar: Uint8Array): Uint8Array {
  const der = createPublicKey(privateKey(scalar)).export({ format: "der", type: "spki" });
  return new Uint8Array(der).slice(PUBLIC_PREFIX.length);
}

/** Undefined for a public key of low order, which no honest side sends. */
export function sharedSecret(scalar: Uint8Array, point: Uint8Array): Uint8Array | undefined {
  const publicKey = createPublicKey({ key: Buffer.concat([PUBLIC_PREFIX, point]), format: "der", type: "spki" });
  try {
    return new Uint8Array(diffieHellman({ privateKey: privateKey(scalar), publicKey }));
  } catch {
    return undefined;
  }
}

function privateKey(scalar: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PRIVATE_PREFIX, scalar]), format: "der", type: "pkcs8" });
}
