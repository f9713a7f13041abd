// Builds and runs a fuzz target in C: with clang's libFuzzer where there is one, else only the corpus, with the machine's compiler.

import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { hostPortSources } from "../lib/native_sources.ts";
import { BUILD, ROOT } from "../lib/paths.ts";
import { mustRun, run } from "../lib/run.ts";
import type { FuzzLimits, FuzzResult } from "./run_script.ts";

export interface CTarget {
  name: string;
  what: string;
  /** Beside the target's own file, native/test/fuzz/fuzz_NAME.c. */
  sources: readonly string[];
}

const NATIVE = join(ROOT, "native");
const SANITIZERS = "-fsanitize=address,undefined";
const FLAGS = `-std=gnu11 -D_GNU_SOURCE -g -O2 -Wall -Wextra -Werror -fno-sanitize-recover=all`.split(" ");
/** The longest input: an NVS area and some. */
const LENGTH_MAX = 4096;

export const C_TARGETS: readonly CTarget[] = [
  {
    name: "bundle",
    what: "bundle header and marks of a slot",
    sources: ["test/native_port.c", "test/native_bundles.c", "bundle_header.c", "slots.c", "digest.c"].map((name) =>
      join(NATIVE, name),
    ),
  },
  { name: "patch", what: "operations that make a bundle", sources: [join(NATIVE, "patch.c")] },
  { name: "nvs", what: "NVS records of the host port", sources: hostPortSources() },
];

let fuzzer: Promise<boolean> | undefined;

/** True when this machine's clang has libFuzzer. */
export function hasLibFuzzer(): Promise<boolean> {
  fuzzer ??= (async () => {
    if (Bun.which("clang") === null) return false;
    const source = "int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { return d == 0 && n > 0; }\n";
    const flags = ["-fsanitize=fuzzer,address", "-o", "/dev/null"];
    return (await run(["clang", "-x", "c", "-", ...flags], { stdin: source })).code === 0;
  })();
  return fuzzer;
}

export async function runC(target: CTarget, corpus: string, { seconds, runs, seed }: FuzzLimits): Promise<FuzzResult> {
  const startedMs = performance.now();
  const clang = await hasLibFuzzer();
  const folder = join(BUILD, "fuzz", target.name);
  mkdirSync(folder, { recursive: true });
  const program = await build(target, clang);
  const files = existsSync(corpus) ? readdirSync(corpus).map((name) => join(corpus, name)) : [];
  const limits = [`-max_total_time=${Math.ceil(seconds)}`, `-seed=${seed}`, `-max_len=${LENGTH_MAX}`];
  if (runs !== undefined) limits.push(`-runs=${runs}`);
  // What is found interesting on the way is kept in the folder for the next time; the corpus of the repository is only read.
  const options = [
    ...limits,
    "-close_fd_mask=1",
    "-print_final_stats=1",
    `-artifact_prefix=${folder}-`,
    folder,
    corpus,
  ];
  const ended = await run([program, ...(clang ? options : files)]);
  const count = /number_of_executed_units: (\d+)/.exec(ended.stderr)?.[1];
  const result: FuzzResult = {
    target: target.name,
    runs: clang ? Number(count ?? 0) : files.length,
    seconds: (performance.now() - startedMs) / 1000,
    files: files.length,
  };
  if (ended.code === 0) return result;
  const file = /Test unit written to (\S+)/.exec(ended.stderr)?.[1] ?? "";
  const what = ended.stderr
    .split("\n")
    .filter((line) => /does not hold|runtime error|^==\d+==ERROR|^SUMMARY/.test(line))
    .join("; ");
  return { ...result, finding: { what: what || ended.stderr.slice(-500), file } };
}

/** Runs one input; returns what the program says when it fails. */
export async function replayC(target: CTarget, file: string): Promise<string | undefined> {
  const ended = await run([await build(target, await hasLibFuzzer()), file]);
  return ended.code === 0 ? undefined : ended.stderr.trim();
}

async function build(target: CTarget, clang: boolean): Promise<string> {
  const program = join(BUILD, "fuzz", `fuzz_${target.name}`);
  const fuzz = join(NATIVE, "test", "fuzz");
  const sources = [join(fuzz, `fuzz_${target.name}.c`), ...target.sources, ...(clang ? [] : [join(fuzz, "replay.c")])];
  const compiler = clang ? ["clang", `${SANITIZERS},fuzzer`] : ["cc", SANITIZERS];
  const libraries = ["-lmbedcrypto", "-lpthread"];
  await mustRun(`Building the fuzz target ${target.name}`, [
    ...compiler,
    ...FLAGS,
    ...sources,
    "-o",
    program,
    ...libraries,
  ]);
  return program;
}
