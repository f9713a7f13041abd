// Bundles from small checkouts made for each test: the same bytes wherever they lie, and clear words for what cannot run.

import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ARTIFACTS_MAX, loadArtifact, storeArtifact } from "../../tools/lib/artifacts.ts";
import { type BuiltBundle, compileBundle } from "../../tools/lib/build_bundle.ts";
import { decodeBundle } from "../../tools/lib/bundle.ts";
import { importsLast } from "../../tools/lib/bundler.ts";
import { buildCompiler } from "../../tools/lib/native_build.ts";
import { ROOT } from "../../tools/lib/paths.ts";
import { readableTrace, traceFrames } from "../../tools/lib/trace.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hearth-build-"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A checkout with one profile `p`. */
function checkout(name: string, files: Record<string, string>): string {
  const root = join(folder, name);
  const all = {
    "package.json": '{"version":"1.2.3"}',
    "device/native.d.ts": "interface Native { log(x: string): void; }",
    ...files,
  };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

async function build(root: string): Promise<BuiltBundle> {
  return await compileBundle(await buildCompiler(), { profile: "p", root, store: join(folder, "store") });
}

const MAIN =
  'import { Greeter } from "../../device/greeter.ts";\n\nexport const greeter = new Greeter();\ngreeter.greet();\n';
const GREETER = [
  "export class Greeter {",
  "  count = 1;",
  "  greet(): void {",
  "    this.count++;",
  '    throw new Error("greeting " + this.count);',
  "  }",
  "}",
  "",
].join("\n");

test("a bundle has the header of its profile and the bytes of its sources", async () => {
  const root = checkout("a", {
    "profiles/p/main.ts": MAIN,
    "device/greeter.ts": GREETER,
    "profiles/p/boot_pins.ts": "export const bootPins = [{ pin: 25, mode: 3, level: 1 }];\n",
  });
  const built = await build(root);
  const decoded = decodeBundle(new Uint8Array(readFileSync(built.path)));
  if (typeof decoded === "string") throw new Error(decoded);
  expect(decoded.header).toMatchObject({ profile: "p", version: "1.2.3", bootPins: [{ pin: 25, mode: 3, level: 1 }] });
  expect(decoded.header.engineId).toBe((await buildCompiler()).engineId);
  expect(built.sourceBytes).toBe(MAIN.length + GREETER.length);
});

test("the same sources give the same bytes, map and functions in another checkout", async () => {
  const files = { "profiles/p/main.ts": MAIN, "device/greeter.ts": GREETER };
  const kept = ["bundle.bin", "bundle.js", "bundle.js.map", "functions.json", "meta.json"];
  const first = await build(checkout("a", files));
  const one = kept.map((name) => readFileSync(join(first.artifact, name), "utf8"));
  const second = await build(checkout("deeper/in/another/place", files));
  expect(kept.map((name) => readFileSync(join(second.artifact, name), "utf8"))).toEqual(one);
  expect(one.join("")).not.toContain(folder);
});

test("every profile of this checkout builds to the same bytes as a copy of it", async () => {
  const copy = join(folder, "copy");
  for (const part of ["device", "profiles", "package.json", "tsconfig.json"]) {
    cpSync(join(ROOT, part), join(copy, part), { recursive: true });
  }
  // The schemas need zod.
  symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
  const profiles = readdirSync(join(ROOT, "profiles")).filter((name) =>
    existsSync(join(ROOT, "profiles", name, "main.ts")),
  );
  expect(profiles.length).toBeGreaterThan(0);
  const compiler = await buildCompiler();
  for (const profile of profiles) {
    const store = join(folder, "store");
    const here = await compileBundle(compiler, { profile, store, out: join(folder, "here.bin") });
    const there = await compileBundle(compiler, { profile, root: copy, store });
    expect(Buffer.compare(here.bundle, there.bundle)).toBe(0);
  }
});

test("a back trace of the device is read as TypeScript files and lines", async () => {
  const built = await build(checkout("a", { "profiles/p/main.ts": MAIN, "device/greeter.ts": GREETER }));
  const artifact = loadArtifact(built.name, join(folder, "store"));
  if (artifact === undefined) throw new Error("not stored");
  const lines = artifact.script.split("\n");
  const line = lines.findIndex((each) => each.includes("throw"));
  const stack = `    at greet (${line + 1}:${(lines[line]?.indexOf("throw") ?? 0) + 1})\n    at now (native)\n`;
  expect(traceFrames(stack, artifact)).toEqual([
    { name: "greet", place: "device/greeter.ts:5" },
    { name: "now", place: undefined },
  ]);
  expect(readableTrace(stack, artifact)).toBe("    at greet (device/greeter.ts:5)\n    at now (native)\n");
  const unknown = "    at x (9999:1)\nnot a frame";
  expect(readableTrace(unknown, artifact)).toBe(unknown);
});

test.each([
  ["zod", 'import { z } from "zod";\nz.string();\n', /profiles\/p\/main\.ts imports "zod"/],
  ["a node module", 'import * as fs from "node:fs";\nfs.readFileSync("x");\n', /imports "node:fs"/],
  ["a tool", 'import { a } from "../../tools/a.ts";\na();\n', /tools\/a\.ts/],
  ["async", "native.log('x');\nexport async function f(): Promise<void> {}\nf();\n", /profiles\/p\/main\.ts:2: async/],
  [
    "a regular expression",
    "native.log('x');\n\nnative.log(String(/a/.test('b')));\n",
    /main\.ts:3: a regular expression/,
  ],
  ["Date", "native.log(String(new Date()));\n", /main\.ts:1: Date/],
  ["a syntax error", "native.log(;\n", /main\.ts:1/],
])("%s is refused with its place", async (_, main, message) => {
  const root = checkout("a", {
    "profiles/p/main.ts": main,
    "tools/a.ts": "export function a() { native.log('a'); }\n",
  });
  await expect(build(root)).rejects.toThrow(message);
});

test("the value of a constant stands where it is used, also behind imports and when it is exported", async () => {
  const root = checkout("a", {
    "device/greeter.ts": "export class Greeter {\n  greet(): number {\n    return 1;\n  }\n}\n",
    "profiles/p/main.ts": [
      'import { Greeter } from "../../device/greeter.ts";',
      "",
      "/** Why. */",
      "export const HIDDEN_MS = 12_345;",
      "const OTHER = HIDDEN_MS;",
      "new Greeter().greet();",
      "native.log(String(HIDDEN_MS + OTHER));",
    ].join("\n"),
  });
  const { artifact } = await build(root);
  expect(readFileSync(join(artifact, "bundle.js"), "utf8")).toContain("String(24690)");
});

test("imports go to the end of a file and every other line stays where it is", () => {
  const source = [
    "// What.",
    'import a from "a";',
    "import {",
    "  b,",
    '} from "b";',
    "/* c */",
    "const x = 1;",
    "use(x);",
  ];
  const moved = importsLast(source.join("\n")).split("\n");
  expect(moved.slice(5, 8)).toEqual(source.slice(5, 8));
  expect(moved.slice(8)).toEqual(['import a from "a";import { b, } from "b";']);
  expect(importsLast("use(1);\n")).toBe("use(1);\n");
});

test("types of what may not be bundled are free", async () => {
  const main = 'import type { z } from "zod";\nexport type T = z.ZodString;\nnative.log("x");\n';
  await build(checkout("a", { "profiles/p/main.ts": main }));
});

test("a profile that is not there is named, with those that are", async () => {
  const root = checkout("a", { "profiles/q/main.ts": "native.log('x');\n" });
  await expect(build(root)).rejects.toThrow(/Profiles: q/);
});

test("the store keeps the newest bundles only", () => {
  const store = join(folder, "store");
  const put = (index: number) => {
    const name = index.toString(16).padStart(16, "0");
    const meta = { name, profile: "p", version: "1", engineId: "", apiHash: "", bodyBytes: 1 };
    const path = storeArtifact({ bundle: new Uint8Array(1), script: "", map: "{}", functions: "{}", meta }, store);
    utimesSync(path, index, index);
  };
  for (let index = 1; index <= ARTIFACTS_MAX + 3; index++) put(index);
  expect(readdirSync(store).length).toBe(ARTIFACTS_MAX);
  expect(loadArtifact("0000000000000003", store)).toBeUndefined();
  expect(loadArtifact("0000000000000004", store)).toBeDefined();
  expect(loadArtifact("../../etc", store)).toBeUndefined();
});
