// What happens in a simulation as events, in the two forms in which `bun run sim` shows them: a JSON object per line, and columns.

import pc from "picocolors";
import type { NetnowKeys } from "../../device/netnow_codec.ts";
import { tellFrame } from "../lib/entool_frames.ts";
import { BROADCAST } from "./air.ts";
import type { Bench } from "./bench.ts";
import type { Board } from "./board.ts";
import type { BrokerEvent } from "./broker.ts";
import type { BenchMachine } from "./machine.ts";

export type SimEvent = {
  /** Milliseconds since the simulation began, by the virtual clock. */ t: number;
  /** Which one of several devices. */ device?: string;
} & (
  | { kind: "publish"; topic: string; payload: string; retain: boolean }
  | { kind: "connect"; client: string }
  | { kind: "disconnect"; client: string }
  | { kind: "subscribe"; client: string; topics: string[] }
  | { kind: "pin"; pin: number; level: number }
  | { kind: "reset"; reason: string }
  | { kind: "net"; state: string }
  | { kind: "frame"; bus: `uart${number}`; toChip: boolean; hex: string }
  /** MACs are 12 hex digits; `far`: a radio of another process. */
  | { kind: "frame"; bus: "espnow"; from: string; to: string; channel: number; type: string; far: boolean; hex: string }
  | { kind: "flash"; operation: number; count: number }
  | { kind: "cpu"; mhz: number }
  | { kind: "log"; line: string }
);

/** Tells `each` everything that happens on the bench, in order, of ESP-NOW but the air. Returns a function that ends it. `device` is told
 * with what the first machine does. */
export function observeBench(bench: Bench<BenchMachine>, each: (event: SimEvent) => void, device?: string): () => void {
  const endBoard = observeDevice(bench, bench.machine.board, each, device);
  const endBroker = bench.broker?.observe((event) => each({ t: timeOf(bench), ...brokerEvent(event) }));
  return () => {
    endBoard();
    endBroker?.();
  };
}

/** What one device on it does. */
export function observeDevice(
  bench: Bench<BenchMachine>,
  board: Board,
  each: (event: SimEvent) => void,
  device?: string,
): () => void {
  const which = device === undefined ? {} : { device };
  return board.observe((event) => {
    const t = timeOf(bench);
    if (event.kind === "uart") {
      const hex = Buffer.from(event.bytes).toString("hex");
      each({ t, ...which, kind: "frame", bus: `uart${event.uart}`, toChip: event.toChip === true, hex });
    } else each({ t, ...which, ...event });
  });
}

/** Every frame of ESP-NOW, whether or not anybody hears it. */
export function observeAir(bench: Bench<BenchMachine>, each: (event: SimEvent) => void, keys: NetnowKeys): () => void {
  return bench.air.observe(({ from, to, channel, bytes }, far) => {
    const { type, refused } = tellFrame(keys, bytes);
    const hex = Buffer.from(bytes).toString("hex");
    const told = type ?? `refused ${refused}`;
    each({ t: timeOf(bench), kind: "frame", bus: "espnow", from, to, channel, type: told, far, hex });
  });
}

function timeOf(bench: Bench<BenchMachine>): number {
  return Math.round(bench.world.clock.nowUs / 1000);
}

function brokerEvent(event: BrokerEvent) {
  if (event.kind !== "publish") return event;
  return {
    kind: "publish" as const,
    topic: event.topic,
    payload: Buffer.from(event.payload).toString(),
    retain: event.retain,
  };
}

/** An event as a row of columns: device time, topic or kind, value. Undefined for what only floods a screen. `width` is that of the
 * middle column; a value that does not fit `columns` goes on below itself. */
export function describe(event: SimEvent, width: number, columns?: number): string | undefined {
  const time = formatTime(event.t);
  const named = (name: string) => (event.device === undefined ? name : `${event.device} ${name}`);
  const row = (name: string, value: string, paint: (text: string) => string, paintValue = plain) => {
    const left = time.length + 2 + Math.max(width, name.length) + 2;
    const folded = fold(value, columns === undefined ? Number.POSITIVE_INFINITY : columns - left);
    return `${pc.dim(time)}  ${paint(name.padEnd(width))}  ${folded.map(paintValue).join(`\n${" ".repeat(left)}`)}`;
  };
  switch (event.kind) {
    case "publish": {
      const paint = event.topic.startsWith("cmnd/") ? pc.magenta : event.topic.endsWith("/LWT") ? pc.yellow : pc.cyan;
      return row(event.topic, event.payload + (event.retain ? " (retained)" : ""), paint);
    }
    case "connect":
      return row("broker", `${event.client} connected`, pc.dim, pc.green);
    case "disconnect":
      return row("broker", `${event.client} is gone`, pc.dim, pc.yellow);
    case "reset":
      return row(named("reset"), event.reason, pc.dim, pc.yellow);
    case "net":
      return row(named("network"), event.state, pc.dim);
    case "frame":
      // What comes by itself every few seconds would hide the rest.
      if (event.bus !== "espnow" || event.type === "ts" || event.type === "v3 beacon") return undefined;
      return row(
        "espnow",
        `${event.from} > ${event.to === BROADCAST ? "all" : event.to}  ${event.type}`,
        pc.dim,
        pc.blue,
      );
    case "log":
      return row(named("log"), event.line, pc.dim, pc.dim);
    default:
      return undefined;
  }
}

function plain(text: string): string {
  return text;
}

const FOLD_MIN = 20;

/** Pieces of at most `width` characters, parted at a blank or comma where there is one near. */
export function fold(text: string, width: number): string[] {
  const pieces: string[] = [];
  let rest = text.replaceAll("\n", " ");
  const most = Math.max(width, FOLD_MIN);
  while (rest.length > most) {
    const near = Math.max(rest.lastIndexOf(" ", most - 1), rest.lastIndexOf(",", most - 1)) + 1;
    const end = near > most / 2 ? near : most;
    pieces.push(rest.slice(0, end));
    rest = rest.slice(end);
  }
  return [...pieces, rest];
}

/** `1d 02:03:04.567` */
export function formatTime(ms: number): string {
  const part = (value: number, digits = 2) => String(Math.floor(value)).padStart(digits, "0");
  const days = Math.floor(ms / 86_400_000);
  const clock = `${part((ms / 3_600_000) % 24)}:${part((ms / 60_000) % 60)}:${part((ms / 1000) % 60)}.${part(ms % 1000, 3)}`;
  return days > 0 ? `${days}d ${clock}` : clock;
}

/** Milliseconds of `500ms`, `90s`, `10m`, `2h`, `1d`; undefined when it is none of these. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  if (match === null) return undefined;
  const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match[2] as "ms" | "s" | "m" | "h" | "d"];
  const value = Number(match[1]) * unit;
  return value > 0 ? value : undefined;
}
