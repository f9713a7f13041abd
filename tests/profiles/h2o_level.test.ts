// Proves the tank's level: debouncing, percent, plausibility, and the configuration's list of sensors.

import { expect, test } from "bun:test";
import { EQUAL_READINGS, Level, parseSensors } from "../../profiles/h2o/level.ts";

const level = (...readings: number[]): Level => {
  const made = new Level([20, 40, 60, 80, 100]);
  for (const reading of readings) made.take(reading);
  return made;
};

test("the first reading counts at once", () => {
  expect(level().wet).toBe(undefined);
  expect(level(0b11).percent).toBe(40);
});

test("a change counts after four equal readings", () => {
  expect(EQUAL_READINGS).toBe(4);
  expect(level(0b11, 0b111, 0b111, 0b111).percent).toBe(40);
  expect(level(0b11, 0b111, 0b111, 0b111, 0b111).percent).toBe(60);
});

test("another reading in between starts the count anew", () => {
  expect(level(1, 3, 3, 3, 7, 3, 3, 3).percent).toBe(20);
  expect(level(1, 3, 3, 3, 1, 3, 3, 3).percent).toBe(20);
  expect(level(1, 3, 3, 3, 7, 3, 3, 3, 3).percent).toBe(40);
});

test("the level is that of the highest wet sensor, 0 when all are dry", () => {
  expect([0, 1, 3, 7, 15, 31].map((bits) => level(bits).percent)).toEqual([0, 20, 40, 60, 80, 100]);
  expect(level(0b10100).percent).toBe(100);
});

test("a wet sensor above a dry one is implausible", () => {
  for (let bits = 0; bits < 32; bits++) {
    expect(level(bits).implausible).toBe(![0, 1, 3, 7, 15, 31].includes(bits));
  }
});

test("the map names the sensors from the lowest", () => {
  expect(level(0b10011).map).toBe("1,1,0,0,1");
  expect(level(0).map).toBe("0,0,0,0,0");
});

test("lists of sensors", () => {
  expect(parseSensors("20,40,60")).toEqual([20, 40, 60]);
  expect(parseSensors("12.5")).toEqual([12.5]);
  for (const bad of [
    "",
    "20,",
    "a",
    "20,10",
    "20,20",
    "0,10",
    "50,101",
    Array.from({ length: 17 }, (_, i) => i + 1).join(),
  ])
    expect(parseSensors(bad)).toBe(undefined);
});
