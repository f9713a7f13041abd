// `bun tools/entool.ts` as a program for tests, with no keys from the environment.

import { join } from "node:path";
import { ROOT } from "../../tools/lib/paths.ts";

export function spawnEntool(args: readonly string[], env: Record<string, string | undefined> = {}) {
  return Bun.spawn([process.execPath, join(ROOT, "tools", "entool.ts"), ...args], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, NO_COLOR: "1", NETNOW_PSK: "", NETNOW_GROUP: "", NETNOW_PAIR_KEY: "", ...env },
  });
}

export async function entool(args: readonly string[], env: Record<string, string | undefined> = {}) {
  const child = spawnEntool(args, env);
  child.stdin.end();
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, out: out.trim(), err };
}

/** Lines of standard output as they come, in JSON. */
export async function* jsonOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Record<string, unknown>> {
  let rest = "";
  const text = new TextDecoder();
  for await (const piece of stream) {
    const lines = (rest + text.decode(piece, { stream: true })).split("\n");
    rest = lines.pop() as string;
    for (const line of lines) yield JSON.parse(line) as Record<string, unknown>;
  }
}
