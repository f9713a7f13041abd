// Misbehaviour on purpose, for `--fault NAME`: what a tool sends in a put goes wrong once, and what the device says to that is kept. One
// fault works on messages (what the carrier sends), another on frames (what the carrier is given).

import { UsageError } from "./errors.ts";
import type { FrameChannel } from "./frame_channel.ts";
import { deviceError, LinkError } from "./link_error.ts";
import { T } from "./link_frames.ts";
import type { Wire } from "./wire.ts";

export const FAULTS = {
  badlength: "a message whose length is wrong (TCP: 65535; serial: cut short)",
  badcheck: "content that is not what was announced, so that its SHA-256 differs",
  badmac: "a message with a changed bit, so that its MAC (serial: its CRC) is wrong",
  reorder: "two data blocks in the wrong order (of a single one: the commit before it)",
  reset: "the connection is closed in the middle",
  silence: "nothing more is sent from the middle on",
} as const;
export type FaultName = keyof typeof FAULTS;

/** The data frame that goes wrong; where there is only one, that. */
const AT = 2;
/** Type and id of a frame; of a data frame also the offset. */
const HEAD = 3;
const DATA_HEAD = 7;
/** Where a bundle's header has the length of its body. */
const BODY_LENGTH = 12;

export class LinkFault {
  readonly name: FaultName;
  /** True once something has gone wrong; nothing does where no content is sent. */
  used = false;
  /** What the device said from then on. */
  readonly answers: string[] = [];
  #data = 0;
  /** Of the content that is being put. */
  #size = 0;
  #messageNext = false;
  #held: Uint8Array | undefined;

  /** Throws UsageError for a name that is none. */
  constructor(name: string) {
    if (!Object.hasOwn(FAULTS, name)) throw new UsageError(`--fault ${name}: one of ${Object.keys(FAULTS).join(", ")}`);
    this.name = name as FaultName;
  }

  /** The wire that the carrier is to use instead of `inner`; each call of its `send` is one message. */
  wire(inner: Wire): Wire {
    return {
      send: (bytes) => {
        if (this.#silent) return;
        inner.send(this.#messageNext ? this.#spoil(bytes) : bytes);
        this.#messageNext = false;
      },
      close: () => inner.close(),
      set onData(take: Wire["onData"]) {
        inner.onData = take;
      },
      get onData() {
        return inner.onData;
      },
      set onEnd(take: Wire["onEnd"]) {
        inner.onEnd = take;
      },
      get onEnd() {
        return inner.onEnd;
      },
    };
  }

  /** The channel that the client is to use instead of `inner`. */
  channel(inner: FrameChannel): FrameChannel {
    const outer: FrameChannel = {
      lossy: inner.lossy,
      send: (frame) => {
        for (const each of this.#frames(frame)) inner.send(each);
        if (this.used && this.name === "reset") {
          inner.close();
          outer.onEnd(new LinkError("closed", "the connection was closed here, on purpose"));
        }
      },
      close: () => inner.close(),
      onFrame: () => {},
      onEnd: () => {},
    };
    inner.onFrame = (frame) => {
      if (this.used && frame[0] === T.error) this.answers.push(deviceError(frame).message);
      outer.onFrame(frame);
    };
    inner.onEnd = (error) => {
      if (this.used) this.answers.push(error.message);
      outer.onEnd(error);
    };
    return outer;
  }

  get #silent(): boolean {
    return this.used && this.name === "silence";
  }

  #frames(frame: Uint8Array): Uint8Array[] {
    if (this.used) return [frame];
    if (this.#held !== undefined) {
      const held = this.#held;
      this.#held = undefined;
      this.used = true;
      return [frame, held];
    }
    const bytes = Buffer.from(frame);
    if (frame[0] === T.putFile || frame[0] === T.putFirmware) this.#size = bytes.readUInt32BE(HEAD);
    else if (frame[0] === T.putBundle) this.#size = bytes.readUInt32LE(HEAD + BODY_LENGTH);
    if (frame[0] !== T.data) return [frame];
    const whole = bytes.readUInt32BE(HEAD) === 0 && frame.length - DATA_HEAD >= this.#size;
    if (++this.#data !== AT && !whole) return [frame];
    switch (this.name) {
      case "badlength":
      case "badmac":
        this.#messageNext = true;
        break;
      case "badcheck": {
        this.used = true;
        const changed = frame.slice();
        changed[DATA_HEAD] = (changed[DATA_HEAD] ?? 0) ^ 1;
        return [changed];
      }
      case "reorder":
        this.#held = frame;
        return [];
      case "reset":
      case "silence":
        this.used = true;
        return [];
    }
    return [frame];
  }

  #spoil(message: Uint8Array): Uint8Array {
    this.used = true;
    const spoiled = message.slice();
    // Over TCP its length stands before it.
    const serial = spoiled[0] === 0 && spoiled[1] !== message.length - 2;
    if (this.name === "badmac") spoiled[10] = (spoiled[10] ?? 0) ^ 0x40;
    else if (serial) return Buffer.concat([message.subarray(0, -20), message.subarray(-1)]);
    else spoiled[0] = spoiled[1] = 0xff;
    return spoiled;
  }
}
