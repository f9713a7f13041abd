// Noise_NNpsk0_25519_ChaChaPoly_SHA256 (Noise protocol framework, revision 34) for the tools: both roles, handshake and transport messages.
// It is written apart from the firmware's C, so that each proves the other. Framing and what the messages mean are link_client.ts's.

import { createHash, createHmac, randomBytes } from "node:crypto";
import { open, seal, TAG_BYTES } from "./chacha20_poly1305.ts";
import { publicOf, sharedSecret } from "./x25519.ts";

const PROTOCOL = "Noise_NNpsk0_25519_ChaChaPoly_SHA256";
const DH_BYTES = 32;
const NONE = new Uint8Array(0);

/** Longest Noise message in bytes, tag included. */
export const MESSAGE_BYTES_MAX = 65535;

export interface NoiseOptions {
  initiator: boolean;
  /** 32 bytes that both sides know. */
  psk: Uint8Array;
  prologue: Uint8Array;
  /** Private key (32 bytes) instead of a random one; for test vectors only. */
  ephemeral?: Uint8Array;
}

/** One session: two handshake messages (initiator first), then transport messages in both directions. */
export class NoiseSession {
  readonly #initiator: boolean;
  readonly #ephemeral: Uint8Array;
  readonly #psk: Uint8Array;
  #chainingKey: Uint8Array;
  #hash: Uint8Array;
  #messages = 0;
  #dead = false;
  /** The handshake's cipher; later the two directions' ones. */
  #cipher = new CipherState(undefined);
  #sender = this.#cipher;
  #receiver = this.#cipher;

  /** Throws RangeError when the key is not 32 bytes. */
  constructor(options: NoiseOptions) {
    if (options.psk.length !== 32) throw new RangeError(`the key has ${options.psk.length} bytes, not 32`);
    this.#initiator = options.initiator;
    this.#psk = options.psk;
    this.#ephemeral = options.ephemeral ?? randomBytes(DH_BYTES);
    this.#hash = sha256(Buffer.from(PROTOCOL)); // the name is longer than a hash
    this.#chainingKey = this.#hash;
    this.#mixHash(options.prologue);
  }

  /** True when both handshake messages have gone through. */
  get established(): boolean {
    return this.#messages >= 2 && !this.#dead;
  }

  /** The handshake hash: the same on both sides, different in each session. */
  get handshakeHash(): Uint8Array {
    return this.#hash;
  }

  /** The next handshake or transport message with this payload. Throws when it is the other side's turn or the payload is too long. */
  write(payload: Uint8Array): Uint8Array {
    if (this.#dead) throw new Error("the session has ended");
    if (payload.length + TAG_BYTES + (this.established ? 0 : DH_BYTES) > MESSAGE_BYTES_MAX)
      throw new RangeError("payload too long");
    if (this.established) return this.#sender.encrypt(payload, NONE);
    this.#expectTurn(this.#initiator);
    const publicKey = publicOf(this.#ephemeral);
    if (this.#messages === 0) this.#mixPsk();
    this.#mixHash(publicKey);
    this.#mixKey(publicKey);
    // Whoever sends a key that gives no shared secret gets an answer that nobody can read.
    if (this.#messages === 1)
      this.#mixKey(sharedSecret(this.#ephemeral, this.#remote) ?? new Uint8Array(randomBytes(DH_BYTES)));
    const text = this.#cipher.encrypt(payload, this.#hash);
    this.#mixHash(text);
    this.#messageDone();
    return concat(publicKey, text);
  }

  /** The payload of the other side's message; undefined when it does not verify, and the session is then dead. */
  read(message: Uint8Array): Uint8Array | undefined {
    if (this.#dead) return undefined;
    const payload = this.established ? this.#receiver.decrypt(message, NONE) : this.#readHandshake(message);
    if (payload === undefined) this.#dead = true;
    return payload;
  }

  #remote: Uint8Array = NONE;

  #readHandshake(message: Uint8Array): Uint8Array | undefined {
    this.#expectTurn(!this.#initiator);
    if (message.length < DH_BYTES + TAG_BYTES) return undefined;
    this.#remote = message.slice(0, DH_BYTES);
    if (this.#messages === 0) this.#mixPsk();
    this.#mixHash(this.#remote);
    this.#mixKey(this.#remote);
    if (this.#messages === 1) {
      const shared = sharedSecret(this.#ephemeral, this.#remote);
      if (shared === undefined) return undefined;
      this.#mixKey(shared);
    }
    const text = message.subarray(DH_BYTES);
    const payload = this.#cipher.decrypt(text, this.#hash);
    if (payload === undefined) return undefined;
    this.#mixHash(text);
    this.#messageDone();
    return payload;
  }

  #expectTurn(first: boolean): void {
    if (first !== (this.#messages === 0)) throw new Error("it is the other side's turn");
  }

  #messageDone(): void {
    if (++this.#messages < 2) return;
    const [one, two] = hkdf2(this.#chainingKey, NONE);
    const initiatorSends = new CipherState(one);
    const responderSends = new CipherState(two);
    this.#sender = this.#initiator ? initiatorSends : responderSends;
    this.#receiver = this.#initiator ? responderSends : initiatorSends;
  }

  #mixHash(data: Uint8Array): void {
    this.#hash = sha256(this.#hash, data);
  }

  #mixKey(material: Uint8Array): void {
    const [chainingKey, key] = hkdf2(this.#chainingKey, material);
    this.#chainingKey = chainingKey;
    this.#cipher = new CipherState(key);
  }

  #mixPsk(): void {
    const [chainingKey, toHash, key] = hkdf3(this.#chainingKey, this.#psk);
    this.#chainingKey = chainingKey;
    this.#mixHash(toHash);
    this.#cipher = new CipherState(key);
  }
}

/** A key and its message counter. */
class CipherState {
  readonly #key: Uint8Array | undefined;
  #count = 0;

  constructor(key: Uint8Array | undefined) {
    this.#key = key;
  }

  encrypt(plain: Uint8Array, ad: Uint8Array): Uint8Array {
    return seal(this.#key!, this.#nonce(), plain, ad);
  }

  decrypt(sealed: Uint8Array, ad: Uint8Array): Uint8Array | undefined {
    return open(this.#key!, this.#nonce(), sealed, ad);
  }

  #nonce(): Uint8Array {
    const nonce = new Uint8Array(12);
    // A session never comes near 2^32 messages: that would be 8 TB.
    new DataView(nonce.buffer).setUint32(4, this.#count++, true);
    return nonce;
  }
}

function sha256(...parts: Uint8Array[]): Uint8Array {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

function hmac(key: Uint8Array, ...parts: Uint8Array[]): Uint8Array {
  const mac = createHmac("sha256", key);
  for (const part of parts) mac.update(part);
  return new Uint8Array(mac.digest());
}

function hkdf2(chainingKey: Uint8Array, material: Uint8Array): [Uint8Array, Uint8Array] {
  const [one, two] = hkdf3(chainingKey, material);
  return [one, two];
}

function hkdf3(chainingKey: Uint8Array, material: Uint8Array): [Uint8Array, Uint8Array, Uint8Array] {
  const secret = hmac(chainingKey, material);
  const one = hmac(secret, Uint8Array.of(1));
  const two = hmac(secret, one, Uint8Array.of(2));
  return [one, two, hmac(secret, two, Uint8Array.of(3))];
}

function concat(a: Uint8Array, b: Uint8Array): Buffer {
  return Buffer.concat([a, b]);
}
