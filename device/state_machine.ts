// A state machine on the loop: states, allowed transitions, tasks and polls that die with their state, observers.

import type { Loop, Poll, Task } from "./loop.ts";

export class StateMachine<S extends string> {
  state: S;
  private next: S | undefined;
  private entering: boolean;
  /** Tasks and polls of the present state. */
  private readonly tasks: Task[];
  /** Alternating state and handler. */
  private readonly enters: (S | (() => void))[];
  private readonly observers: ((from: S, to: S) => void)[];

  /** Begins in `initial`, whose enter handlers do not run. `core` says what its tasks and polls are. */
  constructor(
    private readonly loop: Loop,
    initial: S,
    private readonly transitions: Record<S, readonly S[]>,
    private readonly core = false,
  ) {
    this.state = initial;
    this.entering = false;
    this.tasks = [];
    this.enters = [];
    this.observers = [];
  }

  /** Goes to another state (or the same again, where `transitions` allows it). Asked for while a state is being entered, the
   * transition follows when that is done, and the last one asked for counts. Throws when it is not allowed. */
  to(next: S): void {
    if (this.transitions[this.state].indexOf(next) < 0) throw new Error(`no transition from ${this.state} to ${next}`);
    this.next = next;
    if (this.entering) return;
    this.entering = true;
    try {
      while (this.next !== undefined) this.enter(this.next);
    } finally {
      this.entering = false;
      this.next = undefined;
    }
  }

  /** Runs `enter` whenever `state` is entered. */
  onEnter(state: S, enter: () => void): void {
    this.enters.push(state, enter);
  }

  /** Runs once after `delayMs` (plus 0..`fudgeMs`) if the state still lasts. */
  after(delayMs: number, run: () => void, fudgeMs = 0): Task {
    return this.own(this.loop.task(run, this.core).once(delayMs, fudgeMs));
  }

  /** Runs every `periodMs` (plus 0..`fudgeMs`) while the state lasts. */
  every(periodMs: number, run: () => void, fudgeMs = 0): Task {
    return this.own(this.loop.task(run, this.core).every(periodMs, fudgeMs));
  }

  /** Runs in every turn while the state lasts. */
  poll(run: () => void): Poll {
    return this.own(this.loop.poll(run, this.core));
  }

  /** Told of every transition, before the new state's enter handlers run. */
  observe(observer: (from: S, to: S) => void): void {
    this.observers.push(observer);
  }

  private own(task: Task): Task {
    this.tasks.push(task);
    return task;
  }

  private enter(state: S): void {
    const from = this.state;
    this.next = undefined;
    for (const task of this.tasks) task.stop();
    this.tasks.length = 0;
    this.state = state;
    for (const observer of this.observers) observer(from, state);
    for (let index = 0; index < this.enters.length; index += 2) {
      if (this.enters[index] === state) (this.enters[index + 1] as () => void)();
    }
  }
}
