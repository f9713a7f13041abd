// Says when TypeScript sources of a checkout have changed. What is done about it is the caller's.

import { type FSWatcher, watch } from "node:fs";
import { join } from "node:path";

/** Editors write in several steps (truncate, write, rename): quiet for so long is one change. */
const SETTLE_MS = 20;

export class SourceWatch {
  readonly #watchers: FSWatcher[];
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The file that changed since the last `next`, relative to the root. */
  #changed: string | undefined;
  #settled = false;
  #wake: () => void = () => {};

  /** Watches folders below `root`, with all that is in them. */
  constructor(root: string, folders: readonly string[]) {
    this.#watchers = folders.map((folder) =>
      watch(join(root, folder), { recursive: true }, (_, file) => {
        if (file?.endsWith(".ts")) this.#touched(join(folder, file));
      }),
    );
  }

  /** The first file of the next change, or of one that has come since the last call; undefined when `signal` comes first. */
  async next(signal: AbortSignal): Promise<string | undefined> {
    const end = () => this.#wake();
    signal.addEventListener("abort", end);
    while (!this.#settled && !signal.aborted)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    signal.removeEventListener("abort", end);
    const changed = this.#settled && !signal.aborted ? this.#changed : undefined;
    this.#changed = undefined;
    this.#settled = false;
    return changed;
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers) watcher.close();
  }

  #touched(file: string): void {
    this.#changed ??= file;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#settled = true;
      this.#wake();
    }, SETTLE_MS);
  }
}
