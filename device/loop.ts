// The loop: runs due tasks, then polls, then hands out native events, once per turn that C asks for. What the tasks do is theirs.

/** A failure of a non-core poll does not end polling; the next turn comes after this pause, so that it cannot spin. */
export const AFTER_ERROR_MS = 100;
/** Events handed out per turn; more of them wait for the next turn, which follows at once. */
export const EVENTS_PER_TURN = 32;

/** Something to run once, again and again, or in every turn. Made by `Loop.task` and `Loop.poll`. */
export class Task {
  /** Time on the loop's clock; set while active. */
  dueMs: number;
  /** The number of the turn in which it was armed: it runs in a later one. */
  armedIn: number;
  private periodMs: number;
  private fudgeMs: number;

  constructor(
    private readonly loop: Loop,
    private readonly list: Task[],
    readonly run: () => void,
    readonly core: boolean,
    readonly name: string | undefined,
  ) {
    this.dueMs = this.armedIn = this.periodMs = this.fudgeMs = 0;
  }

  /** Runs once after `delayMs` plus 0..`fudgeMs` at random; replaces what was asked for before. */
  once(delayMs: number, fudgeMs = 0): this {
    this.periodMs = 0;
    return this.arm(this.loop.now() + delayMs, fudgeMs);
  }

  /** Runs every `periodMs` plus 0..`fudgeMs` at random, for the first time after one such period. */
  every(periodMs: number, fudgeMs = 0): this {
    if (!(periodMs > 0)) throw new Error("period must be above 0");
    this.periodMs = periodMs;
    this.fudgeMs = fudgeMs;
    return this.arm(this.loop.now() + periodMs, fudgeMs);
  }

  stop(): void {
    const index = this.list.indexOf(this);
    if (index >= 0) this.list.splice(index, 1);
  }

  get active(): boolean {
    return this.list.indexOf(this) >= 0;
  }

  /** The loop is about to run it: a periodic task is armed again; periods that were missed are left out. */
  advance(nowMs: number): void {
    if (this.periodMs === 0) this.stop();
    else {
      const nextMs = this.dueMs + this.periodMs;
      this.arm(nextMs > nowMs ? nextMs : nowMs + this.periodMs, this.fudgeMs);
    }
  }

  private arm(dueMs: number, fudgeMs: number): this {
    this.dueMs = fudgeMs > 0 ? dueMs + randomBelow(fudgeMs) : dueMs;
    this.armedIn = this.loop.turns;
    if (!this.active) this.list.push(this);
    return this;
  }
}

/** Something that runs in every turn until `stop()`. */
export type Poll = Task;

export class Loop {
  /** Turns since boot. */
  turns: number;
  /** How late a task was at worst, in ms. */
  maxLagMs: number;
  /** The longest turn, in ms. */
  maxTurnMs: number;
  /** Takes the exceptions of what is not core; without it they are thrown as those of the core are. */
  onError: ((error: unknown) => void) | undefined;
  private readonly tasks: Task[];
  private readonly polls: Task[];
  private readonly handlers: ((event: NativeEvent) => void)[];
  private wantedMs: number;

  constructor() {
    this.turns = this.maxLagMs = this.maxTurnMs = 0;
    this.wantedMs = Infinity;
    this.tasks = [];
    this.polls = [];
    this.handlers = [];
    this.onError = undefined;
  }

  /** Milliseconds since boot. */
  now(): number {
    return native.now();
  }

  /** A task, not armed yet. An exception in a core task restarts the device, one in another is stored, published and survived. */
  task(run: () => void, core = false, name?: string): Task {
    return new Task(this, this.tasks, run, core, name);
  }

  /** Runs in every turn: when a socket is ready, an event came or a task is due. */
  poll(run: () => void, core = false): Poll {
    const poll = new Task(this, this.polls, run, core, undefined);
    this.polls.push(poll);
    return poll;
  }

  /** Takes the events of one kind (see NativeEvent); one handler a kind. It is not core. */
  onEvent(kind: number, handler: (event: NativeEvent) => void): void {
    while (this.handlers.length < kind) this.handlers.push(ignore);
    this.handlers[kind] = handler;
  }

  /** Asks for another turn at once. */
  soon(): void {
    this.wantedMs = 0;
  }

  /** Hands the loop to C, which calls `turn` from then on. */
  start(): void {
    native.onTurn(() => this.turn());
  }

  /** One turn. Returns when the next one is wanted on the clock of `now()`; Infinity if only an event or a socket can need one. */
  turn(): number {
    const startMs = this.now();
    this.turns++;
    this.wantedMs = Infinity;
    for (let task = this.next(startMs); task !== undefined; task = this.next(startMs)) {
      if (startMs - task.dueMs > this.maxLagMs) this.maxLagMs = startMs - task.dueMs;
      task.advance(startMs);
      this.guard(task.run, task.core);
    }
    // A poll may stop itself or an earlier one: then the next one has moved to this index.
    for (let index = 0; index < this.polls.length; ) {
      const poll = this.polls[index] as Task;
      this.guard(poll.run, poll.core);
      if (this.polls[index] === poll) index++;
    }
    this.drain();
    const tookMs = this.now() - startMs;
    if (tookMs > this.maxTurnMs) this.maxTurnMs = tookMs;
    let wantedMs = this.wantedMs;
    for (const task of this.tasks) if (task.dueMs < wantedMs) wantedMs = task.dueMs;
    return wantedMs;
  }

  /** Runs `run`; what it throws goes to `onError`, unless it is core. */
  guard(run: () => void, core: boolean): void {
    try {
      run();
    } catch (error) {
      if (core || this.onError === undefined) throw error;
      // What it left undone (bytes in a socket are announced once) gets another chance soon.
      this.wantedMs = Math.min(this.wantedMs, this.now() + AFTER_ERROR_MS);
      this.onError(error);
    }
  }

  /** The task that is due first, of those armed before this turn. */
  private next(nowMs: number): Task | undefined {
    let first: Task | undefined;
    for (const task of this.tasks) {
      if (task.dueMs > nowMs || task.armedIn === this.turns) continue;
      if (first === undefined || task.dueMs < first.dueMs) first = task;
    }
    return first;
  }

  private drain(): void {
    for (let count = 0; count < EVENTS_PER_TURN; count++) {
      const event = native.nextEvent();
      if (event === undefined) return;
      const handler = this.handlers[event[0]];
      if (handler !== undefined) this.guard(() => handler(event), false);
    }
    this.soon();
  }
}

function ignore(): void {}

/** A random number from 0 up to (not including) `limit`. */
export function randomBelow(limit: number): number {
  const bytes = native.random(3);
  return (((bytes[0] as number) * 65536 + (bytes[1] as number) * 256 + (bytes[2] as number)) / 16777216) * limit;
}
