// An energy meter as an end-to-end test reaches it, whatever machine it runs on; machine_under_test.ts and board_rig.ts make it.

import { join } from "node:path";
import { ROOT } from "../../tools/lib/paths.ts";
import type { Bench } from "../../tools/sim/bench.ts";
import type { ResetReason } from "../../tools/sim/board.ts";
import type { SimEvent } from "../../tools/sim/events.ts";
import type { BenchMachine } from "../../tools/sim/machine.ts";

export interface ToolRun {
  code: number;
  out: string;
  err: string;
}

/** An energy meter on the machine, as a test can reach it. What the machine has no ability for throws. */
export interface Rig {
  /** Its mqttname. */
  readonly name: string;
  /** What a command's first argument calls it. */
  readonly device: string;
  readonly seen: SimEvent[];
  /** Lets time pass until an event from number `from` on is as asked; false after `limitMs` of the device's time. */
  saw(asked: (event: SimEvent) => boolean, from?: number, limitMs?: number): Promise<boolean>;
  published(topic: string, payload?: string): (event: SimEvent) => boolean;
  /** Publishes on cmnd/NAME/`sub`. */
  send(sub: string, payload: string): Promise<void>;
  powerOn(): Promise<void>;
  powerCut(): Promise<void>;
  setNetwork(available: boolean): void;
  /** A steady load on the meter. */
  load(volts: number, watts: number): void;
  /** Every reset since power came on first. */
  resets(): readonly ResetReason[];
  /** `bun run ota` with this bundle, to its end. */
  ota(bundle: Uint8Array): Promise<ToolRun>;
  /** A command that reaches the device over the network, to its end. */
  tool(command: string, ...args: string[]): Promise<ToolRun>;
  /** A file with this content on this PC, for such a command. */
  file(name: string, content: string | Uint8Array): Promise<string>;
  /** A command on its serial console, to its end. */
  serialTool(tool: string, ...args: string[]): Promise<ToolRun>;
  /** What the machine sits on, where that is in this process. */
  readonly bench: Bench<BenchMachine>;
  close(): Promise<void>;
}

/** Asks for a publication of the device `name`. */
export function publishedBy(name: string): Rig["published"] {
  return (topic, payload) => (event) =>
    event.kind === "publish" &&
    event.topic === `stat/${name}/${topic}` &&
    (payload === undefined || event.payload === payload);
}

/** `bun run NAME` as a user starts it; `watch` is handed all that it has printed whenever there is more. */
export async function runTool(name: string, args: string[], watch?: (out: string) => void): Promise<ToolRun> {
  const env = { ...process.env, NO_COLOR: "1" };
  const command = [process.execPath, join(ROOT, "tools", `${name}.ts`), ...args];
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe", env });
  const err = new Response(child.stderr).text();
  let out = "";
  for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
    out += piece;
    watch?.(out);
  }
  return { code: await child.exited, out, err: await err };
}
