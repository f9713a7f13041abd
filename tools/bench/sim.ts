// Part `sim`: how much faster than real time a simulated device runs, as a process and in memory, and how often it wakes.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { buildBundle } from "../lib/native_build.ts";
import { Board } from "../sim/board.ts";
import { SimClock } from "../sim/clock.ts";
import { Household } from "../sim/household.ts";
import { MemoryChip, scriptProgram } from "../sim/memory_native.ts";
import { MemoryNet } from "../sim/memory_net.ts";
import { PzemModel } from "../sim/models/pzem.ts";
import { TinyBroker } from "../sim/tiny_broker.ts";
import { measuredDevice } from "./device.ts";
import type { Part } from "./figure.ts";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const UART = 2;

export const simPart: Part = {
  name: "sim",
  title: "a simulated day against a real one",
  async *measure(say) {
    say("sim: a day in memory");
    yield {
      key: "sim.memoryTimes",
      value: Math.round(DAY_MS / (await memoryDay())),
      unit: "x",
      method: "times faster than real time: one energy meter in this process, a day",
      better: "higher",
    };
    say("sim: a day of the host firmware, about a minute");
    const device = await measuredDevice({ profile: "energy" });
    const { machine, world } = device.bench;
    try {
      let idles = 0;
      const beganMs = performance.now();
      await machine.powerOn();
      world.clock.at(HOUR_MS * 1000, () => {
        idles = -machine.idles;
      });
      world.clock.at(2 * HOUR_MS * 1000, () => {
        idles += machine.idles;
      });
      await world.runFor(DAY_MS);
      yield {
        key: "sim.hostTimes",
        value: Math.round(DAY_MS / (performance.now() - beganMs)),
        unit: "x",
        method: "times faster than real time: one energy meter as host firmware with its broker, a day",
        better: "higher",
      };
      yield {
        key: "sim.wakesPerHour",
        value: idles,
        unit: "1/h",
        method: "times that the energy meter's firmware woke up in its second hour",
        better: "lower",
      };
    } finally {
      await device.close();
    }
  },
};

/** Real milliseconds of one simulated day. */
async function memoryDay(): Promise<number> {
  const { artifact } = await buildBundle({ profile: "energy" });
  const board = new Board(new SimClock());
  board.network.ip = "10.0.0.2";
  const net = new MemoryNet(board.clock);
  const broker = new TinyBroker(net, "10.0.0.1");
  new Household(board.clock, new PzemModel(board, UART), 1);
  const program = scriptProgram(readFileSync(join(artifact, "bundle.js"), "utf8"));
  const chip = new MemoryChip({ board, net, program });
  chip.files.set("config.txt", Buffer.from("ssid a\npassword b\nmqttbroker 10.0.0.1\nmqttname bench\nwatchdog 1\n"));
  const beganMs = performance.now();
  chip.start();
  chip.run(DAY_MS);
  const tookMs = performance.now() - beganMs;
  const windows = broker.seen.filter((each) => each.topic === "stat/bench/VA").length;
  await chip.close();
  if (windows < 1000) throw new Error(`the meter in memory published ${windows} windows in a day`);
  return tookMs;
}
