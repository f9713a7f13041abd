// The tests of test262 that the language and the firmware's intrinsics cover: whatever the released engine passes, ours passes too. TEST262 is a checkout
// of test262, of which nothing is kept here; without it only the runner itself is tested.

import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildEngineBatch } from "../../tools/lib/native_build.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";
import { chooseTests, runCases } from "../support/test262.ts";

const TEST262 = process.env["TEST262"];
if (TEST262 === undefined)
  console.warn("test262 is left out: set TEST262 to a checkout of github.com/tc39/test262 to run it.");
setDefaultTimeout(TEST262 === undefined ? SLOW_TEST_MS : 20 * SLOW_TEST_MS);

/** What our engine does otherwise, and why (docs/decisions/0072). */
const DEVIATIONS: [RegExp, string][] = [
  [
    /^language\/computed-property-names\/class\/static\/method-(number|string|symbol)-order\.js$/,
    "`length` and `name` of a function are made on their first use, and come after its other keys",
  ],
  [/^language\/statements\/class\/definition\/fn-(length|name)-static-precedence-order\.js$/, "the same"],
  [/^built-ins\/Object\/(entries|keys)\/order-after-define-property-with-function\.js$/, "the same"],
];

const folder = mkdtempSync(join(tmpdir(), "hearth-test262-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A test in a checkout that is not test262's; `head` is the description in front of it. */
async function verdicts(head: string, script: string): Promise<[boolean, string | undefined][]> {
  mkdirSync(join(folder, "harness"), { recursive: true });
  await Bun.write(
    join(folder, "harness", "assert.js"),
    "function assert(good) { if (!good) throw new TypeError('not so'); }",
  );
  await Bun.write(join(folder, "harness", "sta.js"), "");
  await Bun.write(join(folder, "test", "language", "one.js"), `/*---\n${head}\n---*/\n${script}\n`);
  const { cases } = chooseTests(folder);
  const found = await runCases(await buildEngineBatch(false), folder, cases);
  return cases.map(({ strict }, index) => [strict, found[index]]);
}

test.each<[string, string, string, [boolean, string | undefined][]]>([
  [
    "one that holds",
    "flags: []",
    "assert(true);",
    [
      [false, undefined],
      [true, undefined],
    ],
  ],
  ["one that does not", "flags: [noStrict]", "assert(false);", [[false, "TypeError: not so"]]],
  [
    "one that holds in sloppy mode",
    "flags: []",
    "assert(this.x = 1); with ({}) {}",
    [
      [false, undefined],
      [true, "SyntaxError: invalid keyword: with"],
    ],
  ],
  [
    "one that must throw, and does",
    "flags: [raw]\nnegative:\n  phase: parse\n  type: SyntaxError",
    "let let;",
    [[false, undefined]],
  ],
  [
    "one that must throw, and does not",
    "flags: [onlyStrict]\nnegative:\n  phase: runtime\n  type: Error",
    "1;",
    [[true, "it ran, and did not throw Error"]],
  ],
  ["one that needs a promise", "flags: [async]", "", []],
])("the runner: %s", async (_, head, script, expected) => {
  expect(await verdicts(head, script)).toEqual(expected);
});

test.skipIf(TEST262 === undefined)("what the released engine passes, ours passes", async () => {
  const checkout = TEST262 ?? "";
  const { cases, left } = chooseTests(checkout);
  expect(cases.length).toBeGreaterThan(0);
  const released = await runCases(await buildEngineBatch(true), checkout, cases);
  const ours = await runCases(await buildEngineBatch(false), checkout, cases);
  const lost = cases.flatMap(({ test: { name }, strict }, index) => {
    const worse = released[index] === undefined && ours[index] !== undefined;
    return worse && !DEVIATIONS.some(([known]) => known.test(name)) ? [{ name, strict, why: ours[index] }] : [];
  });
  const passed = (all: (string | undefined)[]) => all.filter((each) => each === undefined).length;
  console.log(`${cases.length} runs: ${passed(released)} pass on the released engine, ${passed(ours)} on ours`);
  for (const [why, count] of left) console.log(`left out: ${count} tests, ${why}`);
  expect(lost).toEqual([]);
});
