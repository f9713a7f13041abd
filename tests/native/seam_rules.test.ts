// The seam's three rules (docs/DESIGN.md), looked for in the text of the C files.

import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../tools/lib/paths.ts";

const NATIVE = join(ROOT, "native");

/** Files of a folder of native/ (not of its sub-folders) with their code; comments are blanked. */
function sources(folder: string): { name: string; code: string }[] {
  const path = join(NATIVE, folder);
  if (!existsSync(path)) return [];
  const names = readdirSync(path).filter((name) => /\.[ch]$/.test(name));
  return names.map((name) => ({
    name: join(folder, name),
    code: withoutComments(readFileSync(join(path, name), "utf8")),
  }));
}

function withoutComments(code: string): string {
  return code.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
}

function offenders(files: { name: string; code: string }[], rule: RegExp): string[] {
  return files.flatMap(({ name, code }) => {
    const lines = code.split("\n").filter((line) => rule.test(line));
    return lines.map((line) => `${name}: ${line.trim()}`);
  });
}

test("there is C to look at", () => {
  expect(sources(".").length).toBeGreaterThan(3);
  expect(sources("host").length).toBeGreaterThan(3);
});

test("a port never includes quickjs.h", () => {
  expect(offenders([...sources("host"), ...sources("esp32")], /#\s*include.*quickjs/)).toEqual([]);
});

test("common code includes no header of IDF or FreeRTOS", () => {
  expect(offenders(sources("."), /#\s*include\s*[<"](esp_|freertos|driver\/|nvs|soc\/|hal\/|sdkconfig|rom\/)/)).toEqual(
    [],
  );
});

test("common code has no condition on the platform", () => {
  // Include guards and C++ are the only conditions there may be.
  const conditions = offenders(sources("."), /^\s*#\s*(if|ifdef|ifndef|elif)\b/);
  expect(conditions.filter((line) => !/#\s*ifndef HEARTH_\w+_H$/.test(line))).toEqual([]);
});

test("JavaScript is run by loop.c alone; vm.c evaluates the bundle once, at boot", () => {
  const calls = offenders(
    sources("."),
    /\bJS_(Call|CallConstructor2?|Invoke|Eval|EvalThis|EvalFunction|ExecutePendingJob)\s*\(/,
  );
  const allowed = (line: string) =>
    line.startsWith("loop.c:") || (line.startsWith("vm.c:") && /JS_EvalFunction/.test(line));
  expect(calls.filter((line) => !allowed(line))).toEqual([]);
  expect(calls.filter((line) => line.startsWith("vm.c:")).length).toBeLessThanOrEqual(1);
});
