// Tests of test262 (a folder that is not ours) on builds of the engine: reads a test's own description, chooses what a device's engine can be asked,
// and judges what engine_batch tells of each run.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

/** Below test/, what the language and the firmware's intrinsics (native/vm.c) cover. */
const FOLDERS = [
  "language",
  ..."Array ArrayBuffer ArrayIteratorPrototype BigInt Boolean DataView Error Function GeneratorFunction GeneratorPrototype Infinity"
    .concat(
      " Iterator JSON Map MapIteratorPrototype Math NaN NativeErrors Number Object Reflect Set SetIteratorPrototype String",
    )
    .concat(
      " StringIteratorPrototype Symbol ThrowTypeError TypedArray TypedArrayConstructors Uint8Array WeakMap WeakSet decodeURI",
    )
    .concat(" decodeURIComponent encodeURI encodeURIComponent eval global isFinite isNaN parseFloat parseInt undefined")
    .split(" ")
    .map((name) => `built-ins/${name}`),
];

/** Why a test is not run: what it needs is not on a device, or not in one context. First match. */
const REASONS: [string, (test: Test) => boolean][] = [
  ["a module: a bundle is one script", ({ flags }) => flags.includes("module")],
  ["asynchronous: no promises on a device", ({ flags }) => flags.includes("async")],
  ["dynamic import", ({ features }) => features.some((each) => each.startsWith("import") || each === "dynamic-import")],
  [
    "asynchronous: no promises on a device",
    ({ features, includes }) =>
      features.some((each) => /^(async|Promise|top-level-await)/.test(each)) || includes.includes("asyncHelpers.js"),
  ],
  [
    "an intrinsic that no device has",
    ({ features }) =>
      features.some((each) =>
        /^(regexp|RegExp|Proxy|proxy|Atomics|SharedArrayBuffer|WeakRef|FinalizationRegistry|Temporal|ShadowRealm)/.test(
          each,
        ),
      ),
  ],
  ["another realm", ({ features, text }) => features.includes("cross-realm") || text.includes("createRealm")],
  [
    "something of its host",
    ({ features, text }) =>
      features.includes("IsHTMLDDA") || /\$262\.(agent|IsHTMLDDA|AbstractModuleSource)/.test(text),
  ],
];

interface Test {
  /** Below test/. */
  name: string;
  text: string;
  flags: readonly string[];
  features: readonly string[];
  includes: readonly string[];
  negative: { phase: string; type: string } | undefined;
}

export interface Case {
  test: Test;
  strict: boolean;
}

export interface Chosen {
  cases: Case[];
  /** Tests that are not run, by reason. */
  left: Map<string, number>;
}

/** Of one run: undefined when it passed, else what went wrong. */
export type Verdict = string | undefined;

/** The tests below `folder` that a device's engine can be asked. */
export function chooseTests(folder: string, folders: readonly string[] = FOLDERS): Chosen {
  const chosen: Chosen = { cases: [], left: new Map() };
  const root = join(folder, "test");
  for (const path of folders
    .filter((name) => existsSync(join(root, name)))
    .flatMap((name) => filesIn(join(root, name)))) {
    const test = readTest(relative(root, path), readFileSync(path, "utf8"));
    const why = REASONS.find(([, applies]) => applies(test))?.[0];
    if (why !== undefined) {
      chosen.left.set(why, (chosen.left.get(why) ?? 0) + 1);
      continue;
    }
    const { flags } = test;
    if (!flags.includes("onlyStrict")) chosen.cases.push({ test, strict: false });
    if (!flags.includes("noStrict") && !flags.includes("raw")) chosen.cases.push({ test, strict: true });
  }
  return chosen;
}

function filesIn(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => name.endsWith(".js") && !name.includes("_FIXTURE"))
    .map((name) => join(folder, name))
    .sort();
}

function readTest(name: string, text: string): Test {
  const found = /\/\*---\r?\n?([\s\S]*?)---\*\//.exec(text)?.[1] ?? "";
  const said = (Bun.YAML.parse(found.replaceAll("\r", "\n")) ?? {}) as Partial<Test>;
  const { flags = [], features = [], includes = [], negative } = said;
  return { name, text, flags, features, includes, negative };
}

/** Runs all cases with one build of engine_batch, one after the other; a verdict for each. */
export async function runCases(engineBatch: string, folder: string, cases: readonly Case[]): Promise<Verdict[]> {
  const lines = cases.map(({ test, strict }, id) => {
    const harness = test.flags.includes("raw") ? [] : ["assert.js", "sta.js", ...test.includes];
    const paths = [...harness.map((each) => join(folder, "harness", each)), join(folder, "test", test.name)];
    return `${[id, strict ? "strict" : "sloppy", ...paths].join("\t")}\n`;
  });
  const stdin = new Blob(lines);
  const child = Bun.spawn([engineBatch], { stdin, stdout: "pipe", stderr: "pipe" });
  const errors = child.stderr.text();
  const verdicts: Verdict[] = cases.map(() => "it was not run");
  for (const line of (await child.stdout.text()).split("\n")) {
    const [id, outcome = "", name = "", text = ""] = line.split("\t");
    const found = line === "" ? undefined : cases[Number(id)];
    if (found !== undefined) verdicts[Number(id)] = judge(found.test, outcome, name, text);
  }
  if ((await child.exited) !== 0) throw new Error(`engine_batch ended with ${child.exitCode}: ${await errors}`);
  return verdicts;
}

function judge({ negative }: Test, outcome: string, name: string, text: string): Verdict {
  if (outcome === "died") return `it died: ${name}`;
  if (negative === undefined) return outcome === "ran" ? undefined : text || name;
  if (outcome === "ran") return `it ran, and did not throw ${negative.type}`;
  return name === negative.type ? undefined : `it threw ${name}, not ${negative.type}: ${text}`;
}
