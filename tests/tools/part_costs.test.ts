// What a bundle's classes and tables cost: found by a script made by hand and in a profile, and their heap as the 32-bit firmware has it.

import { expect, setDefaultTimeout, test } from "bun:test";
import { loadArtifact } from "../../tools/lib/artifacts.ts";
import { has32BitParts } from "../../tools/lib/host_packages.ts";
import { buildBundle } from "../../tools/lib/native_build.ts";
import { arrayHeapBytes, classHeapBytes, objectHeapBytes, partCosts } from "../../tools/lib/part_costs.ts";
import { logged } from "../support/script_on_device.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

/** Line 3 of the script is line 1 of a.ts, and so on. */
const SCRIPT = `(() => {
var n = 4;
class q { f = 1; constructor() {} run() { var not = [1]; return not; } get size() { return 2; } static make() {} }
var t = ["red", "green", [1, 2]];
var o = { a: 1, b: "two" };
var u = new Uint8Array(16);
var called = q.make();
})();
`;
const SOURCE = "class Lamp {\nconst COLOURS =\nexport const SIZES =\nlet buffer =\n";
const MAP = JSON.stringify({
  version: 3,
  sources: ["a.ts"],
  sourcesContent: [SOURCE],
  names: [],
  mappings: ";;AAAA;IACA;IACA;IACA",
});
const functions = JSON.stringify({
  functions: [
    { length: 10, name: "run", constants: 1, closures: 0, lineBytes: 3, lines: [[0, 3, 35]] },
    { length: 90, name: "", constants: 0, closures: 0, lineBytes: 3, lines: [[0, 2, 1]] },
  ],
});

test("classes and tables of the outermost level are found, with the names that the sources have", async () => {
  const parts = await partCosts({ script: SCRIPT, functions, map: MAP }, async (script) => script.length);
  const bare = "(() => { var table = 0; })();".length - 1;
  const added = (literal: string) => `(() => { var table = ${literal}; })();`.length - bare - 1;
  expect(parts).toEqual([
    {
      kind: "class",
      name: "Lamp",
      place: "a.ts:1",
      members: 4,
      bundleBytes: 10 + 68 + 8 + 3,
      heapBytes: 120 + 2 * 52 + 2 * 52 + 86 + 36,
    },
    {
      kind: "table",
      name: "buffer",
      place: "a.ts:4",
      members: 16,
      bundleBytes: added("new Uint8Array(16)"),
      heapBytes: 144,
    },
    {
      kind: "table",
      name: "COLOURS",
      place: "a.ts:2",
      members: 3,
      bundleBytes: added('["red", "green", [1, 2]]'),
      heapBytes: arrayHeapBytes(3) + arrayHeapBytes(2),
    },
    {
      kind: "table",
      name: "SIZES",
      place: "a.ts:3",
      members: 2,
      bundleBytes: added('{ a: 1, b: "two" }'),
      heapBytes: 112,
    },
  ]);
});

test("a profile's own class and a core module's table are among what `build` shows", async () => {
  const { name, header } = await buildBundle({ profile: "energy" });
  const kept = loadArtifact(name);
  if (kept === undefined) throw new Error("the artifact store has lost the bundle");
  const parts = await partCosts(kept, async (script) => script.length);
  const energy = parts.find((each) => each.name === "Energy");
  expect(energy?.place).toMatch(/^profiles\/energy\/energy\.ts:\d+$/);
  expect(energy?.bundleBytes).toBeGreaterThan(1000);
  expect(parts.find((each) => each.name === "REFUSALS")?.place).toMatch(/^device\/mqtt\.ts:\d+$/);
  const classes = parts.filter((each) => each.kind === "class").reduce((sum, each) => sum + each.bundleBytes, 0);
  expect(classes).toBeLessThan(header.bodyLength);
});

/** Each made once, as in a bundle: an object's second one would share its shape. */
const MADE: [string, number][] = [
  ["class {}", classHeapBytes({ methods: 0, accessors: 0, statics: 0, fields: false })],
  ["class { a() {} }", classHeapBytes({ methods: 1, accessors: 0, statics: 0, fields: false })],
  [
    "class { b() {} c() {} d() {} static e() {} }",
    classHeapBytes({ methods: 3, accessors: 0, statics: 1, fields: false }),
  ],
  [
    "class { f() {} g() {} h() {} i() {} j() {} k() {} l() {} m() {} n() {} o() {} p() {} q() {} }",
    classHeapBytes({ methods: 12, accessors: 0, statics: 0, fields: false }),
  ],
  [
    "class { get r() { return 1; } get s() { return 2; } }",
    classHeapBytes({ methods: 0, accessors: 2, statics: 0, fields: false }),
  ],
  ["class { t = 1; u = 2; }", classHeapBytes({ methods: 0, accessors: 0, statics: 0, fields: true })],
  ["[]", arrayHeapBytes(0)],
  ["[1, 2, 3]", arrayHeapBytes(3)],
  ["[1, 2, 3, 4, 5]", arrayHeapBytes(5)],
  [`[${"1, ".repeat(20)}]`, arrayHeapBytes(20)],
  ["({})", objectHeapBytes(0)],
  ["({ v: 1 })", objectHeapBytes(1)],
  ["({ w: 1, x: 2, y: 3, z: 4, aa: 5, ab: 6 })", objectHeapBytes(6)],
  ["({ ac: 1, ad: 2, ae: 3, af: 4, ag: 5, ah: 6, ai: 7, aj: 8, ak: 9, al: 10, am: 11, an: 12 })", objectHeapBytes(12)],
];

const MEASURE = `
const kept: unknown[] = Array.from({ length: 32 }, () => 0);
function measure(at: number, make: () => unknown) {
  native.collect();
  const before = native.heap()[0];
  kept[at] = make();
  native.log(String(native.heap()[0] - before));
}
// What is made on the first use of a kind of thing.
measure(31, () => class { warm() {} get up() { return 1; } static once = 2; field = 3; });
measure(30, () => ({ warmer: 1 }));
${MADE.map(([source], index) => `measure(${index}, () => ${source});`).join("\n")}
`;

test.skipIf(!(await has32BitParts()))(
  "what classes and tables are said to take of the heap is within a tenth of what the 32-bit firmware gives them",
  async () => {
    const measured = (await logged(MEASURE, { m32: true })).slice(2, -1).map(Number);
    expect(measured.length).toBe(MADE.length);
    for (const [index, [source, said]] of MADE.entries())
      expect([source, Math.abs((measured[index] as number) - said) <= said / 10]).toEqual([source, true]);
  },
);
