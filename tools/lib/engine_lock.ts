// The pinned engine: the lock file that lists every file with its hash, our patches, our files beside it, and the engine id made of them all.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "./errors.ts";

export interface EngineLock {
  version: string;
  /** Address of upstream's own archive. */
  upstream: string;
  debian: { package: string; version: string; suite: string; path: string; sha256: string };
  /** SHA-256 in hex by file name, relative to the archive's top folder. */
  files: Record<string, string>;
}

export interface Engine {
  lock: EngineLock;
  /** Paths of our patches in the order in which they are applied. */
  patches: string[];
  /** Names of our own C files, which are built with it. */
  own: string[];
  /** First 8 bytes of SHA-256 over the lock file, all patches and our files, as hex: what a bundle is bound to. */
  id: string;
}

/** Reads the lock file, the patches and our own files of `folder` (native/quickjs). */
export function readEngine(folder: string): Engine {
  const lockBytes = readFileSync(join(folder, "engine.lock.json"));
  const names = readdirSync(join(folder, "patches")).filter((name) => name.endsWith(".patch"));
  const patches = names.sort().map((name) => join(folder, "patches", name));
  const own = readdirSync(folder).filter((name) => /\.[ch]$/.test(name));
  const hash = createHash("sha256").update(lockBytes);
  for (const file of [...patches, ...own.sort().map((name) => join(folder, name))]) hash.update(readFileSync(file));
  return { lock: JSON.parse(lockBytes.toString()) as EngineLock, patches, own, id: hash.digest("hex").slice(0, 16) };
}

/** Compares every locked file under `folder`; throws a UserError that names the first one that differs. */
export function verifyFiles(lock: EngineLock, folder: string, origin: string): void {
  for (const [name, expected] of Object.entries(lock.files)) {
    const got = sha256OfFile(join(folder, name));
    if (got === expected) continue;
    throw new UserError(
      `${origin}: ${name} is not the file of QuickJS ${lock.version} that engine.lock.json pins\n` +
        `  expected ${expected}\n  got      ${got ?? "no such file"}\n` +
        "Nothing of it is used. Get the archive again, or from another place (HEARTH_QUICKJS_ARCHIVE=FILE).",
    );
  }
}

function sha256OfFile(path: string): string | undefined {
  try {
    return createHash("sha256").update(readFileSync(path)).digest("hex");
  } catch {
    return undefined;
  }
}
