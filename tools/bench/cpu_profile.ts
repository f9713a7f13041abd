// Reads what `bun --cpu-prof` writes: how much time was spent where, told by the place of the innermost function that has one.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

interface ProfileNode {
  id: number;
  /** Lines and columns count from 0. */
  callFrame: { functionName: string; url: string; lineNumber: number; columnNumber: number };
  children?: number[];
}

interface CpuProfile {
  nodes: ProfileNode[];
  samples: number[];
  /** Microseconds before each sample. */
  timeDeltas: number[];
}

/** Seconds by what `nameOf` makes of a function's place (lines and columns from 1); undefined asks its caller. */
export function secondsBy(
  profile: CpuProfile,
  nameOf: (url: string, line: number, column: number) => string | undefined,
  rest: string,
): Map<string, number> {
  const parents = new Map<number, ProfileNode>();
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  for (const node of profile.nodes) for (const child of node.children ?? []) parents.set(child, node);
  const names = new Map<number, string>();
  const nameAt = (id: number): string => {
    const known = names.get(id);
    if (known !== undefined) return known;
    const { url, lineNumber, columnNumber } = (nodes.get(id) as ProfileNode).callFrame;
    const parent = parents.get(id);
    const name = nameOf(url, lineNumber + 1, columnNumber + 1) ?? (parent === undefined ? rest : nameAt(parent.id));
    names.set(id, name);
    return name;
  };
  const seconds = new Map<string, number>();
  for (const [at, id] of profile.samples.entries()) {
    const name = nameAt(id);
    seconds.set(name, (seconds.get(name) ?? 0) + (profile.timeDeltas[at] ?? 0) / 1e6);
  }
  return seconds;
}

/** The one profile in a folder. */
export function readProfile(folder: string): CpuProfile {
  const [name, ...more] = readdirSync(folder).filter((each) => each.endsWith(".cpuprofile"));
  if (name === undefined || more.length > 0) throw new Error(`${folder} has ${more.length + 1} profiles, not one`);
  return JSON.parse(readFileSync(join(folder, name), "utf8")) as CpuProfile;
}
