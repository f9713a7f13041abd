// The budget of each profile: heap and bundle bytes that are committed, and by how much a change may exceed them without saying so.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../lib/errors.ts";
import { ROOT } from "../lib/paths.ts";
import type { Figure } from "./figure.ts";

const BUDGET = join(ROOT, "profiles", "budget.json");
/** Growth by more than this share asks for a change of the budget in the same commit. */
export const GROWTH_MAX = 0.03;
/** What a profile without an entry of its own has to keep: the heap that every one has, and its slot (partitions.csv). */
const FOR_ALL = { connectedBytes: 100_000, bundleBytes: 188 * 1024 } as const;
/** What has a budget, and which figure of the bench it is. */
const BUDGETED = { connectedBytes: "heap", bundleBytes: "size" } as const;

export type Budgeted = keyof typeof BUDGETED;
/** By profile; one whose heap is not measured has none for it. */
export type Budget = Record<string, Partial<Record<Budgeted, number>>>;

export function readBudget(): Budget {
  return JSON.parse(readFileSync(BUDGET, "utf8")) as Budget;
}

/** Replaces the budget by what was measured. */
export function writeBudget(figures: readonly Figure[]): void {
  const budget: Budget = {};
  for (const [name, part] of Object.entries(BUDGETED) as [Budgeted, string][])
    for (const figure of figures) {
      const [of, profile = "", what] = figure.key.split(".");
      if (of !== part || what !== name) continue;
      budget[profile] = { ...budget[profile], [name]: figure.value };
    }
  if (Object.values(budget).every((each) => each.connectedBytes === undefined))
    throw new UserError("The budget needs heap figures, which this machine cannot take (see above).");
  writeFileSync(BUDGET, `${JSON.stringify(budget, null, 2)}\n`);
}

/** What is wrong with a measured value, in words; undefined when it is within the budget. */
export function overBudget(budget: Budget, profile: string, what: Budgeted, value: number): string | undefined {
  const advice =
    "see whether it is worth it; then run `bun run bench heap size --budget` and commit profiles/budget.json";
  const allowed = budget[profile]?.[what];
  if (allowed === undefined) {
    const limit = FOR_ALL[what];
    return value <= limit
      ? undefined
      : `${profile}: ${what} is ${value}, above the ${limit} of all profiles: ${advice}`;
  }
  if (value <= allowed * (1 + GROWTH_MAX)) return undefined;
  const percent = ((value / allowed - 1) * 100).toFixed(1);
  return `${profile}: ${what} is ${value}, ${percent} % above its budget of ${allowed}: ${advice}`;
}
