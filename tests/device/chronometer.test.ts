// Proves that spans are measured on the native clock, short and long ones alike.

import { beforeEach, expect, test } from "bun:test";
import { Chronometer } from "../../device/chronometer.ts";
import type { MemoryChip } from "../../tools/sim/memory_native.ts";
import { freshNative } from "../support/fresh_native.ts";

let chip: MemoryChip;
beforeEach(() => {
  chip = freshNative();
});

test("a span counts from its beginning, with a fraction of a millisecond", () => {
  chip.run(1000);
  const span = new Chronometer();
  expect(span.elapsedMs()).toBe(0);
  chip.run(0.25);
  expect(span.elapsedMs()).toBeCloseTo(0.25, 6);
});

test("restart begins anew", () => {
  const span = new Chronometer();
  chip.run(5000);
  span.restart();
  chip.run(7);
  expect(span.elapsedMs()).toBeCloseTo(7, 6);
});

test("sixty days do not wrap, where 32 bits of milliseconds would", () => {
  const span = new Chronometer();
  const days60Ms = 60 * 86_400_000;
  chip.run(days60Ms);
  expect(span.elapsedMs()).toBe(days60Ms);
});
