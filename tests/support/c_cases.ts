// Runs a C test program's cases as tests: compiled with the sanitizers and in 32 bits, each case in a process and a folder of its own.
// The program prints its cases for `--list`; a line `...: N` on its output is a measured number and is shown.

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { has32BitParts } from "../../tools/lib/host_packages.ts";
import { mustRun, run } from "../../tools/lib/run.ts";

const WARNINGS = "-std=gnu11 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Wshadow -Wvla -Werror";
const BUILDS = [
  { build: "sanitizers", flags: "-fsanitize=address,undefined -fno-sanitize-recover=all" },
  // As the 32-bit firmware: its alignment is not the C library's, so a structure shared with the system would show here.
  { build: "32 bits", flags: "-m32 -malign-double" },
];

export interface CProgram {
  name: string;
  sources: string[];
  libraries: string[];
  /** Cases that there are at least, so that a broken list is seen. */
  atLeast?: number;
  /** The program takes the folder before the case. */
  folder?: boolean;
  /** For a case's standard input. */
  input?: (name: string) => string | undefined;
}

/** Registers a test per case and build. */
export async function testCases(program: CProgram): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), `${program.name}_`));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  for (const [index, { build, flags }] of BUILDS.entries()) {
    if (build === "32 bits" && !(await has32BitParts())) {
      console.warn(`${program.name}: the 32-bit C library is not here: its 32-bit cases are left out (see README.md)`);
      test.skip(`${build}: left out`, () => {});
      continue;
    }
    const path = join(folder, `test_${index}`);
    const command = ["cc", ...`${WARNINGS} ${flags}`.split(" "), ...program.sources, "-o", path, ...program.libraries];
    await mustRun(`Compiling ${program.name}`, command);
    const cases = (await mustRun("Listing the cases", [path, "--list"])).trim().split("\n");

    test(`${build}: every case is listed once`, () => {
      expect(cases.length).toBeGreaterThanOrEqual(program.atLeast ?? 20);
      expect(new Set(cases).size).toBe(cases.length);
    });

    for (const name of cases) {
      test(`${build}: ${name.replaceAll("_", " ")}`, async () => {
        const where = program.folder === true ? [mkdtempSync(join(folder, "c"))] : [];
        const stdin = program.input?.(name);
        const { code, stdout, stderr } = await run([path, ...where, name], stdin === undefined ? {} : { stdin });
        const measured = /^[a-z ]+: \d+$/m.exec(stdout);
        if (measured !== null && index === 0) console.log(`${name}: ${measured[0]}`);
        expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      });
    }
  }
}
