// Proves the energy meter as a device: main.ts with the whole framework on a chip in memory, a meter on its UART and a broker beside it.

import { afterAll, expect, test } from "bun:test";
import { config } from "../../profiles/energy/config.ts";
import { Board } from "../../tools/sim/board.ts";
import { SimClock } from "../../tools/sim/clock.ts";
import { MemoryChip } from "../../tools/sim/memory_native.ts";
import { MemoryNet } from "../../tools/sim/memory_net.ts";
import { TinyBroker } from "../../tools/sim/tiny_broker.ts";
import { profileProgram } from "../support/profile_device.ts";
import { AnsweringMeter, reading } from "../support/pzem_answers.ts";

const MINUTE_MS = 60_000;
const sample = `${import.meta.dir}/../../profiles/energy/config.sample.txt`;

interface Device {
  chip: MemoryChip;
  meter: AnsweringMeter;
  broker: TinyBroker;
  cpu: number[];
  /** What was published on stat/Meter/`name` since the last look, oldest first. */
  of(name: string): string[];
}

const chips: MemoryChip[] = [];
afterAll(async () => {
  for (const chip of chips) await chip.close();
});

function device(machine = "esp32", uart = 2): Device {
  const board = new Board(new SimClock());
  board.network.ip = "10.0.0.2";
  const net = new MemoryNet(board.clock);
  const broker = new TinyBroker(net, "10.0.0.1");
  const meter = new AnsweringMeter(board, uart);
  const cpu: number[] = [];
  board.observe((event) => {
    if (event.kind === "cpu") cpu.push(event.mhz);
  });
  const chip = new MemoryChip({
    board,
    net,
    program: profileProgram("energy"),
    onBoot: (native) => {
      native.machine = () => machine;
    },
  });
  const text = "ssid home\npassword secret\nmqttbroker 10.0.0.1\nmqttname Meter\nwatchdog 1\n";
  chip.files.set("config.txt", new TextEncoder().encode(text));
  chips.push(chip);
  chip.start();
  const of = (name: string): string[] => {
    const mine = broker.seen.filter((each) => each.topic === `stat/Meter/${name}`);
    for (const each of mine) expect(each.retain).toBe(name === "LWT");
    return mine.map((each) => new TextDecoder().decode(each.payload));
  };
  return { chip, meter, broker, cpu, of };
}

test("a device of the old fleet's configuration connects, measures and publishes each window", () => {
  const { chip, cpu, of } = device();
  chip.run(3 * MINUTE_MS);
  expect(cpu).toEqual([80]);
  expect(of("LWT")).toEqual(["online"]);
  expect(of("Malfunction")).toEqual(["0"]);
  expect(of("V").length).toBe(2);
  for (const [name, text] of Object.entries({
    V: "230.0",
    Vmin: "230.0",
    Vmax: "230.0",
    A: "1.00",
    Amax: "1.00",
    W: "200.0",
    VA: "230.0",
  })) {
    expect(of(name)).toEqual([text, text]);
  }
  expect(chip.resets).toEqual([]);
});

test("Malfunction follows within 5 s, is forced every 30 min, and ends after the retry", () => {
  const { chip, meter, of } = device();
  meter.next = () => undefined;
  chip.run(MINUTE_MS);
  expect(of("Malfunction")).toEqual(["0", "1"]);
  meter.next = () => reading({ volts: 230, amps: 1, watts: 200 });
  chip.run(11 * MINUTE_MS);
  expect(of("Malfunction")).toEqual(["0", "1", "0"]);
  meter.next = () => undefined;
  chip.run(READ_AND_LOOK_MS);
  expect(of("Malfunction")).toEqual(["0", "1", "0", "4"]);
  meter.next = () => reading({ volts: 230, amps: 1, watts: 200 });
  chip.run(11 * MINUTE_MS);
  expect(of("Malfunction")).toEqual(["0", "1", "0", "4", "0"]);
  chip.run(31 * MINUTE_MS);
  expect(of("Malfunction").length).toBeGreaterThan(4);
  expect(chip.resets).toEqual([]);
});

/** Four misses, then the next look. */
const READ_AND_LOOK_MS = 2500 + 5000;

test("Ticker and Refresh are heard", () => {
  const { chip, broker, of } = device();
  chip.run(2 * MINUTE_MS);
  const before = of("V").length;
  const say = (topic: string, payload: string, retain = false): void => broker.publish(topic, payload, retain);
  say("cmnd/Meter/Ticker", "on");
  chip.run(1100);
  expect(of("VAnow")).toEqual(["230.0", "230.0"]);
  say("cmnd/Meter/Ticker", "off");
  say("cmnd/Meter/Refresh", "");
  chip.run(1000);
  expect(of("V").length).toBe(before);
  say("cmnd/Meter/Refresh", "1");
  chip.run(1000);
  expect(of("V").length).toBe(before + 1);
  expect(of("VAnow").length).toBe(2);
});

test("the meter goes on while the broker is away", () => {
  const { chip, broker, of } = device();
  chip.run(2 * MINUTE_MS);
  const before = of("V").length;
  broker.stop();
  chip.run(3 * MINUTE_MS);
  broker.start();
  chip.run(2 * MINUTE_MS);
  expect(of("V").length).toBeGreaterThan(before);
  expect(chip.resets).toEqual([]);
});

test("the sample configuration fits the schema", async () => {
  const tokens: Record<string, string> = {};
  for (const line of (await Bun.file(sample).text()).split("\n")) {
    const [token, value, ...rest] = line.split(" ");
    expect(rest).toEqual([]);
    if (token && value && value !== "None") tokens[token] = value;
  }
  expect(config.safeParse(tokens).error).toBeUndefined();
});

test("on a chip with two UARTs the meter is on UART 1", () => {
  const { chip, of } = device("esp32c3", 1);
  chip.run(3 * MINUTE_MS);
  expect(of("V")).toEqual(["230.0", "230.0"]);
});
