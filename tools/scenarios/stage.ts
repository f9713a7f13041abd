// What a scenario is played on: an appliance on some machine with what is around it, and the trace of what it did.

import type { Board } from "../sim/board.ts";
import type { Picture } from "../sim/picture.ts";

/** What the device did. `stream` is a topic below stat/NAME/, `pin N`, `net`, `reset`, `cpu`, or `world` for what
 * was done to it; two machines owe each other the same streams. */
export interface TraceEntry {
  /** Milliseconds of the stage's time. */
  atMs: number;
  stream: string;
  value: string;
}

export interface Stage {
  /** The device's mqttname. */
  readonly name: string;
  /** Its address on its network; undefined when that is not known. */
  readonly ip: string | undefined;
  readonly nowMs: number;
  /** What the device says may be seen so much later than it was said, and the next one at once. */
  readonly lateMs: number;
  /** Told of everything that the device does from the first powerOn on. */
  onTrace: (entry: TraceEntry) => void;
  readonly board: Board | undefined;
  readonly picture: Picture | undefined;
  /** Runs `run` when so much time has passed. */
  after(ms: number, run: () => void): void;
  /** The same for a time in which nothing is done to the device. */
  pass(ms: number, run: () => void): void;
  publish(topic: string, payload: string, retain: boolean): void;
  /** Carries out a line of the world. Throws an Error for one that it does not know. */
  act(line: string): void;
  /** Gives power, if that is the stage's to give, and lets time pass until `ended`. */
  play(ended: () => boolean): Promise<void>;
  close(): Promise<void>;
}

/** Makes publications below stat/NAME/ entries of a trace, without what differs from machine to machine and from run to run: figures behind a
 * word, and pieces of a back trace. Undefined for what is none of the device's doing. */
export class Tracer {
  /** Inside of a line that came in pieces. */
  #pieces = false;

  entry(sub: string, payload: string, atMs: number): TraceEntry | undefined {
    if (sub === "LWT" && payload === "offline") return undefined; // the broker's, when it has noticed
    if (sub === "OTA") return { atMs, stream: sub, value: payload.replace(/^netstatus .*/, "netstatus") };
    if (sub.startsWith("Mail/")) return { atMs, stream: sub, value: "mail" }; // cipher text
    if (sub !== "Log") return { atMs, stream: sub, value: payload };
    if (this.#pieces) {
      this.#pieces = !payload.endsWith("}");
      return undefined;
    }
    this.#pieces = /^(version|exception|partitions) \{/.test(payload) && !payload.endsWith("}");
    const value = payload.replace(
      /^(version|partitions|exception|boots|heap|loop|dropped|espnow|link refused) .*/,
      "$1",
    );
    return { atMs, stream: sub, value };
  }
}
