// Link frames over a byte stream in a Noise session with the device's key (docs/WIRE.md, "Link protocol"): lengths, handshake, refusals.

import type { FrameChannel } from "./frame_channel.ts";
import { LinkError, refusal } from "./link_error.ts";
import { NoiseSession } from "./noise.ts";
import type { Wire } from "./wire.ts";

export const PROLOGUE = "hearth-link-1";

export class NoiseChannel implements FrameChannel {
  readonly lossy = false;
  onFrame: (frame: Uint8Array) => void = () => {};
  onEnd: (error: LinkError) => void = () => {};
  /** Takes the payload of the device's handshake message. */
  onGreeting: (payload: Uint8Array) => void = () => {};
  readonly #wire: Wire;
  readonly #noise: NoiseSession;
  #received: Uint8Array = new Uint8Array(0);
  #greeted = false;
  #ended = false;

  /** Begins to shake hands over a connected wire. */
  constructor(wire: Wire, key: Uint8Array) {
    this.#wire = wire;
    this.#noise = new NoiseSession({ initiator: true, psk: key, prologue: Buffer.from(PROLOGUE) });
    wire.onData = (bytes) => this.#receive(bytes);
    wire.onEnd = (why) => this.#end(new LinkError("closed", `the connection ended: ${why}`));
    this.send(new Uint8Array(0));
  }

  send(frame: Uint8Array): void {
    const message = this.#noise.write(frame);
    this.#wire.send(Buffer.concat([Uint8Array.of(message.length >> 8, message.length), message]));
  }

  close(): void {
    this.#ended = true;
    this.#wire.close();
  }

  #end(error: LinkError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.onEnd(error);
  }

  #receive(bytes: Uint8Array): void {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
    while (!this.#ended && this.#received.length >= 2) {
      const all = this.#received;
      const length = all[0]! * 256 + all[1]!;
      if (all.length < 2 + Math.max(1, length)) return;
      if (length === 0) {
        this.#end(refusal(all[2]!));
        return;
      }
      this.#received = all.subarray(2 + length);
      this.#message(all.subarray(2, 2 + length));
    }
  }

  #message(message: Uint8Array): void {
    const payload = this.#noise.read(message);
    if (payload === undefined) {
      this.#end(
        this.#greeted
          ? new LinkError("protocol", "a message of the device did not verify; somebody disturbs the connection")
          : new LinkError("key", "whoever answered does not have this device's key: is the address right?"),
      );
    } else if (this.#greeted) this.onFrame(payload);
    else {
      this.#greeted = true;
      this.onGreeting(payload);
    }
  }
}
