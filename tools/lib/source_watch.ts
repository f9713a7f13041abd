// Says when TypeScript sources of a checkout have changed. What is done about it is the caller's.

import { type FSWatcher, readFileSync, watch } from "node:fs";
import { join } from "node:path";

/** Editors write in several steps (truncate, write, rename): quiet for so long is one change. A PC that is busy tells of the steps later than that, so
 * a file that is empty is still being written, and one that is as it was last time has not changed. */
const SETTLE_MS = 20;
/** In place of the text of a file that is not there any more. */
const GONE = "\0";

export class SourceWatch {
  readonly #root: string;
  readonly #watchers: FSWatcher[];
  /** What each file was when its change was told. */
  readonly #told = new Map<string, string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Touched since they were last looked at, relative to the root. */
  readonly #touched = new Set<string>();
  /** The first file of a change that nobody has been told of. */
  #changed: string | undefined;
  #wake: () => void = () => {};

  /** Watches folders below `root`, with all that is in them. */
  constructor(root: string, folders: readonly string[]) {
    this.#root = root;
    this.#watchers = folders.map((folder) =>
      watch(join(root, folder), { recursive: true }, (_, file) => {
        if (file?.endsWith(".ts")) this.#touch(join(folder, file));
      }),
    );
  }

  /** The first file of the next change, or of one that has come since the last call; undefined when `signal` comes first. */
  async next(signal: AbortSignal): Promise<string | undefined> {
    const end = () => this.#wake();
    signal.addEventListener("abort", end);
    while (this.#changed === undefined && !signal.aborted)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    signal.removeEventListener("abort", end);
    const changed = signal.aborted ? undefined : this.#changed;
    this.#changed = undefined;
    return changed;
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers) watcher.close();
  }

  #touch(file: string): void {
    this.#touched.add(file);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), SETTLE_MS);
  }

  #look(): void {
    for (const file of this.#touched) {
      const text = textOf(join(this.#root, file));
      if (text === "" || this.#told.get(file) === text) continue;
      this.#told.set(file, text);
      this.#changed ??= file;
    }
    this.#touched.clear();
    if (this.#changed !== undefined) this.#wake();
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return GONE;
  }
}
