// Runs a fuzz target in TypeScript: the corpus first, then mutations of it, until the time or the number is up or something is found.

import { createHash } from "node:crypto";
import type { ScriptTarget } from "../../tests/fuzz/target.ts";
import { messageOf } from "../lib/errors.ts";
import { repeatable } from "../sim/random.ts";
import { mutate } from "./mutate.ts";

export interface FuzzResult {
  target: string;
  /** Inputs that were run. */
  runs: number;
  seconds: number;
  /** Of the corpus. */
  files: number;
  /** What was found, and the input that shows it. */
  finding?: { what: string; input?: Uint8Array; file: string };
}

export interface FuzzLimits {
  seconds: number;
  /** Mutated inputs at most; default no limit. */
  runs?: number;
  seed: number;
}

/** Between two looks at the clock, and turns of the event loop. */
const BATCH = 64;

export async function runScript(
  target: ScriptTarget,
  corpus: readonly Uint8Array[],
  { seconds, runs: runsMax = Number.POSITIVE_INFINITY, seed }: FuzzLimits,
): Promise<FuzzResult> {
  const startedMs = performance.now();
  const random = repeatable(seed);
  let runs = 0;
  const result = (finding?: FuzzResult["finding"]): FuzzResult => ({
    target: target.name,
    runs,
    seconds: (performance.now() - startedMs) / 1000,
    files: corpus.length,
    ...(finding === undefined ? {} : { finding }),
  });
  for (;;) {
    const input = runs < corpus.length ? (corpus[runs] as Uint8Array) : mutate(corpus, random);
    runs++;
    try {
      target.run(input.slice());
    } catch (thrown) {
      const hash = createHash("sha256").update(input).digest("hex").slice(0, 12);
      return result({ what: messageOf(thrown), input, file: `${target.name}-${hash}` });
    }
    if (runs < corpus.length || runs % BATCH !== 0) {
      if (runs < corpus.length + runsMax) continue;
    }
    if (runs >= corpus.length + runsMax || performance.now() - startedMs >= seconds * 1000) return result();
    await new Promise<void>((done) => setImmediate(done));
  }
}
