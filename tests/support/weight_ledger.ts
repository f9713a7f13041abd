// What became of each message of a battery scale between its radio and its gateway's, as somebody hears it who has all keys: when it was sent,
// whether the gateway's radio acknowledged it, and when the gateway confirmed it.

import { UP_LOOK_MS } from "../../device/net.ts";
import { netnowKeys } from "../../device/netnow_codec.ts";
import { BEACON3, VERSION3 } from "../../device/netnow3_codec.ts";
import { GIVE_UP_MS } from "../../profiles/scale_sensor/scale_sensor.ts";
import { decode2, decode3, type FrameJson } from "../../tools/lib/entool_frames.ts";
import { onPc } from "../../tools/lib/entool_native.ts";
import type { Air } from "../../tools/sim/air.ts";

export interface Message {
  /** As the gateway publishes it: `Weight 12.500`. */
  value: string;
  version: 2 | 3;
  sentMs: number;
  /** Version 2: when the scale was told that the gateway's radio has it, which it takes for a success. */
  acknowledgedMs: number | undefined;
  /** When the gateway's program has first said that it has it. */
  confirmedMs: number | undefined;
}

export class WeightLedger {
  readonly messages: Message[] = [];
  /** Told of each frame that carries a message, as it leaves. */
  onSent: () => void = () => {};
  /** By the tid of version 2, or the origin of version 3. */
  readonly #byId = new Map<string, Message>();
  #keys: Uint8Array[] = [];
  /** By the number of each frame of version 3 that carries one. */
  readonly #byNumber = new Map<string, Message>();

  /** `pairKeys` are those of all pairs that there have been. */
  constructor(
    air: Air,
    private readonly nowMs: () => number,
    private readonly pairKeys: () => Uint8Array[],
    psk = "a-long-random-key",
    group = "home",
  ) {
    const keys = onPc(() => netnowKeys(psk, group));
    const send = air.send.bind(air);
    air.send = (radio, to, bytes, done) => {
      const message = this.#take(onPc(() => this.#open(bytes) ?? decode2(keys, bytes)));
      send(radio, to, bytes, (acknowledged) => {
        if (acknowledged && message?.version === 2) message.acknowledgedMs ??= nowMs();
        done(acknowledged);
      });
      if (message !== undefined) this.onSent();
    };
  }

  #open(bytes: Uint8Array): FrameJson | undefined {
    if (bytes[0] !== VERSION3 || (bytes[1] as number) >= BEACON3) return undefined;
    const open = () => this.#keys.map((key) => decode3(key, bytes)).find((frame) => !("refused" in frame));
    let frame = open();
    if (frame === undefined) {
      // Perhaps they have paired meanwhile.
      this.#keys = this.pairKeys();
      frame = open();
    }
    return frame as FrameJson | undefined;
  }

  /** The message that a frame carries. */
  #take(frame: FrameJson | { refused: string }): Message | undefined {
    if ("refused" in frame) return undefined;
    if (frame.type === "confirm" || frame.type === "tsconfirm") {
      const of = frame.type === "confirm" ? this.#byNumber : this.#byId;
      const confirmed = of.get(frame.confirms as string);
      if (confirmed !== undefined) confirmed.confirmedMs ??= this.nowMs();
      return undefined;
    }
    const [topic = "", kg] = Buffer.from(frame.payload ?? "", "hex")
      .toString()
      .split("\n");
    if (frame.type !== "data" || !topic.startsWith("stat/LPScale/")) return undefined;
    const id = frame.origin ?? (frame.tid as string);
    const value = `${topic.slice("stat/LPScale/".length)} ${Number(kg).toFixed(3)}`;
    const message = this.#byId.get(id) ?? {
      value,
      version: frame.session === undefined ? 2 : 3,
      sentMs: this.nowMs(),
      acknowledgedMs: undefined,
      confirmedMs: undefined,
    };
    if (!this.#byId.has(id)) this.messages.push(message);
    this.#byId.set(id, message);
    if (frame.session !== undefined) this.#byNumber.set(numberText(frame.session, frame.count as number), message);
    return message;
  }
}

function numberText(session: number, count: number): string {
  return session.toString(16).padStart(8, "0") + count.toString(16).padStart(8, "0");
}

/** From a frame's acknowledgement to its confirm, at most: it may be handed over late, and other frames may wait for the radio. */
const HANDLED_MS = 500;

/** It came to its broker, its network went, or it lost its power or was reset. */
export type GatewayEvent = [atMs: number, what: "online" | "offline" | "cut"];

/** Where the promise of docs/WIRE.md is broken, one line each: a message that the gateway confirmed was published exactly once, unless `mayBeLost`;
 * one that its radio acknowledged in version 2 was taken, unless the gateway restarted in between; any other one was published at most once, and
 * nothing that the scale did not say. `published` as in a Message. */
export function brokenPromises(ledger: WeightLedger, published: string[], gateway: GatewayEvent[]): string[] {
  const broken: string[] = [];
  const said = ledger.messages.map(({ value }) => value);
  for (const value of new Set(published)) {
    const times = published.filter((each) => each === value).length;
    const most = said.filter((each) => each === value).length;
    if (times > most) broken.push(`${value} was said ${most} times and published ${times} times`);
  }
  for (const { value, confirmedMs, acknowledgedMs } of ledger.messages) {
    if (confirmedMs === undefined && acknowledgedMs !== undefined && !restarted(acknowledgedMs, gateway))
      broken.push(`${value} was acknowledged at ${Math.round(acknowledgedMs)} ms and not taken`);
    if (confirmedMs !== undefined && !published.includes(value) && !mayBeLost(confirmedMs, gateway))
      broken.push(`${value} was confirmed at ${Math.round(confirmedMs)} ms and is lost`);
  }
  return broken;
}

/** Whether the gateway began a new network time while the scale was awake, or ended with the frame in its hands. */
function restarted(ms: number, gateway: GatewayEvent[]): boolean {
  return gateway.some(([atMs, what]) => what === "cut" && atMs > ms - GIVE_UP_MS && atMs < ms + HANDLED_MS);
}

/** Whether the gateway had no broker at that moment and then lost its power before it had one, or its network was gone without its having looked
 * yet: what is published with QoS 0 into a connection that is dead is gone. */
export function mayBeLost(ms: number, gateway: GatewayEvent[]): boolean {
  const before = gateway.filter(([atMs]) => atMs <= ms).at(-1);
  const after = gateway.find(([atMs, what]) => atMs > ms && what !== "offline")?.[1];
  if (before?.[1] === "offline" && ms - before[0] <= UP_LOOK_MS) return true;
  return before?.[1] !== "online" && after === "cut";
}
