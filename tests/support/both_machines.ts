// Runs a script as a bundle on the in-memory chip and on the host firmware, on boards that are set up alike, and hands out what it
// logged: what the two machines owe each other is that this is the same.

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildBundle, buildNative } from "../../tools/lib/native_build.ts";
import { Air } from "../../tools/sim/air.ts";
import { Board } from "../../tools/sim/board.ts";
import { SimClock } from "../../tools/sim/clock.ts";
import { HostMachine } from "../../tools/sim/host_machine.ts";
import { HostWorld } from "../../tools/sim/host_world.ts";
import { MemoryChip, scriptProgram } from "../../tools/sim/memory_native.ts";
import { MemoryNet } from "../../tools/sim/memory_net.ts";

/** What stands before every script. */
const PRELUDE = `
const tell = (...parts) => native.log("> " + parts.join(" "));
const hex = (bytes) => Array.from(bytes, (byte) => (byte + 256).toString(16).slice(1)).join("");
const unhex = (text) => Uint8Array.from({ length: text.length / 2 }, (_, at) => parseInt(text.slice(at * 2, at * 2 + 2), 16));
const code = (call) => { try { return call(); } catch (error) { return error.code; } };
const each = (take) => { for (let event; (event = native.nextEvent()) !== undefined;) take(event); };
`;
export const UNIQUE_ID = "0200000000aa";

/** Puts parts, timers and other radios around the chip, before it boots at time 0. */
export type SetUp = (board: Board, air: Air) => void;

export interface Machines {
  name: "in memory" | "host firmware";
  /** Runs `script` for `ms` of virtual time; what it told, and the resets in order. `bootPins`: outputs that its bundle names, low. */
  run(script: string, ms: number, setUp?: SetUp, bootPins?: number[]): Promise<{ told: string[]; resets: string[] }>;
}

export const MACHINES: readonly Machines[] = [
  { name: "in memory", run: runInMemory },
  { name: "host firmware", run: runOnHost },
];

function watch(board: Board): string[] {
  const told: string[] = [];
  board.observe((event) => {
    if (event.kind !== "log") return;
    if (event.line.startsWith("> ")) told.push(event.line.slice(2));
    else if (/exception|^!/.test(event.line)) told.push(event.line);
  });
  return told;
}

async function runInMemory(script: string, ms: number, setUp: SetUp = () => {}, bootPins: number[] = []) {
  const board = new Board(new SimClock());
  const air = new Air(board.clock);
  const told = watch(board);
  const program = scriptProgram(PRELUDE + script);
  const chip = new MemoryChip({ board, air, net: new MemoryNet(board.clock), program, uniqueId: UNIQUE_ID, bootPins });
  setUp(board, air);
  for (const pin of bootPins) board.setPinMode(pin, 3, 0);
  chip.start();
  chip.run(ms);
  await chip.close();
  return { told, resets: chip.resets };
}

async function runOnHost(script: string, ms: number, setUp: SetUp = () => {}, bootPins: number[] = []) {
  const world = new HostWorld("fast");
  const air = new Air(world.clock);
  const { machine, end } = await hostMachine(script, world, air, UNIQUE_ID, bootPins);
  const told = watch(machine.board);
  try {
    setUp(machine.board, air);
    await machine.powerOn();
    await world.runFor(ms);
    if (machine.failure !== undefined) told.push(machine.failure);
  } finally {
    await end();
  }
  return { told, resets: machine.resets };
}

/** Several host firmwares, each with its script, on one air; what each told. */
export async function runHosts(scripts: readonly string[], ms: number, setUp: (air: Air) => void, seed: number) {
  const world = new HostWorld("fast");
  const air = new Air(world.clock, seed);
  setUp(air);
  const ids = scripts.map((_, at) => `02000000000${at}`);
  const made = await Promise.all(scripts.map((script, at) => hostMachine(script, world, air, ids[at] as string)));
  const told = made.map(({ machine }) => watch(machine.board));
  try {
    for (const { machine } of made) await machine.powerOn();
    await world.runFor(ms);
  } finally {
    for (const { end } of made) await end();
  }
  return told;
}

async function hostMachine(script: string, world: HostWorld, air: Air, uniqueId: string, bootPins: number[] = []) {
  const folder = mkdtempSync(join(tmpdir(), "both-"));
  mkdirSync(join(folder, "source"));
  const entry = join(folder, "source", "main.ts");
  await Bun.write(entry, PRELUDE + script);
  const pins = bootPins.map((pin) => ({ pin, mode: 3, level: 0 }));
  await Bun.write(join(folder, "source", "boot_pins.ts"), `export const bootPins = ${JSON.stringify(pins)};`);
  const out = join(folder, "bundle.bin");
  const { bundle } = await buildBundle({ profile: "test", entry, out, store: join(folder, "store") });
  const { hearth } = await buildNative();
  const flashDir = join(folder, "flash");
  const machine = new HostMachine({ world, firmware: hearth, flashDir, air, uniqueId, seed: 1 });
  await machine.installBundle(bundle);
  const end = async () => {
    await machine.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { machine, end };
}
