// The scheduler of host firmware processes: one virtual clock, which moves on only when every process is idle and the network
// between them has gone quiet; as fast as that goes, or paced by real time. What a process is told is host_machine.ts's part.

import { SimClock } from "./clock.ts";

/** "fast": no waiting. A number: device seconds per real second, at most. */
export type Pace = "fast" | number;

/** What the scheduler asks of a machine. */
export interface Scheduled {
  readonly address: string;
  /** It computes (or starts, or dies); time stands still until it is done. */
  readonly busy: boolean;
  /** Virtual time at which it wants to be woken; Infinity when it waits for others only. */
  readonly wakeUs: number;
  /** It neither computes nor would like to: whatever it was sent it has taken, or does not want. */
  readonly still: boolean;
  /** Something from the world waits to be told to it. */
  readonly hasMail: boolean;
  /** Tells it the time and its mail; it is busy afterwards. */
  grant(): void;
  /** Ends it if it has been busy for too long. */
  checkHang(): void;
}

const QUIET_TURNS = 3;
/** Real time after bytes were sent to a machine in which it may still wake up. */
const SENT_GRACE_MS = 1;
const EXPECT_MS = 25;
/** A lag behind the pace that is not made up for. */
const LAG_MAX_MS = 200;
const LOOK_MS = 25;

export class HostWorld {
  readonly clock = new SimClock();
  readonly #machines = new Set<Scheduled>();
  readonly #acts: (() => void)[] = [];
  #pace: Pace;
  readonly #real: boolean;
  /** Extra real time to wait for quiet when the broker or the peers are other processes, whose traffic is not seen. */
  externalGraceMs = 0;
  /** Event-loop turns without traffic that count as quiet. */
  quietTurns = QUIET_TURNS;
  /** A machine that was sent bytes, does not report idle by then, in real time, and stands still was not interested. */
  expectMs = EXPECT_MS;
  #holds = 0;
  #traffic = 0;
  #lastTrafficMs = 0;
  readonly #expected = new Map<Scheduled, number>();
  #wake: (() => void) | undefined;
  #poked = false;
  #running: Promise<void> | undefined;
  #stopped = false;
  #failure: unknown;
  #anchorRealMs = 0;
  #anchorUs = 0;

  /** `real`: there is a machine on it whose time is real, so that its pace stays 1 whatever it is set to. */
  constructor(pace: Pace = "fast", real = false) {
    this.#pace = real ? 1 : pace;
    this.#real = real;
  }

  get pace(): Pace {
    return this.#pace;
  }

  /** Changes the pace from now on. */
  setPace(pace: Pace): void {
    if (this.#real) return;
    this.#pace = pace;
    this.#anchor();
    this.poke();
  }

  add(machine: Scheduled): void {
    this.#machines.add(machine);
    this.poke();
  }

  remove(machine: Scheduled): void {
    this.#machines.delete(machine);
    this.#expected.delete(machine);
    this.poke();
  }

  /** Begins to let time pass. */
  start(): void {
    if (this.#running !== undefined) return;
    this.#anchor();
    this.#running = this.#loop().catch((error: unknown) => {
      this.#failure = error;
      this.#stopped = true;
    });
  }

  /** Time stands still from here on. Throws what a model or an act has thrown. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.poke();
    await this.#running;
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Something happened that the loop should look at. */
  poke(): void {
    this.#poked = true;
    this.#wake?.();
  }

  /** Bytes passed between a machine and something in this process. */
  noteTraffic(): void {
    this.#traffic++;
    this.#lastTrafficMs = performance.now();
  }

  /** Bytes were sent to a machine, which will wake up for them. */
  noteSent(address: string): void {
    this.noteTraffic();
    const now = performance.now();
    const known = [...this.#machines].filter((each) => each.address === address);
    for (const machine of known.length > 0 ? known : this.#machines) this.#expected.set(machine, now + this.expectMs);
  }

  /** A machine said that it is idle. */
  noteIdle(machine: Scheduled): void {
    this.#expected.delete(machine);
    this.noteTraffic();
    this.poke();
  }

  /** Runs `act` at the present virtual time, between two things that happen on their own. */
  act(act: () => void): void {
    this.#acts.push(act);
    this.poke();
  }

  /** Time stands still until what is returned is called. */
  hold(): () => void {
    let held = true;
    this.#holds++;
    return () => {
      if (held) this.#holds--;
      held = false;
      this.poke();
    };
  }

  /** Lets time pass until `done` is true; false when `limitMs` of virtual time went by before, or the world ended. Whoever is told that the
   * limit is reached finds the world at that very moment; it moves on behind him. */
  async until(done: () => boolean, limitMs: number): Promise<boolean> {
    this.start();
    let release: (() => void) | undefined;
    const timer = this.clock.after(limitMs * 1000, () => {
      release = this.hold();
    });
    while (release === undefined && !this.#stopped && !done()) await sleep(1);
    timer.cancelled = true;
    if (release !== undefined) setImmediate(release);
    if (this.#failure !== undefined) throw this.#failure;
    return done();
  }

  /** Lets time pass up to `limitMs` from now, to the microsecond, and then ends the world. */
  async runFor(limitMs: number): Promise<void> {
    this.clock.after(Math.round(limitMs * 1000), () => {
      this.#stopped = true;
    });
    this.start();
    await this.#running;
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Resolves when the world has ended. */
  async ended(): Promise<void> {
    await this.#running;
    if (this.#failure !== undefined) throw this.#failure;
  }

  #anchor(): void {
    this.#anchorRealMs = performance.now();
    this.#anchorUs = this.clock.nowUs;
  }

  async #loop(): Promise<void> {
    while (!this.#stopped) {
      if (this.#holds > 0 || [...this.#machines].some((each) => each.busy)) {
        await this.#event(LOOK_MS);
        for (const machine of this.#machines) machine.checkHang();
        continue;
      }
      if (!(await this.#quiet())) continue;
      for (let act = this.#acts.shift(); act !== undefined; act = this.#acts.shift()) act();
      if (this.#grantMail()) continue;
      const nextUs = Math.min(this.clock.nextUs(), ...[...this.#machines].map((each) => each.wakeUs));
      const waitMs = this.#waitMs(nextUs);
      if (waitMs > 1) {
        if (await this.#event(Math.min(waitMs, 0x7fff_ffff))) this.#catchUp(nextUs);
        continue;
      }
      if (nextUs === Number.POSITIVE_INFINITY) continue;
      this.#goTo(nextUs);
    }
  }

  /** Moves to the next thing that happens, and lets it happen. */
  #goTo(nextUs: number): void {
    if (this.clock.nextUs() <= nextUs) this.clock.step(nextUs);
    else this.clock.advanceTo(nextUs);
    if (this.#grantMail()) return;
    for (const machine of this.#machines) if (!machine.busy && machine.wakeUs <= this.clock.nowUs) machine.grant();
  }

  #grantMail(): boolean {
    let any = false;
    for (const machine of this.#machines) {
      if (machine.busy || !machine.hasMail) continue;
      machine.grant();
      any = true;
    }
    return any;
  }

  /** Real time until `nextUs` may come. */
  #waitMs(nextUs: number): number {
    if (this.#pace === "fast") return nextUs === Number.POSITIVE_INFINITY ? LOOK_MS : 0;
    const dueMs = this.#anchorRealMs + (nextUs - this.#anchorUs) / 1000 / this.#pace;
    const waitMs = dueMs - performance.now();
    if (waitMs < -LAG_MAX_MS) this.#anchor();
    return waitMs;
  }

  /** Something from outside woke a paced wait: it happens at the time that the pace has reached. */
  #catchUp(nextUs: number): void {
    if (this.#pace === "fast") return;
    const reachedUs = this.#anchorUs + (performance.now() - this.#anchorRealMs) * 1000 * this.#pace;
    const limitUs = Math.floor(Math.min(nextUs - 1, reachedUs));
    if (limitUs > this.clock.nowUs) this.clock.advanceTo(limitUs);
  }

  /** True when nothing has moved for a few turns of the event loop and nobody is expected to wake up. */
  async #quiet(): Promise<boolean> {
    const before = this.#traffic;
    for (let turn = 0; turn < this.quietTurns; turn++) await new Promise((done) => setImmediate(done));
    for (;;) {
      const now = performance.now();
      for (const [machine, limit] of this.#expected) if (limit <= now && machine.still) this.#expected.delete(machine);
      const graceMs = Math.max(this.#sentLately ? SENT_GRACE_MS : 0, this.externalGraceMs);
      // On a busy PC the time may be over before a machine has had its turn: then it does not stand still.
      const over = this.#expected.size === 0 && now - this.#lastTrafficMs >= graceMs;
      if (over && (graceMs === 0 || [...this.#machines].every((each) => each.still))) break;
      await sleep(1);
      if ([...this.#machines].some((each) => each.busy)) return false;
    }
    return this.#traffic === before;
  }

  get #sentLately(): boolean {
    return this.#expected.size > 0;
  }

  /** Waits for a poke; false when `limitMs` went by. */
  async #event(limitMs: number): Promise<boolean> {
    if (!this.#poked) {
      await new Promise<void>((done) => {
        const timer = setTimeout(done, limitMs);
        this.#wake = () => {
          clearTimeout(timer);
          done();
        };
      });
      this.#wake = undefined;
    }
    const poked = this.#poked;
    this.#poked = false;
    return poked;
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
