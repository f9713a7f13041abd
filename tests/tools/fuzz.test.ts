// A short run of every fuzz target, known inputs first; and that the runner finds what is there to be found, keeps it and finds it again.

import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { C_TARGETS, hasLibFuzzer } from "../../tools/fuzz/run_c.ts";
import { allTargets, ofScript } from "../../tools/fuzz.ts";
import { ROOT } from "../../tools/lib/paths.ts";
import { must } from "../fuzz/target.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const LIMITS = { seconds: 2, seed: 20260101 };

if (!(await hasLibFuzzer()))
  console.warn(
    "clang with libFuzzer is not here: the C targets run their known inputs only (Debian 12: clang, libclang-rt-14-dev)",
  );

const targets = await allTargets();

test("there is a target for each decoder, with known inputs", () => {
  expect(targets.map((each) => each.name).sort()).toEqual([
    "bundle",
    "cobs",
    "link",
    "mail",
    "mqtt",
    "nvs",
    "patch",
    "serial",
  ]);
  for (const { name } of targets)
    expect(readdirSync(join(ROOT, "tests", "fuzz", "corpus", name)).length).toBeGreaterThanOrEqual(4);
});

for (const target of targets)
  test(`${target.name}: ${target.what}`, async () => {
    const result = await target.fuzz(LIMITS);
    console.log(`${target.name}: ${result.runs} inputs, ${result.files} of them known`);
    expect(result.finding?.what ?? "").toBe("");
    const mutates = (await hasLibFuzzer()) || !C_TARGETS.some((each) => each.name === target.name);
    if (mutates) expect(result.runs).toBeGreaterThan(result.files);
    else expect(result.runs).toBe(result.files);
  });

test("what is found is kept and found again", async () => {
  const planted = ofScript({
    name: "cobs", // for its known inputs
    what: "a planted fault",
    run: (input) => must(input[3] !== 0x80, "the planted fault"),
  });
  const { finding } = await planted.fuzz({ ...LIMITS, seconds: 60 });
  expect(finding?.what).toBe("the planted fault");
  const file = finding?.file ?? "";
  expect(existsSync(file)).toBe(true);
  expect(await planted.replay(file)).toBe("the planted fault");
  rmSync(file);
});

test("a run repeats from its seed", async () => {
  const seen: string[][] = [];
  for (let run = 0; run < 2; run++) {
    const inputs: string[] = [];
    const target = ofScript({ name: "mqtt", what: "", run: (input) => void inputs.push(Bun.hash(input).toString()) });
    await target.fuzz({ seconds: 60, runs: 100, seed: 7 });
    seen.push(inputs);
  }
  expect(seen[0]).toHaveLength(105);
  expect(seen[0]).toEqual(seen[1] as string[]);
});
