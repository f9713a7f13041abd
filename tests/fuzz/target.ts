// What a fuzz target in TypeScript is: a function that takes any bytes and throws when a property does not hold.

export interface ScriptTarget {
  name: string;
  /** What is fuzzed, in a few words. */
  what: string;
  /** Throws for a finding. Keeps nothing from one input to the next. */
  run(input: Uint8Array): void;
}

/** Ends the run of a target: what was found wrong. */
export function must(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what);
}
