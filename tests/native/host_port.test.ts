// Runs the cases of native/host/test under the sanitizers: storage with power cuts, events, RTC memory, the board's client.
// The program needs no engine, so it is compiled here in a few seconds. Every case runs in a process and a folder of its own.

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../../tools/lib/paths.ts";
import { mustRun, run } from "../../tools/lib/run.ts";

const HOST = join(ROOT, "native", "host");
const FLAGS = "-std=gnu11 -O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all".split(
  " ",
);

const folder = mkdtempSync(join(tmpdir(), "host_port_"));
const program = join(folder, "host_port_test");
const cases = await build();

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function build(): Promise<string[]> {
  const sources = [HOST, join(HOST, "test")]
    .flatMap((from) => readdirSync(from).map((name) => join(from, name)))
    .filter((path) => path.endsWith(".c") && !path.endsWith("port_main.c"));
  await mustRun("Compiling the host port's tests", ["cc", ...FLAGS, ...sources, "-o", program, "-lpthread"]);
  return (await mustRun("Listing the cases", [program, "--list"])).trim().split("\n");
}

test("every case is listed once", () => {
  expect(cases.length).toBeGreaterThan(20);
  expect(new Set(cases).size).toBe(cases.length);
});

for (const name of cases) {
  test(name.replaceAll("_", " "), async () => {
    const { code, stdout, stderr } = await run([program, mkdtempSync(join(folder, "c")), name]);
    const cutPoints = /^cut points: .*$/m.exec(stdout);
    if (cutPoints !== null) console.log(`${name}: ${cutPoints[0]}`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });
}
