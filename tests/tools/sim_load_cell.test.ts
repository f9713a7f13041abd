// Proves the HX711 with its load cell against the datasheet: rate, settling, sleep, range, and what the driver makes of it.

import { expect, test } from "bun:test";
import { Hx711 } from "../../device/drivers/hx711.ts";
import { parseAir } from "../../tools/sim/air_settings.ts";
import { Board } from "../../tools/sim/board.ts";
import { SimClock } from "../../tools/sim/clock.ts";
import { LoadCell } from "../../tools/sim/models/load_cell.ts";
import { freshNative } from "../support/fresh_native.ts";

function scale(kg = 2) {
  const board = new Board(new SimClock());
  const cell = new LoadCell(board, { data: 5, clock: 4 }, 1000, 500, kg);
  const chip = freshNative({ board });
  return { cell, chip, hx711: new Hx711(5, 4) };
}

test("settled 400 ms after power-up, then ten readings a second", () => {
  const { chip, hx711 } = scale();
  chip.run(399);
  expect(hx711.read()).toBeUndefined();
  chip.run(1);
  expect([hx711.read(), hx711.read()]).toEqual([2500, undefined]);
  chip.run(99);
  expect(hx711.read()).toBeUndefined();
  chip.run(1);
  expect(hx711.read()).toBe(2500);
});

test("it sleeps while the clock line is high, and settles anew behind that", () => {
  const { chip, hx711 } = scale();
  hx711.powerDown();
  chip.run(10_000);
  expect(hx711.read()).toBeUndefined();
  new Hx711(5, 4);
  chip.run(399);
  expect(hx711.read()).toBeUndefined();
  chip.run(1);
  expect(hx711.read()).toBe(2500);
});

test("loads below nothing are negative, and too much stays at the end of the range", () => {
  const { cell, chip, hx711 } = scale(-1);
  chip.run(400);
  expect(hx711.read()).toBe(-500);
  cell.kg = 1e6;
  chip.run(100);
  expect(hx711.read()).toBe(0x7fffff);
});

test("it trembles within its noise, and a dead one says nothing", () => {
  const { cell, chip, hx711 } = scale();
  cell.noiseKg = 0.1;
  const read = Array.from({ length: 20 }, () => {
    chip.run(400);
    return hx711.read() as number;
  });
  expect(Math.max(...read)).toBeLessThanOrEqual(2600);
  expect(Math.min(...read)).toBeGreaterThanOrEqual(2400);
  expect(new Set(read).size).toBeGreaterThan(5);
  cell.present = false;
  chip.run(400);
  expect(hx711.read()).toBeUndefined();
});

test("the settings of an air as a person writes them", () => {
  expect(parseAir("loss=30,delay=5,rssi=-80,channel=11,seed=7")).toEqual({
    settings: { loss: 0.3, delayUs: 5000, rssi: -80 },
    channel: 11,
    seed: 7,
  });
  for (const [text, said] of [
    ["loss=101", "loss takes a number from 0 to 100"],
    ["delay=", "delay takes a number"],
    ["channel=14", "1 to 13"],
    ["fog=1", "names are loss"],
    ["", "names are loss"],
  ] as const)
    expect(() => parseAir(text)).toThrow(said);
});
