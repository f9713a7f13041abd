// What a bundle's files cost: by a map made by hand, and for a profile of this checkout, where nothing may be lost or counted twice.

import { expect, setDefaultTimeout, test } from "bun:test";
import { moduleCosts, REST } from "../../tools/lib/module_costs.ts";
import { buildBundle } from "../../tools/lib/native_build.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

/** One line: columns 0..9 are of a.ts, from 10 on of b.ts. */
const MAP = JSON.stringify({ version: 3, sources: ["a.ts", "b.ts"], names: [], mappings: "AAAA,UCAA" });

test("stretches go to their files, a function to the file that it begins in, the rest to nobody", () => {
  const functions = JSON.stringify({
    functions: [
      {
        offset: 50,
        length: 30,
        name: "",
        constants: 2,
        closures: 1,
        lines: [
          [0, 1, 1],
          [12, 1, 11],
        ],
      },
      { offset: 80, length: 20, name: "b", constants: 0, closures: 0, lines: [[0, 1, 15]] },
    ],
  });
  expect(moduleCosts(functions, MAP, 200)).toEqual([
    { module: "b.ts", functions: 1, bundleBytes: 18 + 20, heapBytes: 64 + 48 + 16 },
    { module: "a.ts", functions: 1, bundleBytes: 12, heapBytes: 64 + 48 + 16 + 2 * 8 + 12 },
    { module: REST, functions: 0, bundleBytes: 150, heapBytes: 0 },
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
