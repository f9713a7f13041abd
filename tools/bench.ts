// `bun run bench`: measures the checkout and shows the committed run beside. What is measured is tools/bench/, one file a part.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import Table from "cli-table3";
import { Command } from "commander";
import pc from "picocolors";
import { bootPart } from "./bench/boot.ts";
import { writeBudget } from "./bench/budget.ts";
import { dayPart } from "./bench/day.ts";
import { devPart } from "./bench/dev.ts";
import { editsPart } from "./bench/edits.ts";
import { type Figure, numberAt, type Part, ratioOf, replaceParts, type Tree, toTree } from "./bench/figure.ts";
import { fleetPart } from "./bench/fleet.ts";
import { heapPart } from "./bench/heap.ts";
import { housePart } from "./bench/house.ts";
import { latencyPart } from "./bench/latency.ts";
import { loopPart } from "./bench/loop.ts";
import { mailPart } from "./bench/mail.ts";
import { netnowPart } from "./bench/netnow.ts";
import { otaPart } from "./bench/ota.ts";
import { simPart } from "./bench/sim.ts";
import { sizePart } from "./bench/size.ts";
import { main, progress } from "./lib/cli.ts";
import { UsageError } from "./lib/errors.ts";
import { ROOT } from "./lib/paths.ts";

const PARTS: readonly Part[] = [
  heapPart,
  sizePart,
  bootPart,
  otaPart,
  devPart,
  editsPart,
  mailPart,
  loopPart,
  latencyPart,
  fleetPart,
  simPart,
  dayPart,
  housePart,
  netnowPart,
];
/** The committed run that is shown beside. */
const PREVIOUS = join(ROOT, "docs", "bench.json");

interface Options {
  json?: boolean;
  save?: boolean;
  budget?: boolean;
}

interface Previous {
  /** Where it ran; times of another machine compare badly. */
  machine: string;
  figures: Tree;
}

const program = new Command("bench")
  .description(`Measures this checkout. Parts: ${PARTS.map((part) => `${part.name} (${part.title})`).join(", ")}.`)
  .argument("[part...]", "what to measure; default: everything; day and house take minutes each")
  .option("--json", "print one JSON object instead of the table")
  .option("--save", "put the figures into docs/bench.json, which later runs show beside theirs")
  .option("--budget", "put heap and bundle sizes into profiles/budget.json, from which the tests allow no growth")
  .addHelpText("after", "\nExample: bun run bench heap size")
  .action((names: string[], options: Options) => run(names, options));

async function run(names: readonly string[], options: Options): Promise<void> {
  const unknown = names.find((name) => !PARTS.some((part) => part.name === name));
  if (unknown !== undefined)
    throw new UsageError(`There is no part "${unknown}": take some of ${PARTS.map((part) => part.name).join(", ")}.`);
  if (options.budget && !(names.includes("heap") && names.includes("size")))
    throw new UsageError("--budget takes the parts heap and size: bun run bench heap size --budget");
  const parts = PARTS.filter((part) => names.length === 0 || names.includes(part.name));
  const figures: Figure[] = [];
  for (const [index, part] of parts.entries())
    for await (const figure of part.measure((line) => progress(`${index + 1}/${parts.length}  ${line} ...`)))
      figures.push(figure);
  const tree = toTree(figures);
  const previous = readPrevious();
  if (options.json) console.log(JSON.stringify(tree));
  else show(figures, previous);
  if (options.budget) writeBudget(figures);
  if (!options.save) return;
  const saved: Previous = { machine: machine(), figures: replaceParts(previous?.figures ?? {}, tree) };
  writeFileSync(PREVIOUS, `${JSON.stringify(saved, null, 2)}\n`);
}

function readPrevious(): Previous | undefined {
  return existsSync(PREVIOUS) ? (JSON.parse(readFileSync(PREVIOUS, "utf8")) as Previous) : undefined;
}

function machine(): string {
  const all = cpus();
  return `${all[0]?.model.trim() ?? "unknown processor"}, ${all.length} cores`;
}

function show(figures: readonly Figure[], previous: Previous | undefined): void {
  const table = new Table({
    head: ["figure", "now", "before", "ratio", "how it was taken"],
    colAligns: ["left", "right", "right", "right", "left"],
    colWidths: [null, null, null, null, METHOD_WIDTH],
    wordWrap: true,
    style: { head: [], border: [] },
  });
  for (const figure of figures) {
    const before = previous === undefined ? undefined : numberAt(previous.figures, figure.key);
    const compared = ratioOf(figure, before);
    const paint = compared === undefined || compared.ratio === 1 ? String : compared.good ? pc.green : pc.red;
    table.push([
      figure.key,
      `${number(figure.value)} ${figure.unit}`,
      before === undefined ? "-" : number(before),
      compared === undefined ? "-" : paint(compared.ratio.toFixed(2)),
      figure.method,
    ]);
  }
  console.log(table.toString());
  if (previous !== undefined) console.log(`before: ${previous.machine}; now: ${machine()}`);
}

const METHOD_WIDTH = 60;

function number(value: number): string {
  return value.toLocaleString("en", { maximumFractionDigits: 3 });
}

export { program };

if (import.meta.main) await main(program);
