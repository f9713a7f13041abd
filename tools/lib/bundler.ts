// TypeScript sources -> one script for the device, with Bun's bundler. It owns what may be in a bundle; bytecode is compile.ts's.

import { dirname, isAbsolute, relative, resolve, sep } from "node:path";
import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";
import { findViolations } from "./device_rules.ts";
import { messageOf, UserError } from "./errors.ts";

export interface Script {
  /** The script; its only free name besides the language's is `native`. */
  code: string;
  /** Source map version 3 as JSON; sources are relative to the checkout's root. */
  map: string;
  /** Bytes of all TypeScript files that went in. */
  sourceBytes: number;
  /** Those files, relative to the root, sorted. */
  sources: string[];
}

/** Name of the entry's importer; there is no such file. */
const START = "start";

interface RawMap {
  version: number;
  sources: string[];
  sourcesContent: string[];
  names: string[];
  mappings: string;
}

/** Bundles `entry` of the checkout at `root`. Throws a UserError that names file and line for what the device cannot run. */
export async function bundleScript(entry: string, root: string): Promise<Script> {
  const refused: string[] = [];
  // Exports of the entry (for its tests) would drag 700 bytes of module helpers along; a script that only imports it has none.
  const result = await Bun.build({
    entrypoints: [START],
    root,
    format: "iife",
    target: "browser",
    // Lines are kept: a device's back trace tells them.
    minify: { whitespace: false, syntax: true, identifiers: true },
    sourcemap: "external",
    throw: false,
    plugins: [
      {
        name: "device only",
        setup(build) {
          build.onLoad({ filter: /.*/, namespace: START }, () => ({
            contents: `import ${JSON.stringify(entry)};`,
            loader: "ts",
          }));
          build.onLoad({ filter: /\.ts$/ }, async ({ path }) => ({
            contents: isSchema(path, root) ? await schemaTokens(path) : importsLast(await Bun.file(path).text()),
            loader: "ts",
          }));
          build.onResolve({ filter: /.*/ }, (args) => {
            if (args.path === START) return { path: START, namespace: START };
            if (args.importer === "" || args.path.startsWith(".") || isAbsolute(args.path)) return undefined;
            refused.push(`${relative(root, args.importer)} imports "${args.path}"`);
            return { path: args.path, external: true };
          });
        },
      },
    ],
  }).catch((thrown: unknown) => {
    throw new UserError(`Bundling ${relative(root, entry)} failed: ${messageOf(thrown)}`);
  });
  if (refused.length > 0) {
    throw new UserError(
      `A bundle holds device code only:\n  ${refused.sort().join("\n  ")}\n` +
        "Import only its types (`import type`), or keep the code that needs it on the PC.",
    );
  }
  if (!result.success) {
    const lines = result.logs.map((log) => `  ${place(log, root)}${log.message}`);
    throw new UserError(`Bundling ${relative(root, entry)} failed:\n${lines.join("\n")}`);
  }
  const output = result.outputs.find((one) => one.kind === "entry-point");
  const mapOutput = result.outputs.find((one) => one.kind === "sourcemap");
  if (output === undefined || mapOutput === undefined) throw new Error("the bundler gave no script or no source map");
  const raw = (await mapOutput.json()) as RawMap;
  const code = withoutComments(await output.text(), raw.sources);
  // The bundler writes them relative to the working folder.
  const sources = raw.sources.map((source) => toPosix(relative(root, resolve(source))));
  refuseOutsiders(sources, toPosix(relative(root, dirname(entry))));
  const { version, mappings, names, sourcesContent } = raw;
  const map = JSON.stringify({ version, file: "bundle.js", sources, sourcesContent, names, mappings });
  const script: Script = {
    code: `${code}\n`,
    map,
    sourceBytes: sourcesContent.reduce((sum, text) => sum + Buffer.byteLength(text), 0),
    sources: [...sources].sort(),
  };
  refuseViolations(script);
  return script;
}

/**
 * The import statements at the beginning of a file, moved to its end. The bundler puts the value of a constant where it is used only if
 * nothing stands before the constant; otherwise each is a variable that every function which uses it drags along. Lines stay where they are.
 */
export function importsLast(source: string): string {
  const imports: string[] = [];
  let rest = source;
  let head = "";
  for (;;) {
    const found = /^(?:\s|\/\/.*|\/\*[\s\S]*?\*\/)*/.exec(rest)?.[0] ?? "";
    const statement = /^import\b[^;]*;/.exec(rest.slice(found.length))?.[0];
    if (statement === undefined) break;
    imports.push(statement.replace(/\s*\n\s*/g, " "));
    head += found + statement.replace(/[^\n]/g, "");
    rest = rest.slice(found.length + statement.length);
  }
  if (imports.length === 0) return source;
  return `${head}${rest}${rest.endsWith("\n") ? "" : "\n"}${imports.join("")}`;
}

const isSchema = (path: string, root: string) => /^profiles\/\w+\/config\.ts$/.test(toPosix(relative(root, path)));

/** What a bundle gets of a profile's schema: the names of its tokens. */
async function schemaTokens(path: string): Promise<string> {
  // The query keeps a build in the same process from getting what the file said before.
  const module = (await import(`${path}?${Bun.hash(await Bun.file(path).text())}`)) as { TOKENS?: unknown };
  if (typeof module.TOKENS !== "string") throw new UserError(`${path} must export TOKENS = tokensOf(config).`);
  return `export const TOKENS = ${JSON.stringify(module.TOKENS)};`;
}

/** The script without the bundler's comments, in which this checkout's path is; lines stay where they are. */
function withoutComments(code: string, sources: readonly string[]): string {
  const paths = new Set(sources.map((source) => `// ${source}`));
  const lines = code.split("\n").map((line) => (paths.has(line.trim()) ? "" : line));
  return lines
    .join("\n")
    .replace(/\n?\/\/# (debugId|sourceMappingURL)=.*\n?/g, "\n")
    .trimEnd();
}

/** The TypeScript place of a line (from 1) and column (from 1) of the script, as `file:line`; undefined when the map knows none. */
export function originalPlace(map: TraceMap, line: number, column: number): string | undefined {
  const found = originalPositionFor(map, { line, column: Math.max(0, column - 1) });
  return found.source === null ? undefined : `${found.source}:${found.line}`;
}

/** Only device/ and the entry's own folder may go into a bundle. */
function refuseOutsiders(sources: readonly string[], own: string): void {
  const outsiders = sources.filter((source) => !source.startsWith("device/") && !source.startsWith(`${own}/`));
  if (outsiders.length === 0) return;
  throw new UserError(
    `A bundle holds device/ and ${own}/ only, but these files are imported:\n  ${outsiders.sort().join("\n  ")}`,
  );
}

function refuseViolations(script: Script): void {
  const violations = findViolations(script.code);
  if (violations.length === 0) return;
  const map = new TraceMap(script.map);
  const lines = violations.map(({ offset, what }) => {
    const before = script.code.slice(0, offset).split("\n");
    const where = originalPlace(map, before.length, (before.at(-1) as string).length + 1);
    return `  ${where ?? `bundle.js:${before.length}`}: ${what}`;
  });
  throw new UserError(`The device does not have:\n${[...new Set(lines)].join("\n")}`);
}

function place(log: { position?: { file: string; line: number } | null }, root: string): string {
  const position = log.position;
  return position === null || position === undefined
    ? ""
    : `${relative(root, resolve(position.file))}:${position.line}: `;
}

function toPosix(path: string): string {
  return path.split(sep).join("/");
}
