// What a measurement is made of, and its two forms: a tree of numbers for programs, rows with the run before beside for people.

/** One measured number. */
export interface Figure {
  /** Place in the JSON tree, e.g. `heap.energy.bootBytes`. The first word is the part. */
  key: string;
  value: number;
  unit: string;
  /** How it was taken, in a few words. */
  method: string;
  better: "lower" | "higher";
}

/** One part of the bench. */
export interface Part {
  name: string;
  /** What it measures, for --help. */
  title: string;
  /** Hands out figures as they come; `say` shows what is going on. */
  measure(say: (line: string) => void): AsyncGenerator<Figure>;
}

export interface Tree {
  [key: string]: number | Tree;
}

export function toTree(figures: readonly Figure[]): Tree {
  const tree: Tree = {};
  for (const { key, value } of figures) {
    const path = key.split(".");
    const last = path.pop() as string;
    let node = tree;
    for (const word of path) {
      const next = node[word] ?? {};
      if (typeof next === "number") throw new Error(`${key} lies below a number`);
      node[word] = next;
      node = next;
    }
    if (node[last] !== undefined) throw new Error(`${key} was measured twice`);
    node[last] = value;
  }
  return tree;
}

/** The number at `key`; undefined when there is none. */
export function numberAt(tree: Tree, key: string): number | undefined {
  let node: Tree | number | undefined = tree;
  for (const word of key.split(".")) node = typeof node === "object" ? node[word] : undefined;
  return typeof node === "number" ? node : undefined;
}

/** Puts the figures of `fresh` over those of `old`, part by part: a part that was measured again replaces the whole old one. */
export function replaceParts(old: Tree, fresh: Tree): Tree {
  return { ...old, ...fresh };
}

/** `value / before`, and whether that is for the better; undefined when there was nothing before. */
export function ratioOf(figure: Figure, before: number | undefined): { ratio: number; good: boolean } | undefined {
  if (before === undefined || before === 0) return undefined;
  const ratio = figure.value / before;
  return { ratio, good: figure.better === "lower" ? ratio <= 1 : ratio >= 1 };
}

/** The middle one of some values. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value that a share `q` (0..1) of the values lies at or below. */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) throw new RangeError("no values");
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)] as number;
}
