// Proves every sentence of the reference on the energy meter, in virtual time, through the real driver and a UART.

import { beforeEach, describe, expect, test } from "bun:test";
import { Pzem } from "../../device/drivers/pzem.ts";
import { Loop } from "../../device/loop.ts";
import {
  Energy,
  MISSES_MAX,
  READ_MS,
  RETRY_MS,
  START_UP_MS,
  TICKER_MS,
  WINDOW_MS,
} from "../../profiles/energy/energy.ts";
import type { MemoryChip } from "../../tools/sim/memory_native.ts";
import { freshNative } from "../support/fresh_native.ts";
import { AnsweringMeter, exception, reading } from "../support/pzem_answers.ts";

let chip: MemoryChip;
let meter: AnsweringMeter;
let energy: Energy;
let published: string[];

beforeEach(() => {
  chip = freshNative();
  meter = new AnsweringMeter(chip.board, 2);
  published = [];
  const loop = new Loop();
  energy = new Energy(loop, new Pzem(2, 17, 16), (name, text) => published.push(`${name} ${text}`));
  loop.start();
  chip.run(0);
});

const damaged = (): number[] =>
  reading({ volts: 1, amps: 1, watts: 1 }).map((byte, index) => (index === 5 ? byte ^ 8 : byte));
const names = (): string[] => published.map((line) => line.split(" ")[0] as string);
/** Until the meter is being read, just after the address was found. */
function startReading(): void {
  chip.run(START_UP_MS + 40);
  expect(energy.malfunction).toBe(0);
}

describe("states", () => {
  test("the line is opened with 9600 baud", () => {
    expect(meter.baud).toBe(9600);
  });

  test("start-up takes 20 s", () => {
    chip.run(START_UP_MS - 1);
    expect(meter.askedMs).toEqual([]);
    chip.run(1);
    expect(meter.askedMs.length).toBe(1);
  });

  test("after the address is found it reads every 0.5 s", () => {
    startReading();
    const first = meter.askedMs.length;
    chip.run(10_000);
    const waits = meter.askedMs.slice(first).map((at, index) => at - (meter.askedMs[first + index - 1] as number));
    expect(waits.length).toBe(20);
    for (const wait of waits) expect(wait).toBeCloseTo(READ_MS, 3);
  });

  test("no answer at the start within 0.5 s is malfunction 1", () => {
    meter.next = () => undefined;
    chip.run(START_UP_MS + READ_MS - 1);
    expect(energy.malfunction).toBe(0);
    chip.run(1);
    expect(energy.malfunction).toBe(1);
  });

  test("an answer within 0.5 s is in time", () => {
    meter.next = () => {
      chip.clock.after((READ_MS - 1) * 1000, () =>
        chip.board.uartDeliver(2, new Uint8Array(reading({ volts: 230, amps: 1, watts: 1 }))),
      );
      return undefined;
    };
    chip.run(START_UP_MS + 30_000);
    expect([energy.malfunction, energy.misses]).toEqual([0, 0]);
  });

  test("a failure waits 10 min and starts again", () => {
    meter.next = () => undefined;
    chip.run(START_UP_MS + READ_MS);
    meter.next = () => reading({ volts: 230, amps: 1, watts: 1 });
    chip.run(RETRY_MS - 1);
    expect([meter.askedMs.length, energy.malfunction]).toEqual([1, 1]);
    chip.run(1 + 40);
    expect(energy.malfunction).toBe(0);
    expect(meter.askedMs.length).toBeGreaterThan(1);
  });

  test("no answer while reading is malfunction 4, after the forgiven misses", () => {
    startReading();
    meter.next = () => undefined;
    const before = meter.askedMs.length;
    chip.run(10_000);
    expect(energy.malfunction).toBe(4);
    expect(meter.askedMs.length - before).toBe(MISSES_MAX + 1);
    chip.run(RETRY_MS);
    expect(energy.malfunction).toBe(1);
  });

  test.each([
    ["silence", () => undefined],
    ["a damaged answer", damaged],
    ["an exception answer", () => exception(4)],
    ["a truncated answer", () => reading({ volts: 1, amps: 1, watts: 1 }).slice(0, 20)],
  ] as [string, () => number[] | undefined][])(
    "%s three times in a row is forgiven, and begins to count anew after a reading",
    (_name, bad) => {
      startReading();
      let turn = 0;
      meter.next = () => (turn++ % (MISSES_MAX + 1) < MISSES_MAX ? bad() : reading({ volts: 230, amps: 1, watts: 1 }));
      chip.run(60_000);
      expect(energy.malfunction).toBe(0);
      expect(energy.misses).toBeGreaterThan(80);
      meter.next = bad;
      chip.run(5000);
      expect(energy.malfunction).toBe(4);
    },
  );

  test.each([
    ["a damaged answer", damaged],
    ["an exception answer", () => exception(1)],
  ] as [string, () => number[]][])("%s at the start is malfunction 1", (_name, bad) => {
    meter.next = bad;
    chip.run(START_UP_MS + READ_MS);
    expect(energy.malfunction).toBe(1);
  });
});

describe("windows", () => {
  test("of 60 s: means of V, A, W, VA, extremes of V, the largest A, with their decimals", () => {
    let odd = false;
    meter.next = () => {
      odd = !odd;
      return odd ? reading({ volts: 220, amps: 2, watts: 400 }) : reading({ volts: 230.5, amps: 1.004, watts: 200.4 });
    };
    startReading();
    chip.run(WINDOW_MS - 100);
    expect(published).toEqual([]);
    chip.run(100);
    // 60 readings of each kind: VA is the mean of the products, (440 + 231.422) / 2.
    expect(published.map((line) => line.split(" "))).toEqual([
      ["V", expect.stringMatching(/^225\.[23]$/)],
      ["Vmin", "220.0"],
      ["Vmax", "230.5"],
      ["A", "1.50"],
      ["Amax", "2.00"],
      ["W", expect.stringMatching(/^300\.[0-9]$/)],
      ["VA", expect.stringMatching(/^33[5-6]\.[0-9]$/)],
    ]);
  });

  test("are published once each, and do not mix", () => {
    startReading();
    chip.run(WINDOW_MS);
    meter.next = () => reading({ volts: 240, amps: 3, watts: 700 });
    chip.run(WINDOW_MS);
    published.length = 0;
    chip.run(WINDOW_MS);
    expect(published).toEqual(["V 240.0", "Vmin 240.0", "Vmax 240.0", "A 3.00", "Amax 3.00", "W 700.0", "VA 720.0"]);
  });

  test("a failed meter publishes nothing", () => {
    startReading();
    meter.next = () => undefined;
    chip.run(RETRY_MS);
    expect(published).toEqual([]);
  });

  test("refresh says the last whole window again", () => {
    energy.refresh();
    expect(published).toEqual([]);
    startReading();
    chip.run(WINDOW_MS + 30_000);
    const window = [...published];
    expect(window.length).toBe(7);
    energy.refresh();
    expect(published).toEqual([...window, ...window]);
  });
});

describe("ticker", () => {
  test.each(["on", "1", "up"])("%s publishes every reading for a minute", (command) => {
    startReading();
    meter.next = () => reading({ volts: 231.2, amps: 1.236, watts: 250.4 });
    chip.run(1000);
    energy.tick(command);
    chip.run(500);
    expect(published).toEqual(["Vnow 231.2", "Anow 1.24", "Wnow 250.4", "VAnow 285.8"]);
    chip.run(TICKER_MS - 500);
    expect(names().filter((name) => name === "Vnow").length).toBe(120);
    published.length = 0;
    chip.run(10_000);
    expect(published).toEqual([]);
  });

  test.each(["off", "0", "down"])("%s ends it", (command) => {
    startReading();
    energy.tick("on");
    chip.run(1000);
    energy.tick(command);
    published.length = 0;
    chip.run(10_000);
    expect(published).toEqual([]);
  });

  test("asked for again it lasts a minute from then", () => {
    startReading();
    energy.tick("on");
    chip.run(30_000);
    energy.tick("on");
    published.length = 0;
    chip.run(40_000);
    expect(names().filter((name) => name === "Vnow").length).toBe(80);
  });

  test("anything else is ignored", () => {
    startReading();
    energy.tick("ON please");
    energy.tick("");
    chip.run(1000);
    expect(published).toEqual([]);
  });
});
