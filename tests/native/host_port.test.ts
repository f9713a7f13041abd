// Runs the cases of native/host/test, under the sanitizers and in 32 bits: storage with power cuts, events, RTC memory, the board's client.
// The program needs no engine, so it is compiled here in a few seconds. Every case runs in a process and a folder of its own.

import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../../tools/lib/paths.ts";
import { mustRun, run } from "../../tools/lib/run.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const HOST = join(ROOT, "native", "host");
const WARNINGS = "-std=gnu11 -O1 -g -Wall -Wextra -Werror";
const BUILDS = [
  { build: "sanitizers", flags: "-fsanitize=address,undefined -fno-sanitize-recover=all" },
  // As the 32-bit firmware: its alignment is not the C library's, so a structure shared with the system would show here.
  { build: "32 bits", flags: "-m32 -malign-double" },
];

const folder = mkdtempSync(join(tmpdir(), "host_port_"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

for (const [index, { build, flags }] of BUILDS.entries()) {
  const program = join(folder, `test_${index}`);
  const cases = await compile(program, flags);

  test(`${build}: every case is listed once`, () => {
    expect(cases.length).toBeGreaterThan(20);
    expect(new Set(cases).size).toBe(cases.length);
  });

  for (const name of cases) {
    test(`${build}: ${name.replaceAll("_", " ")}`, async () => {
      const { code, stdout, stderr } = await run([program, mkdtempSync(join(folder, "c")), name]);
      const cutPoints = /^cut points: .*$/m.exec(stdout);
      if (cutPoints !== null) console.log(`${name}: ${cutPoints[0]}`);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    });
  }
}

/** Compiles the program; returns the names of its cases. */
async function compile(program: string, flags: string): Promise<string[]> {
  const sources = [HOST, join(HOST, "test")]
    .flatMap((from) => readdirSync(from).map((name) => join(from, name)))
    .filter((path) => path.endsWith(".c") && !path.endsWith("port_main.c"));
  const command = ["cc", ...`${WARNINGS} ${flags}`.split(" "), ...sources, "-o", program, "-lmbedcrypto", "-lpthread"];
  await mustRun("Compiling the host port's tests", command);
  return (await mustRun("Listing the cases", [program, "--list"])).trim().split("\n");
}
