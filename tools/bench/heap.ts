// Part `heap`: what each profile takes of the engine's heap on the 32-bit build, in virtual time. The figures repeat exactly.

import { has32BitParts } from "../lib/host_packages.ts";
import type { HeapFigures } from "../sim/board_protocol.ts";
import { surroundingsOf } from "../sim/surroundings.ts";
import { measuredDevice, measuredProfiles, mqttProfiles } from "./device.ts";
import type { Figure, Part } from "./figure.ts";
import { type MeasuredPeripheral, measuredPeripheral } from "./peripheral.ts";

/** After power-on: past the random delay, the start-up order, the meter's start and the first minute's window. */
export const CONNECTED_MS = 120_000;
export const HOUR_MS = 3_600_000;
const BOOT_LIMIT_MS = 60_000;

/** Why there are no heap figures on this machine; undefined when there are. */
export async function heapIsMissing(): Promise<string | undefined> {
  if (await has32BitParts()) return undefined;
  return "the 32-bit build cannot be made here (x86-64 with the 32-bit C library and mbedTLS can; bun run setup tells how)";
}

export interface HeapRun {
  /** When the bundle had been evaluated. */
  boot: HeapFigures;
  /** At the moments asked for, when the firmware was idle. */
  moments: HeapFigures[];
  /** How often the firmware had gone idle by then. */
  idles: number[];
}

/** What fails on the way, and when, in ms of virtual time from power-on. */
export interface Failure {
  what: "broker" | "network";
  atMs: number;
  forMs: number;
}

/** Runs a device of the profile up to the last of `momentsMs` (ascending, ms of virtual time from power-on). It has to connect by the first.
 * With `failures` its parts are around it, too. */
export async function runHeap(
  profile: string,
  momentsMs: readonly number[],
  failures?: readonly Failure[],
): Promise<HeapRun> {
  const device = await withItsEnd(profile, ["--count-heap"]);
  const { machine, world } = device;
  if (failures !== undefined) surroundingsOf(profile, machine.board);
  try {
    const heap = (): HeapFigures => {
      if (machine.heap === undefined) throw new Error(`the firmware of profile ${profile} told no heap figures`);
      return machine.heap;
    };
    const onUs = world.clock.nowUs;
    await machine.powerOn();
    await world.until(() => machine.idles > 0, BOOT_LIMIT_MS);
    const run: HeapRun = { boot: heap(), moments: [], idles: [] };
    const bootMs = (world.clock.nowUs - onUs) / 1000;
    for (const { what, atMs, forMs } of failures ?? [])
      for (const working of [false, true])
        world.clock.at(onUs + (atMs + (working ? forMs : 0)) * 1000, () => {
          const release = world.hold();
          void device.works(what, working).finally(release);
        });
    for (const momentMs of momentsMs)
      world.clock.at(onUs + momentMs * 1000, () => {
        run.moments.push(heap());
        run.idles.push(machine.idles);
      });
    await world.runFor(Math.max(...momentsMs) - bootMs + 1);
    if (!device.connected()) throw new Error(`the device of profile ${profile} did not connect`);
    return run;
  } finally {
    await device.close();
  }
}

/** The device with what it connects to: a broker, or a central. */
async function withItsEnd(profile: string, args: string[]): Promise<Omit<MeasuredPeripheral, "post">> {
  if (!mqttProfiles().includes(profile)) return measuredPeripheral(profile, args);
  const { bench, seen, close } = await measuredDevice({ profile, variant: { m32: true }, args });
  const { machine, world, broker } = bench;
  const connected = () => seen.some((each) => each.topic === "LWT" && each.payload === "online");
  const works: MeasuredPeripheral["works"] = async (what, working) => {
    if (what === "network") machine.board.setNetwork(working);
    else await (working ? broker?.resume() : broker?.stop());
  };
  return { machine, world, connected, works, close };
}

export const heapPart: Part = {
  name: "heap",
  title: "bytes on the engine's heap, 32-bit build",
  async *measure(say) {
    const missing = await heapIsMissing();
    if (missing !== undefined) {
      say(`heap is left out: ${missing}`);
      return;
    }
    for (const profile of measuredProfiles()) {
      say(`heap: ${profile}, an hour of its time`);
      const { boot, moments } = await runHeap(profile, [CONNECTED_MS, HOUR_MS]);
      const [connected, hour] = moments as [HeapFigures, HeapFigures];
      const figure = (name: string, value: number, method: string): Figure => ({
        key: `heap.${profile}.${name}`,
        value,
        unit: "B",
        method,
        better: "lower",
      });
      yield figure("bootBytes", boot.live, "asked for and not given back, after evaluation");
      yield figure(
        "connectedBytes",
        connected.live,
        "the same 2 min after power-on, or when it last went to sleep before",
      );
      yield figure("hourBytes", hour.live, "the same after a simulated hour");
      yield figure("peakBytes", hour.peak, "the most at any moment of that hour");
      yield figure("chipBytes", connected.gross, "connected, with what ESP-IDF's allocator adds");
      yield figure("largestBlockBytes", hour.largest, "the largest single block asked for");
    }
  },
};
