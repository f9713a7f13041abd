// `bun run coverage`: what `bun test --coverage` left behind, for device/ and profiles/: the share of lines that ran, and for each file
// with lines that did not the reason. The reasons are tests/uncovered.json's.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { main } from "./lib/cli.ts";
import { UserError } from "./lib/errors.ts";
import { BUILD, ROOT } from "./lib/paths.ts";

/** Of all lines of device/ and profiles/ together. */
const LINES_MIN = 0.95;
const REPORT = join(BUILD, "coverage", "lcov.info");

export interface FileCoverage {
  file: string;
  lines: number;
  ran: number;
  /** Numbers of the lines that did not run. */
  missed: number[];
}

/** Reads lcov's format (geninfo(1)): SF names a file, DA is `line,count`. Only files of device/ and profiles/ of this checkout. */
export function readLcov(text: string): FileCoverage[] {
  const files: FileCoverage[] = [];
  let current: FileCoverage | undefined;
  for (const line of text.split("\n")) {
    if (line.startsWith("SF:")) {
      const file = line.slice(3);
      current = /^(device|profiles)\//.test(file) ? { file, lines: 0, ran: 0, missed: [] } : undefined;
      if (current !== undefined) files.push(current);
    } else if (line.startsWith("DA:") && current !== undefined) {
      const [number = 0, count = 0] = line.slice(3).split(",").map(Number);
      current.lines++;
      if (count > 0) current.ran++;
      else current.missed.push(number);
    }
  }
  return files.sort((a, b) => (a.file < b.file ? -1 : 1));
}

/** `3-5, 9` for 3, 4, 5, 9. */
export function ranges(numbers: readonly number[]): string {
  const parts: [number, number][] = [];
  for (const number of numbers) {
    const last = parts.at(-1);
    if (last !== undefined && last[1] === number - 1) last[1] = number;
    else parts.push([number, number]);
  }
  return parts.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(", ");
}

export const program = new Command("coverage")
  .description("Tells how much of device/ and profiles/ the last `bun test --coverage` ran, and why not the rest.")
  .option("--json", "one JSON object")
  .addHelpText(
    "after",
    `\nExample:\n  bun test --coverage && bun run coverage\nExit codes: 0, 1 below ${LINES_MIN * 100} %, 2 wrong usage.`,
  )
  .action((options: { json?: boolean }) => show(options.json === true));

function show(json: boolean): void {
  if (!existsSync(REPORT)) throw new UserError("There is no report yet: `bun test --coverage` makes one.");
  const files = readLcov(readFileSync(REPORT, "utf8"));
  const reasons = JSON.parse(readFileSync(join(ROOT, "tests", "uncovered.json"), "utf8")) as Record<string, string>;
  const [lines, ran] = files.reduce(([all, some], each) => [all + each.lines, some + each.ran], [0, 0] as [
    number,
    number,
  ]);
  const share = lines === 0 ? 0 : ran / lines;
  const missed = files
    .filter((each) => each.missed.length > 0)
    .map((each) => ({ ...each, reason: reasons[each.file] ?? "no reason is given" }));
  if (json) console.log(JSON.stringify({ lines, ran, share, missed }));
  else {
    for (const { file, missed: numbers, reason } of missed) console.log(`${file}:${ranges(numbers)}: ${reason}`);
    console.log(`device/ and profiles/: ${ran} of ${lines} lines ran, ${(share * 100).toFixed(1)} %`);
  }
  if (share < LINES_MIN) throw new UserError(`That is below ${LINES_MIN * 100} %. Were all tests run?`);
}

if (import.meta.main) await main(program);
