// How long a process has been at what it does, by its own time: what it computed and what it stood still, not what it waited for a
// processor of this PC. When that is too long is the asker's to say.

import { readFileSync } from "node:fs";

/** Of proc_pid_stat(5): 100 a second on Linux. */
const TICK_MS = 10;
/** A first look at a process that has only begun is not worth a file. */
const FIRST_LOOK_MS = 250;
/** What one look may count as stood still: who looks late was kept waiting himself, and so perhaps was the process, for him. */
const STILL_MAX_MS = 100;

/** What the kernel tells of a process: processor time, and whether it neither computes nor would like to. */
export interface ProcessState {
  cpuMs: number;
  still: boolean;
}

export class Turn {
  readonly #read: () => ProcessState;
  readonly #nowMs: () => number;
  readonly #beganMs: number;
  #lookedMs = 0;
  #cpuMs = 0;
  #takenMs = 0;

  constructor(read: () => ProcessState, nowMs: () => number = () => performance.now()) {
    this.#read = read;
    this.#nowMs = nowMs;
    this.#beganMs = nowMs();
  }

  /** Milliseconds so far. To be called often: between two looks it either computed or stood still. */
  look(): number {
    const nowMs = this.#nowMs();
    if (nowMs - this.#beganMs < FIRST_LOOK_MS) return 0;
    const process = this.#read();
    const stoodMs = Math.min(nowMs - this.#lookedMs, STILL_MAX_MS);
    if (this.#lookedMs > 0) this.#takenMs += process.still ? stoodMs : process.cpuMs - this.#cpuMs;
    this.#lookedMs = nowMs;
    this.#cpuMs = process.cpuMs;
    return this.#takenMs;
  }
}

/** Of a process of this PC; without a kernel that tells, all time counts. */
export function processState(pid: number): ProcessState {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return { cpuMs: 0, still: true };
  }
  // The program's name is in brackets and may have spaces in it.
  const [state, ...numbers] = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [userTicks = 0, systemTicks = 0] = numbers.slice(10, 12).map(Number);
  return { cpuMs: (userTicks + systemTicks) * TICK_MS, still: state !== "R" && state !== "D" };
}
