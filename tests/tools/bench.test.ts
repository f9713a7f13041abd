// The bench as a command: what it prints, and what it makes of figures. No time is judged here.

import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { overBudget } from "../../tools/bench/budget.ts";
import { type Figure, median, numberAt, quantile, ratioOf, replaceParts, toTree } from "../../tools/bench/figure.ts";
import { has32BitParts } from "../../tools/lib/host_packages.ts";
import { ROOT } from "../../tools/lib/paths.ts";
import { run } from "../../tools/lib/run.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const bench = (...args: string[]) => run([process.execPath, join(ROOT, "tools", "bench.ts"), ...args]);
const figure = (key: string, value: number, better: "lower" | "higher" = "lower"): Figure => ({
  key,
  value,
  unit: "B",
  method: "counted",
  better,
});

test("--json prints one object with the asked part alone; progress goes to standard error", async () => {
  const { code, stdout, stderr } = await bench("size", "--json");
  expect(code).toBe(0);
  const tree = JSON.parse(stdout) as { size: Record<string, Record<string, number> | number> };
  expect(Object.keys(tree)).toEqual(["size"]);
  const energy = tree.size["energy"] as Record<string, number>;
  expect(energy["bundleBytes"]).toBeGreaterThan(1000);
  expect(tree.size["host64TextBytes"]).toBeGreaterThan(100_000);
  if (await has32BitParts()) expect(tree.size["host32TextBytes"]).toBeGreaterThan(100_000);
  else expect(stderr).toContain("left out");
  expect(stderr).toContain("1/1  size: energy");
});

test("the table has the figure's unit, the committed run's value and how it was taken", async () => {
  const { code, stdout } = await bench("size");
  expect(code).toBe(0);
  const row = stdout.split("\n").find((line) => line.includes("size.energy.bundleBytes"));
  expect(row).toMatch(/[\d,]+ B .*[\d,]+ .*\d\.\d\d.*as it is sent/);
});

test.skipIf(!(await has32BitParts()))("netnow: frames a second of both versions, each way, and the heap", async () => {
  const { code, stdout } = await bench("netnow", "--json");
  expect(code).toBe(0);
  const { netnow } = JSON.parse(stdout) as { netnow: Record<string, number> };
  const speeds = ["encode2", "decode2", "encode3", "decode3"].map((stage) => `${stage}PerSecond`);
  expect(Object.keys(netnow).sort()).toEqual([...speeds, "heapBytes"].sort());
  for (const speed of speeds) expect(netnow[speed]).toBeGreaterThan(0);
  expect(netnow["heapBytes"]).toBeGreaterThan(10_000);
});

test("a part that does not exist is a usage error that names those there are", async () => {
  const { code, stderr } = await bench("weight");
  expect(code).toBe(2);
  expect(stderr).toMatch(/"weight".*heap, size, boot, ota, dev, edits, mail, loop, latency, fleet, sim/);
});

test("figures become a tree and are found in it again", () => {
  const tree = toTree([figure("heap.energy.bootBytes", 1), figure("heap.energy.hourBytes", 2), figure("size.text", 3)]);
  expect(tree).toEqual({ heap: { energy: { bootBytes: 1, hourBytes: 2 } }, size: { text: 3 } });
  expect(numberAt(tree, "heap.energy.hourBytes")).toBe(2);
  expect(numberAt(tree, "heap.energy")).toBeUndefined();
  expect(numberAt(tree, "heap.display.hourBytes")).toBeUndefined();
  expect(() => toTree([figure("a.b", 1), figure("a.b", 2)])).toThrow("twice");
  expect(() => toTree([figure("a", 1), figure("a.b", 2)])).toThrow("below a number");
});

test("a saved part replaces the old one whole, the other parts stay", () => {
  const old = toTree([figure("heap.gone.bootBytes", 1), figure("ota.file60k.rtt0", 2)]);
  const fresh = toTree([figure("heap.energy.bootBytes", 3)]);
  expect(replaceParts(old, fresh)).toEqual({ heap: { energy: { bootBytes: 3 } }, ota: { file60k: { rtt0: 2 } } });
});

test("a ratio is good when the figure moved to its better side", () => {
  expect(ratioOf(figure("a", 50), 100)).toEqual({ ratio: 0.5, good: true });
  expect(ratioOf(figure("a", 50, "higher"), 100)).toEqual({ ratio: 0.5, good: false });
  expect(ratioOf(figure("a", 50), undefined)).toBeUndefined();
  expect(ratioOf(figure("a", 50), 0)).toBeUndefined();
});

test("median and quantiles are values that were measured", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2);
  expect(quantile([5, 1, 4, 2, 3], 0.99)).toBe(5);
  expect(quantile([5, 1, 4, 2, 3], 0.2)).toBe(1);
  expect(() => median([])).toThrow("no values");
});

test("growth above the budget's margin is said, with what to do", () => {
  const budget = { energy: { connectedBytes: 1000, bundleBytes: 2000 } };
  expect(overBudget(budget, "energy", "connectedBytes", 1030)).toBeUndefined();
  expect(overBudget(budget, "energy", "connectedBytes", 1031)).toMatch(/1031, 3.1 % above .*--budget/);
});

test("a profile without a budget of its own keeps what all have to", () => {
  expect(overBudget({}, "display", "connectedBytes", 100_000)).toBeUndefined();
  expect(overBudget({}, "display", "connectedBytes", 100_001)).toMatch(/100001, above the 100000 of all profiles/);
  expect(overBudget({}, "display", "bundleBytes", 188 * 1024 + 1)).toMatch(/--budget/);
});
