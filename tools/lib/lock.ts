// One process at a time: a lock that the kernel takes back when its holder dies, so that none is ever stale.

import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { UserError } from "./errors.ts";

/** Milliseconds between two looks at a lock that somebody else holds. */
const POLL_MS = 50;
/** The longest that a build may take on a slow machine. */
const WAIT_MS_MAX = 15 * 60_000;

/** Runs `body` while holding the lock at `path` (a file made for this). Waits for another holder, in this process or another. */
export async function withLock<T>(path: string, body: () => Promise<T>, waitMsMax = WAIT_MS_MAX): Promise<T> {
  mkdirSync(dirname(path), { recursive: true });
  const database = new Database(path, { create: true });
  try {
    await begin(database, path, waitMsMax);
    return await body();
  } finally {
    database.close();
  }
}

async function begin(database: Database, path: string, waitMsMax: number): Promise<void> {
  const giveUpAt = performance.now() + waitMsMax;
  for (;;) {
    try {
      // An open write transaction of an SQLite file is an operating-system lock; nothing is ever written.
      database.run("BEGIN EXCLUSIVE");
      return;
    } catch (thrown) {
      if (!/locked|busy/i.test(String(thrown))) throw thrown;
      if (performance.now() > giveUpAt) throw new UserError(`Another process holds ${path}; end it and try again.`);
      await Bun.sleep(POLL_MS);
    }
  }
}
