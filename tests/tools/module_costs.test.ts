// What a bundle's files cost: by a map made by hand, and for a profile of this checkout, where nothing may be lost or counted twice.

import { expect, setDefaultTimeout, test } from "bun:test";
import { has32BitParts } from "../../tools/lib/host_packages.ts";
import { functionHeapBytes, moduleCosts, REST } from "../../tools/lib/module_costs.ts";
import { buildBundle } from "../../tools/lib/native_build.ts";
import { logged } from "../support/script_on_device.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

/** One line: columns 0..9 are of a.ts, from 10 on of b.ts. */
const MAP = JSON.stringify({ version: 3, sources: ["a.ts", "b.ts"], names: [], mappings: "AAAA,UCAA" });

test("stretches go to their files, a function to the file that it begins in, the rest to nobody", () => {
  const functions = JSON.stringify({
    functions: [
      {
        length: 30,
        name: "",
        constants: 2,
        closures: 1,
        lineBytes: 5,
        lines: [
          [0, 1, 1],
          [12, 1, 11],
        ],
      },
      { length: 20, name: "b", constants: 0, closures: 0, lineBytes: 2, lines: [[0, 1, 15]] },
    ],
  });
  expect(moduleCosts(functions, MAP, 500)).toEqual([
    { module: "a.ts", functions: 1, bundleBytes: 12 + 68 + 3 * 8 + 5, heapBytes: 36 + 4 },
    { module: "b.ts", functions: 1, bundleBytes: 18 + 20 + 68 + 2, heapBytes: 36 },
    { module: REST, functions: 0, bundleBytes: 500 - 30 - 20 - 2 * 68 - 24 - 7, heapBytes: 0 },
  ]);
});

test("the files of a profile add up to its bundle", async () => {
  const { modules, header, functions } = await buildBundle({ profile: "energy" });
  expect(modules.reduce((sum, each) => sum + each.bundleBytes, 0)).toBe(header.bodyLength);
  expect(modules.reduce((sum, each) => sum + each.functions, 0)).toBe(functions);
  const mqtt = modules.find((each) => each.module === "device/mqtt.ts");
  expect(mqtt?.functions).toBeGreaterThan(20);
  expect(mqtt?.bundleBytes).toBeGreaterThan(1000);
  expect(modules.at(-1)?.module).toBe(REST);
});

const MEASURE = `
const COUNT = 32;
const kept: unknown[] = Array.from({ length: COUNT }, () => 0);
let outer = 1;
let other = 2;
function measure(make: () => unknown) {
  make();
  for (let index = 0; index < COUNT; index++) kept[index] = 0;
  native.collect();
  const before = native.heap()[0];
  for (let index = 0; index < COUNT; index++) kept[index] = make();
  native.log(String((native.heap()[0] - before) / COUNT));
}
measure(() => 0); // what this makes for itself
measure(() => () => 1);
measure(() => () => outer++);
measure(() => () => outer++ + other++);
`;

test.skipIf(!(await has32BitParts()))(
  "what a function is said to take of the heap is what the 32-bit firmware gives it",
  async () => {
    const measured = await logged(MEASURE, { m32: true });
    expect(measured.slice(1, -1).map(Number)).toEqual([0, 1, 2].map(functionHeapBytes));
  },
);
