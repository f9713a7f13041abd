// Proves the thermometers' filter against the textbook's formulas, written out.

import { expect, test } from "bun:test";
import { Kalman } from "../../profiles/termo/kalman.ts";

test("it follows predict and update, step by step", () => {
  const filter = new Kalman(20, 0.5, 10, 0.0625);
  let [x, p] = [20, 100];
  for (const [z, minutes] of [
    [20, 0],
    [21, 0.1],
    [19.5, 0.1],
    [25, 2],
  ] as const) {
    filter.update(z, minutes);
    p += 0.0625 * minutes;
    const k = p / (p + 0.25);
    x += k * (z - x);
    p *= 1 - k;
    expect(filter.value).toBeCloseTo(x, 12);
    expect(filter.sigma).toBeCloseTo(Math.sqrt(p), 12);
  }
});

test("a steady temperature narrows the estimate to what drift and sensor allow", () => {
  const filter = new Kalman(20, 0.5, 10, 0.0625);
  for (let count = 0; count < 1000; count++) filter.update(20, 1 / 12);
  // The stationary variance p after an update solves p = r(p + q) / (p + q + r).
  const [q, r] = [0.0625 / 12, 0.25];
  const stationary = (-q + Math.sqrt(q * q + 4 * q * r)) / 2;
  expect(filter.sigma).toBeCloseTo(Math.sqrt(stationary), 6);
});

test("noise is damped, a lasting change is followed", () => {
  const filter = new Kalman(20, 0.5, 10, 0.0625);
  for (let count = 0; count < 200; count++) filter.update(20 + (count % 2 === 0 ? 0.5 : -0.5), 1 / 12);
  expect(Math.abs(filter.value - 20)).toBeLessThan(0.1);
  for (let count = 0; count < 60; count++) filter.update(25, 1 / 12);
  expect(Math.abs(filter.value - 25)).toBeLessThan(0.1);
});
