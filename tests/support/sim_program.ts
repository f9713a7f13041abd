// `bun run sim` as a program for tests: runs it, types when something has been seen, and cleans up what it leaves in the checkout.

import { expect } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../tools/lib/paths.ts";
import { simFolder } from "../../tools/sim/bench.ts";

const PROGRAM = [process.execPath, join(ROOT, "tools", "sim.ts")];

/** Names of virtual devices that this test file makes. */
export function forgetDevices(names: readonly string[]): void {
  for (const name of names) {
    rmSync(simFolder(name), { recursive: true, force: true });
    rmSync(`${simFolder(name)}.otakey`, { force: true });
    rmSync(join(ROOT, "devices", `${name}.txt`), { force: true });
  }
}

export async function sim(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const child = Bun.spawn([...PROGRAM, ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    // In CI it would be coloured, in a pipe on a desk not.
    env: { ...process.env, NO_COLOR: "1" },
  });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, out, err };
}

export const jsonLines = (out: string) =>
  out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** When what was said since the last typed line is as asked, the line is typed. */
export type Script = [when: (out: string) => boolean, line: string][];

/** Types each line when its time has come, and tells; the last one has to end it. Everything that was said. */
export async function typing(
  args: readonly string[],
  script: Script,
  told: (line: string) => void = () => {},
): Promise<string> {
  const env = { ...process.env, NO_COLOR: "1" };
  const child = Bun.spawn([...PROGRAM, ...args], { stdin: "pipe", stdout: "pipe", stderr: "pipe", env });
  const err = new Response(child.stderr).text();
  let out = "";
  let seen = 0;
  const text = new TextDecoder();
  for await (const piece of child.stdout) {
    out += text.decode(piece, { stream: true });
    while (script[0]?.[0](out.slice(seen))) {
      seen = out.length;
      const line = script.shift()?.[1] as string;
      child.stdin.write(`${line}\n`);
      child.stdin.flush();
      told(line);
    }
  }
  expect([await child.exited, script]).toEqual([0, []]);
  return out + (await err);
}
