// The type check of a checkout as a program in the background: one at a time, a newer one ends the older.

import { join } from "node:path";
import { ROOT } from "./paths.ts";

export class TypeCheck {
  #child: Bun.Subprocess<"ignore", "pipe", "pipe"> | undefined;

  /** Starts it for the checkout at `root`. `done` is told the compiler's complaints, "" for none; nothing when a newer one came. */
  start(root: string, done: (complaints: string) => void): void {
    this.stop();
    const command = [join(ROOT, "node_modules", ".bin", "tsc"), "--noEmit", "--pretty", "false", "-p", root];
    const child = Bun.spawn(command, { cwd: root, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    this.#child = child;
    Promise.all([child.stdout.text(), child.stderr.text(), child.exited]).then(([out, err, code]) => {
      if (this.#child !== child) return;
      this.#child = undefined;
      done(code === 0 ? "" : (out + err).trim() || `tsc ended with code ${code}`);
    });
  }

  stop(): void {
    this.#child?.kill();
    this.#child = undefined;
  }
}
