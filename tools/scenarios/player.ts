// Carries a scenario out, step by step, in the stage's time, and compares what the appliance does with what it has to do. All that happens
// here happens in callbacks of the stage's clock, so that a step comes at the same moment on every machine.

import type { Ability } from "../sim/machines.ts";
import { textOf } from "./display_text.ts";
import { type Scenario, type Step, sightOf } from "./scenario.ts";
import type { Stage, TraceEntry } from "./stage.ts";

/** What a device does comes on its own seconds, looks at switches and counts of pulses on tenths of them. The next step stands aside, so that
 * both do not meet. */
const ASIDE_MS = 330;
/** Between two looks at a display that blinks. */
const BLINK_LOOK_MS = 1000;
const BLINK_LOOKS = 4;

interface Publication {
  atMs: number;
  sub: string;
  payload: string;
  taken: boolean;
}

export interface Played {
  /** What went wrong, with the step; none: the scenario is true here. */
  failures: string[];
  trace: TraceEntry[];
  /** What the machine does not show, so that it was not looked at. */
  unseen: Ability[];
  /** Time that passed, by the stage's clock. */
  ms: number;
}

/** Plays a scenario to its end or to its first failure. `abilities`: the machine's. The stage stays open. */
export function play(scenario: Scenario, stage: Stage, abilities: ReadonlySet<Ability>): Promise<Played> {
  return new Player(scenario, stage, abilities).play();
}

class Player {
  readonly #scenario: Scenario;
  readonly #stage: Stage;
  readonly #said: Publication[] = [];
  readonly #trace: TraceEntry[] = [];
  readonly #failures: string[] = [];
  #at = 0;
  #ended = false;
  #markMs = 0;
  #marked = 0;
  /** What steps that are not looked at may have taken: a step after them waits for so much longer. */
  #unseenMs = 0;
  /** Called for each publication while a step waits for one. */
  #waiting: (() => void) | undefined;

  readonly #abilities: ReadonlySet<Ability>;
  readonly #unseen = new Set<Ability>();

  constructor(scenario: Scenario, stage: Stage, abilities: ReadonlySet<Ability>) {
    this.#abilities = abilities;
    this.#scenario = scenario;
    this.#stage = stage;
    stage.onTrace = (entry) => this.#take(entry);
  }

  async play(): Promise<Played> {
    const stage = this.#stage;
    for (const line of this.#scenario.before ?? []) this.#guard(() => stage.act(line));
    stage.after(0, () => this.#next());
    await stage.play(() => this.#ended);
    if (!this.#ended) this.#failures.push(`the machine stopped at ${this.#where()}`);
    return { failures: this.#failures, trace: this.#trace, unseen: [...this.#unseen], ms: stage.nowMs };
  }

  #take(entry: TraceEntry): void {
    if (this.#ended) return;
    this.#trace.push(entry);
    if (/^(pin |cpu$)/.test(entry.stream)) return;
    this.#said.push({ atMs: entry.atMs, sub: entry.stream, payload: entry.value, taken: false });
    this.#waiting?.();
  }

  #next(): void {
    const step = this.#scenario.steps[this.#at];
    if (step === undefined || this.#failures.length > 0) {
      this.#ended = true;
      return;
    }
    const sight = sightOf(step);
    if (sight !== undefined && !this.#abilities.has(sight)) {
      this.#unseen.add(sight);
      if (step.do === "sees") this.#unseenMs += step.ms;
      this.#done();
    } else this.#guard(() => this.#carryOut(step));
  }

  #guard(act: () => void): void {
    try {
      act();
    } catch (thrown) {
      this.#fail(thrown instanceof Error ? thrown.message : String(thrown));
    }
  }

  /** The step is done: on with the next one, now or later. */
  #done(): void {
    this.#at++;
    this.#next();
  }

  #fail(why: string): void {
    this.#failures.push(`${this.#where()}: ${why}`);
    this.#ended = true;
  }

  #where(): string {
    const { do: what, ...rest } = this.#scenario.steps[this.#at] ?? { do: "its beginning" };
    const words = Object.values(rest).map((each) => (each instanceof RegExp ? String(each) : JSON.stringify(each)));
    return `step ${this.#at + 1} (${[what, ...words].join(" ")}) at ${(this.#stage.nowMs / 1000).toFixed(1)} s`;
  }

  #check(good: boolean, why: () => string): void {
    if (good) this.#done();
    else this.#fail(why());
  }

  #new(sub: string): Publication[] {
    return this.#said.filter((each) => each.sub === sub && !each.taken);
  }

  #takeAll(sub: string): Publication[] {
    const found = this.#new(sub);
    for (const each of found) each.taken = true;
    return found;
  }

  #carryOut(step: Step): void {
    const stage = this.#stage;
    switch (step.do) {
      case "wait":
        this.#at++;
        stage.pass(step.ms, () => this.#next());
        return;
      case "world":
        this.#trace.push({ atMs: stage.nowMs, stream: "world", value: step.line });
        stage.act(step.line);
        this.#done();
        return;
      case "send":
        stage.publish(`cmnd/${stage.name}/${step.sub}`, step.payload, step.retain);
        this.#done();
        return;
      case "says": {
        const payloads = this.#takeAll(step.sub).map((each) => each.payload);
        this.#check(
          JSON.stringify(payloads) === JSON.stringify(step.payloads),
          () => `it said ${JSON.stringify(payloads)}`,
        );
        return;
      }
      case "sees":
        this.#see(step);
        return;
      case "gaps":
        this.#gaps(step);
        return;
      case "range": {
        const payloads = this.#takeAll(step.sub).map((each) => each.payload);
        const inside = (text: string) => Number(text) >= step.min && Number(text) <= step.max;
        this.#check(payloads.length > 0 && payloads.every(inside), () => `it said ${JSON.stringify(payloads)}`);
        return;
      }
      case "forget":
        for (const each of this.#said) each.taken = true;
        this.#done();
        return;
      case "mark":
        this.#markMs = stage.nowMs;
        this.#marked = this.#trace.length;
        this.#done();
        return;
      case "pins": {
        const levels = Object.keys(step.levels).map((pin) => [pin, stage.board?.outputs.get(Number(pin))]);
        const wrong = levels.filter(([pin, level]) => level !== step.levels[Number(pin)]);
        this.#check(wrong.length === 0, () => `pins are ${wrong.map(([pin, level]) => `${pin}=${level}`).join(" ")}`);
        return;
      }
      case "edges": {
        const count = this.#trace.slice(this.#marked).filter((each) => each.stream === `pin ${step.pin}`).length;
        this.#check(count >= step.min && count <= step.max, () => `there were ${count}`);
        return;
      }
      case "order": {
        let next = 0;
        for (const { stream, value } of this.#trace.slice(this.#marked))
          if (`${stream}=${value}` === step.events[next]) next++;
        this.#check(next === step.events.length, () => `there was no ${step.events[next]} at its place`);
        return;
      }
      case "resets":
      case "cpu": {
        const stream = step.do === "cpu" ? "cpu" : "reset";
        const all = this.#trace.filter((each) => each.stream === stream).map((each) => each.value);
        const wanted = step.do === "cpu" ? [String(step.mhz)] : step.reasons;
        const seen = step.do === "cpu" ? all.slice(-1) : all;
        this.#check(JSON.stringify(seen) === JSON.stringify(wanted), () => `there was ${JSON.stringify(all)}`);
        return;
      }
      case "shows":
        this.#shows(step.text);
        return;
      case "lit":
        this.#check(stage.picture?.lit(step.x, step.y) === step.on, () => "it is not so");
        return;
      case "blinking":
        this.#blinking(step, []);
        return;
    }
  }

  #see(step: Step & { do: "sees" }): void {
    const good = (text: string) => (typeof step.payload === "string" ? text === step.payload : step.payload.test(text));
    let over = false;
    const look = () => {
      if (over) return;
      const found = this.#new(step.sub).find((each) => good(each.payload));
      if (found === undefined) return;
      over = true;
      this.#waiting = undefined;
      for (const each of this.#new(step.sub))
        if (this.#said.indexOf(each) <= this.#said.indexOf(found)) each.taken = true;
      const sinceMs = found.atMs - this.#markMs;
      if (sinceMs < step.minMs - this.#stage.lateMs)
        this.#fail(`it came ${(sinceMs / 1000).toFixed(1)} s after the mark already`);
      else this.#stage.after(ASIDE_MS, () => this.#done());
    };
    const limitMs = step.ms + this.#unseenMs + this.#stage.lateMs;
    this.#unseenMs = 0;
    this.#stage.after(limitMs, () => {
      if (over) return;
      over = true;
      this.#waiting = undefined;
      this.#fail(`it said ${JSON.stringify(this.#new(step.sub).map((each) => each.payload))}`);
    });
    this.#waiting = look;
    look();
  }

  #gaps(step: Step & { do: "gaps" }): void {
    const times = this.#takeAll(step.sub).map((each) => each.atMs);
    const spans = times.slice(1).map((each, index) => each - (times[index] as number));
    const { lateMs } = this.#stage;
    const good = (ms: number) => ms >= step.minMs - lateMs && ms <= step.maxMs + lateMs;
    this.#check(
      times.length >= step.count && spans.every(good),
      () => `${times.length} with ${spans.map(Math.round).join(", ")} ms between them`,
    );
  }

  #shows(text: string | RegExp): void {
    const { picture, ip = "" } = this.#stage;
    const rows = picture === undefined ? [] : textOf(picture);
    const asked =
      typeof text === "string" ? text.replace("IPTAIL", ip.split(".").slice(2).join(".")).replace("IP", ip) : text;
    const good = (row: string) => (typeof asked === "string" ? row.includes(asked) : asked.test(row));
    this.#check(rows.some(good), () => `it shows ${JSON.stringify(rows)}`);
  }

  #blinking(step: Step & { do: "blinking" }, looks: boolean[]): void {
    const lit = this.#stage.picture?.lit(step.x, step.y) === true;
    const all = [...looks, lit];
    if (all.length < BLINK_LOOKS) {
      this.#stage.after(BLINK_LOOK_MS, () => this.#guard(() => this.#blinking(step, all)));
      return;
    }
    const changes = all.slice(1).filter((each, index) => each !== all[index]).length;
    this.#check(changes === BLINK_LOOKS - 1, () => `it was ${all.map(Number).join(" ")}`);
  }
}
