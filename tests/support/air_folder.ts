// A folder for the air of a test, and what has to end with the test: in the reverse of the order in which it began.

import { afterEach } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ends: (() => unknown)[] = [];

/** To be called once, at the top of a test file. */
export function endAfterEach(): void {
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
}

/** `end` is called when the present test is over. */
export function onEnd(end: () => unknown): void {
  ends.push(end);
}

export function airFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "air-"));
  onEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
