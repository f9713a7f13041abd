// The terminal of a running simulation: lines scroll by above, what a person types stays below them on a line of its own. Without a
// terminal on both sides lines are just printed and read.

import { createInterface } from "node:readline";

const ERASE_LINE = "\r\x1b[K";

export class Screen {
  readonly #lines: ReturnType<typeof createInterface>;
  readonly #terminal: boolean;

  /** `prompt`: with a line to type on, where there is a terminal. `onLine` is called for each line that was typed, `onInterrupt` for
   * Ctrl-C. */
  constructor(prompt: boolean, onLine: (line: string) => void, onInterrupt: () => void) {
    this.#terminal = prompt && process.stdin.isTTY === true && process.stdout.isTTY === true;
    this.#lines = createInterface(
      this.#terminal ? { input: process.stdin, output: process.stdout, prompt: "> " } : { input: process.stdin },
    );
    this.#lines.on("line", (line) => {
      onLine(line);
      if (this.#terminal) this.#lines.prompt();
    });
    // In a terminal readline takes Ctrl-C; elsewhere it is a signal to the process.
    this.#lines.on("SIGINT", onInterrupt);
    if (this.#terminal) this.#lines.prompt();
  }

  /** Columns of the terminal; undefined where lines may be of any length. */
  get columns(): number | undefined {
    return process.stdout.isTTY ? process.stdout.columns : undefined;
  }

  print(text: string): void {
    if (!this.#terminal) {
      console.log(text);
      return;
    }
    process.stdout.write(`${ERASE_LINE}${text}\n`);
    this.#lines.prompt(true);
  }

  close(): void {
    this.#lines.close();
    if (this.#terminal) process.stdout.write(ERASE_LINE);
  }
}
