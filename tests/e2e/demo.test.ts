// Proves that `bun run demo` sees each of its steps and says so in its last line.

import { expect, setDefaultTimeout } from "bun:test";
import { join } from "node:path";
import { ROOT } from "../../tools/lib/paths.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

test("the demo sees every step on the broker and ends with its line of JSON", async () => {
  const command = [process.execPath, join(ROOT, "tools", "demo.ts"), "--json"];
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [out] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  expect(await child.exited).toBe(0);
  const outcome = JSON.parse(out.trim().split("\n").at(-1) ?? "");
  expect(outcome).toMatchObject({
    booted: true,
    updated: true,
    rolledBackFromCrash: true,
    rolledBackFromUnreachable: true,
  });
  expect(outcome.published).toBeGreaterThan(20);
  expect(outcome.seconds).toBeLessThan(60);
});
