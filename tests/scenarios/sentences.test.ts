// Proves that no sentence of the reference is without a proof: a scenario, or a test elsewhere with the reason why.

import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../tools/lib/paths.ts";
import { proofs, SCENARIOS } from "../../tools/scenarios/all.ts";
import { ELSEWHERE, SENTENCES } from "../../tools/scenarios/sentences.ts";

test("each sentence has a scenario, or a test elsewhere and a reason", () => {
  const bare = proofs().filter(({ scenarios, elsewhere }) => scenarios.length === 0 && elsewhere === undefined);
  expect(bare.map((each) => `${each.sentence}: ${each.text}`)).toEqual([]);
});

test("the tests elsewhere are there, and each is about a sentence that there is", () => {
  for (const [sentence, { test: path }] of Object.entries(ELSEWHERE)) {
    expect(SENTENCES).toHaveProperty([sentence]);
    expect([path, existsSync(join(ROOT, path))]).toEqual([path, true]);
  }
});

test("scenarios name sentences that there are, and themselves once", () => {
  const names = SCENARIOS.map((each) => each.name);
  expect(new Set(names).size).toBe(names.length);
  for (const { name, proves } of SCENARIOS)
    for (const sentence of proves) expect([name, sentence, sentence in SENTENCES]).toEqual([name, sentence, true]);
});
