// Conventions that all commands share: --help, --json, one message per error, exit codes 0 ok, 1 failed, 2 usage.

import { type Command, CommanderError } from "commander";
import pc from "picocolors";
import { messageOf, UsageError, UserError } from "./errors.ts";

export const EXIT_OK = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;

/** Runs a command line to its end and returns the exit code. An error becomes one message; with --json also one JSON line. */
export async function runCommand(program: Command, args: readonly string[] = process.argv.slice(2)): Promise<number> {
  program.exitOverride().showHelpAfterError("(--help tells more)");
  for (const sub of program.commands) sub.exitOverride();
  try {
    await program.parseAsync([...args], { from: "user" });
    return EXIT_OK;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
    const message = messageOf(thrown);
    if (args.includes("--json")) console.log(JSON.stringify({ error: message }));
    if (thrown instanceof UserError) console.error(`${pc.red("error:")} ${message}`);
    else console.error(`${pc.red("error:")} this is a bug of the tools\n${(thrown as Error)?.stack ?? message}`);
    return thrown instanceof UsageError ? EXIT_USAGE : EXIT_FAILED;
  }
}

/** The last line of a command's file: `await main(program)` runs it when the file is the program that Bun started. */
export async function main(program: Command): Promise<void> {
  process.exitCode = await runCommand(program);
}

/** One line about a long step, on standard error so that --json stays clean. */
export function progress(line: string): void {
  console.error(pc.dim(line));
}

/** Since a time of performance.now(), for people: to the hundredth. */
export function secondsSince(beganMs: number): number {
  return Math.round((performance.now() - beganMs) / 10) / 100;
}
