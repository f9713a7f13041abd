// Proves the flow meter: pulses to rate and volume, readings that cannot be, the counter's end, the glitch filter.

import { expect, test } from "bun:test";
import { Flow, glitchNs } from "../../profiles/h2o/flow.ts";

/** 10 pulses a second at 1 L/min, at most 30 L/min; a reading of `pulses` each second. */
function flow(...pulses: number[]): Flow {
  const made = new Flow(10, 30, 0, 0);
  let count = 0;
  pulses.forEach((each, index) => {
    count += each;
    made.take(count, (index + 1) * 1000);
  });
  return made;
}

test("the rate is that of a window of more than 5 s", () => {
  expect(flow(20, 20, 20, 20, 20).rate).toBe(0);
  expect(flow(20, 20, 20, 20, 20, 20).rate).toBe(2);
  expect(flow(0, 0, 0, 0, 0, 60).rate).toBe(1);
  expect(flow(...Array(6).fill(20), ...Array(6).fill(0)).rate).toBe(0);
});

test("the volume is pulses over the pulse rate, in minutes", () => {
  expect(flow(...Array(60).fill(10)).total).toBeCloseTo(1, 9);
  expect(flow(...Array(60).fill(100)).total).toBeCloseTo(10, 9);
});

test("a reading over the largest flow is ignored, whole", () => {
  const made = flow(10, 301, 10, 10, 10, 10);
  expect(made.ignored).toBe(1);
  expect(made.total).toBeCloseTo(50 / 10 / 60, 9);
  expect(made.rate).toBeCloseTo(50 / 6 / 10, 9);
  expect(flow(300).ignored).toBe(0);
});

test("the counter may come round", () => {
  const made = new Flow(10, 30, 0, 2 ** 32 - 5);
  made.take(5, 1000);
  expect(made.total).toBeCloseTo(10 / 10 / 60, 9);
  expect(made.ignored).toBe(0);
});

test("the filter is a quarter of the shortest half-pulse, as far as the counter can", () => {
  // 100 pulses/s at 1 L/min and 1000 L/min: half a pulse lasts 5 us.
  expect(glitchNs(100, 1000)).toBe(1250);
  expect(glitchNs(7.5, 30)).toBe(12_787);
});
