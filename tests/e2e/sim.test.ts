import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../tools/lib/paths.ts";
import { simFolder } from "../../tools/sim/bench.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const NAME = `test_${process.pid}`;

afterAll(() => {
  rmSync(simFolder(NAME), { recursive: true, force: true });
  rmSync(`${simFolder(NAME)}.otakey`, { force: true });
  rmSync(join(ROOT, "devices", `${NAME}.txt`), { force: true });
});

async function sim(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const command = [process.execPath, join(ROOT, "tools", "sim.ts"), ...args];
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, out, err };
}

const lines = (out: string) =>
  out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const run = (seed: string, ...more: string[]) =>
  sim("energy", "--name", NAME, "--json", "--for", "5m", "--warp", "max", "--seed", seed, ...more);

test("--json prints one object per line, in order, and --for ends at its time", async () => {
  const { code, out } = await run("1");
  expect(code).toBe(0);
  const events = lines(out);
  const times = events.map((each) => each["t"] as number);
  expect(times).toEqual([...times].sort((a, b) => a - b));
  expect(times.at(-1)).toBeGreaterThan(290_000);
  expect(times.at(-1)).toBeLessThanOrEqual(300_000);
  expect(new Set(events.map((each) => each["kind"]))).toEqual(
    new Set(["log", "cpu", "pin", "net", "frame", "connect", "subscribe", "publish"]),
  );
  const online = events.find((each) => each["topic"] === `stat/${NAME}/LWT`);
  expect(online).toMatchObject({ kind: "publish", payload: "online", retain: true });
});

test("the same --seed gives the same publications in the same order, another one others", async () => {
  const publications = async (seed: string) =>
    lines((await run(seed)).out).flatMap((each) =>
      each["kind"] === "publish" ? [`${each["topic"]} ${each["payload"]}`] : [],
    );
  const [first, second, other] = [await publications("5"), await publications("5"), await publications("6")];
  expect(first.length).toBeGreaterThan(20);
  expect(second).toEqual(first);
  expect(other).not.toEqual(first);
});

test("--warp keeps device time from running ahead", async () => {
  const startedMs = performance.now();
  const { code } = await sim("energy", "--name", NAME, "--json", "--for", "60s", "--warp", "40", "--seed", "1");
  expect(code).toBe(0);
  expect(performance.now() - startedMs).toBeGreaterThan(1500);
});

test("wrong options are told apart from failures", async () => {
  for (const args of [
    ["--warp", "0"],
    ["--for", "ten"],
    ["--seed", "-1"],
    ["--broker", "http://x"],
    ["--name", "a b"],
  ]) {
    const { code, err } = await sim("energy", ...args);
    expect([args[0], code]).toEqual([args[0] as string, 2]);
    expect(err).toContain(args[0] as string);
  }
  const { code, err } = await sim("energy", "--broker", "mqtt://127.0.0.1:9");
  expect(code).toBe(1);
  expect(err).toContain("No broker at mqtt://127.0.0.1:9");
});
