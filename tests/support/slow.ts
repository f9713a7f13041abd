// The time limit of test files that build or start programs: Bun takes it per file only, and a first build needs minutes on two slow cores.

/** For `setDefaultTimeout` at the top of such a file. */
export const SLOW_TEST_MS = 300_000;
