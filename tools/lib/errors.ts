// Errors that a user of the tools can do something about; what is thrown otherwise is a bug of the tools.

/** Something the user can put right. The message says what happened and what to do next; no stack trace is shown. */
export class UserError extends Error {
  override readonly name: string = "UserError";
}

/** The command line itself is wrong: exit code 2 rather than 1. */
export class UsageError extends UserError {
  override readonly name = "UsageError";
}

/** The text of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
