// `bun run fuzz`: looks for inputs that decoders and parsers cannot take. The targets are tests/fuzz/targets/ and native/test/fuzz/, the
// known inputs tests/fuzz/corpus/TARGET/; what is found is kept under build/fuzz/ and runs again when its file is given.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import pc from "picocolors";
import type { ScriptTarget } from "../tests/fuzz/target.ts";
import { C_TARGETS, hasLibFuzzer, replayC, runC } from "./fuzz/run_c.ts";
import { type FuzzLimits, type FuzzResult, runScript } from "./fuzz/run_script.ts";
import { main, progress } from "./lib/cli.ts";
import { messageOf, UsageError, UserError } from "./lib/errors.ts";
import { BUILD, ROOT } from "./lib/paths.ts";

const CORPUS = join(ROOT, "tests", "fuzz", "corpus");

interface Options {
  seconds: number;
  seed?: number;
  input?: string;
  json?: boolean;
}

/** A target of either kind. */
export interface Target {
  name: string;
  what: string;
  fuzz(limits: FuzzLimits): Promise<FuzzResult>;
  /** Runs one file; returns what is wrong. */
  replay(file: string): Promise<string | undefined>;
}

/** All targets. The modules under test want a global `native` before they are read, so they are read here. */
export async function allTargets(): Promise<Target[]> {
  const { scriptTargets } = await import("../tests/fuzz/targets.ts");
  return [...scriptTargets.map(ofScript), ...C_TARGETS.map(ofC)];
}

export function ofScript(target: ScriptTarget): Target {
  return {
    name: target.name,
    what: target.what,
    fuzz: async (limits) => {
      const result = await runScript(target, corpusOf(target.name), limits);
      if (result.finding?.input !== undefined) result.finding.file = keep(result.finding.file, result.finding.input);
      return result;
    },
    replay: async (file) => {
      try {
        target.run(new Uint8Array(readFileSync(file)));
        return undefined;
      } catch (thrown) {
        return messageOf(thrown);
      }
    },
  };
}

function ofC(target: (typeof C_TARGETS)[number]): Target {
  return {
    name: target.name,
    what: target.what,
    fuzz: (limits) => runC(target, join(CORPUS, target.name), limits),
    replay: (file) => replayC(target, file),
  };
}

function corpusOf(name: string): Uint8Array[] {
  const folder = join(CORPUS, name);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .map((file) => new Uint8Array(readFileSync(join(folder, file))));
}

function keep(name: string, input: Uint8Array): string {
  const folder = join(BUILD, "fuzz");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), input);
  return join(folder, name);
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new UsageError(`--seconds takes a number above 0, not "${text}".`);
  return value;
}

function seed(text: string): number {
  const value = Number(text);
  if (!(Number.isInteger(value) && value >= 1 && value <= 0x7fffffff))
    throw new UsageError(`--seed takes a whole number from 1, not "${text}".`);
  return value;
}

const program = new Command("fuzz")
  .description(
    "Feeds decoders and parsers with broken input: the known files of tests/fuzz/corpus, then mutations of them.",
  )
  .argument("[target...]", "which (default: all, one after the other): bundle, cobs, link, mqtt, nvs, serial")
  .option("--seconds <n>", "how long for each target", seconds, 10)
  .option("--seed <n>", "makes the run of a target in TypeScript repeat (default: another one each time)", seed)
  .option("--input <file>", "run one target on this file only")
  .option("--json", "one JSON object per target and line")
  .addHelpText("after", "\nExample: bun run fuzz mqtt nvs --seconds 600")
  .action((names: string[], options: Options) => fuzz(names, options));

async function fuzz(names: readonly string[], options: Options): Promise<void> {
  const all = await allTargets();
  const unknown = names.find((name) => !all.some((target) => target.name === name));
  const known = all.map((target) => target.name).sort();
  if (unknown !== undefined) throw new UsageError(`There is no target "${unknown}": take some of ${known.join(", ")}.`);
  const chosen = all.filter((target) => names.length === 0 || names.includes(target.name));
  if (options.input !== undefined) return replay(chosen, options.input);
  if (chosen.some((each) => C_TARGETS.some((target) => target.name === each.name)) && !(await hasLibFuzzer()))
    progress(
      "clang with libFuzzer is not here (Debian 12: clang, libclang-rt-14-dev): C targets run their corpus only",
    );
  let found = 0;
  for (const target of chosen) {
    progress(`${target.name}: ${target.what}, ${options.seconds} s ...`);
    const one = options.seed ?? 1 + (Date.now() % 0x7fffffff);
    const result = await target.fuzz({ seconds: options.seconds, seed: one });
    if (result.finding !== undefined) found++;
    tell(result, one, options.json === true);
  }
  if (found > 0) throw new UserError(`Found something in ${found} of ${chosen.length} targets.`);
}

async function replay(chosen: readonly Target[], file: string): Promise<void> {
  const [target] = chosen;
  if (chosen.length !== 1 || target === undefined) throw new UsageError("--input takes one target.");
  if (!existsSync(file)) throw new UsageError(`There is no file ${file}.`);
  const wrong = await target.replay(file);
  if (wrong !== undefined) throw new UserError(wrong);
  console.log(`${target.name}: nothing wrong with ${file}`);
}

function tell({ finding, ...result }: FuzzResult, seedUsed: number, asJson: boolean): void {
  const shown = finding === undefined ? undefined : { what: finding.what, file: finding.file };
  if (asJson) {
    console.log(JSON.stringify({ ...result, seed: seedUsed, ...(shown === undefined ? {} : { finding: shown }) }));
    return;
  }
  const speed = Math.round(result.runs / result.seconds);
  console.log(`${result.target}: ${result.runs} inputs (${result.files} known), ${speed}/s, seed ${seedUsed}`);
  if (shown === undefined) return;
  console.log(pc.red(`  ${shown.what}`));
  console.log(`  again: bun run fuzz ${result.target} --input ${shown.file}`);
}

export { program };

if (import.meta.main) await main(program);
