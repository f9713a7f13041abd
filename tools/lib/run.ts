// Runs other programs and keeps what they print.

import { UserError } from "./errors.ts";

export interface RunResult {
  /** Exit code; 127 when there is no such program. */
  code: number;
  stdout: string;
  /** Standard error. */
  stderr: string;
}

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  stdin?: string | Uint8Array;
}

/** Runs a program to its end. Throws nothing for a failing program; a missing one has code 127. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  let child: Bun.Subprocess<"pipe" | "ignore" | Uint8Array, "pipe", "pipe">;
  try {
    child = Bun.spawn([...command], {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: { ...process.env, ...options.env },
      stdin: options.stdin === undefined ? "ignore" : Buffer.from(options.stdin),
      stdout: "pipe",
      stderr: "pipe",
    });
  } catch (thrown) {
    return { code: 127, stdout: "", stderr: `${command[0]}: ${thrown instanceof Error ? thrown.message : thrown}` };
  }
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, stdout, stderr };
}

/** Runs a program that has to succeed; `what` begins the message when it does not, with the end of what it printed. */
export async function mustRun(what: string, command: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await run(command, options);
  if (result.code !== 0) {
    const printed = `${result.stdout}\n${result.stderr}`.trim().split("\n").slice(-LINES_SHOWN).join("\n");
    throw new UserError(`${what} failed (exit code ${result.code}): ${command.join(" ")}\n${printed}`);
  }
  return result.stdout;
}

/** Lines of a failed program's output that a message shows. */
const LINES_SHOWN = 40;
