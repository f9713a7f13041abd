// What wall switches do: inputs are sampled and debounced, presses step outputs through the program's phases, outputs and program
// survive in NVS. Pins are boards.ts, the program language is program.ts, topics' periods are main.ts.

import type { Loop, Task } from "../../device/loop.ts";
import type { SwitchBoard } from "./boards.ts";
import { compileProgram, currentPhase, defaultProgram, FOLLOW, PUSH, type Rule } from "./program.ts";

const SPACE = "switch";
/** An input changed; see NativeEvent. */
const PIN_EDGE = 3;

export interface SwitchTimes {
  pollMs: number;
  debounceMs: number;
  longPressMs: number;
}

/** Takes what happened: a topic below stat/NAME/ and its payload. */
export type Tell = (topic: string, payload: string) => void;

export class Switch {
  /** The program's text; "" while none was given. */
  program: string;
  /** What became of the last program; undefined while none was given. */
  compilation: string | undefined;
  /** Told of each output that changed. */
  onOutput: (output: number) => void;
  /** Outputs that were set and not driven yet, as bits. */
  private changes: number;
  private rules: Rule[];
  private readonly states: boolean[];
  /** Debounced inputs as bits, and the raw ones with the time since when each is as it is. */
  private inputs: number;
  private raw: number;
  private readonly sinceMs: number[];
  /** When the press of a push button counts as long; Infinity when it was, or is none. */
  private readonly longAtMs: number[];
  /** While nothing moves there is nothing to look at: the board tells of the next change. */
  private resting: boolean;
  private lookedMs: number;
  private task: Task | undefined;

  /** Restores outputs at once; `begin` starts to look at the inputs. */
  constructor(
    private readonly board: SwitchBoard,
    private readonly tell: Tell,
  ) {
    this.states = [];
    this.sinceMs = [];
    this.longAtMs = [];
    this.inputs = this.raw = this.changes = this.lookedMs = 0;
    this.resting = false;
    this.task = undefined;
    this.onOutput = () => {};
    for (let output = 0; output < board.outputs; output++)
      this.states.push(native.nvsGet(SPACE, String(output)) === "1");
    this.drive();
    this.program = native.nvsGet(SPACE, "program") ?? "";
    this.compilation = undefined;
    this.rules = defaultProgram(board.inputs, board.outputs);
    if (this.program !== "") this.compile(this.program);
  }

  /** Takes the inputs as they are, without events; what follows a switch is set. */
  begin(loop: Loop, times: SwitchTimes): void {
    this.inputs = this.raw = this.board.read();
    for (let manual = 0; manual < this.board.inputs; manual++) {
      this.sinceMs.push(loop.now());
      this.longAtMs.push(Infinity);
      const rule = this.ruleOf(manual);
      if (rule?.kind === FOLLOW) this.enter(rule, this.isOn(manual) ? 1 : 0);
    }
    this.task = loop.task(() => this.look(loop.now(), times), true, "manuals").every(times.pollMs);
    loop.onEvent(PIN_EDGE, () => this.wake(loop.now(), times.pollMs));
  }

  get outputs(): number {
    return this.board.outputs;
  }

  get manuals(): number {
    return this.board.inputs;
  }

  isSet(output: number): boolean {
    return this.states[output] === true;
  }

  /** Switches an output: `on`, `1`, `up`, `off`, `0`, `down`; anything else is ignored. */
  command(output: number, payload: string): void {
    const on = payload === "on" || payload === "1" || payload === "up";
    if (!on && payload !== "off" && payload !== "0" && payload !== "down") return;
    this.set(output, on);
    this.drive();
  }

  /** A new program, which is in force and kept when it has no fault; see `compilation`. */
  setProgram(text: string): void {
    if (!this.compile(text)) return;
    this.program = text;
    native.nvsSet(SPACE, "program", text);
  }

  private compile(text: string): boolean {
    const rules = compileProgram(text, this.board.inputs, this.board.outputs);
    const good = typeof rules !== "string";
    this.compilation = good ? "Success" : rules;
    if (good) this.rules = rules;
    return good;
  }

  private look(nowMs: number, times: SwitchTimes): void {
    if (this.resting) {
      this.resting = false;
      this.board.watch(false);
      this.task?.every(times.pollMs);
    }
    this.lookedMs = nowMs;
    const raw = this.board.read();
    let moving = false;
    for (let manual = 0; manual < this.board.inputs; manual++) {
      const bit = 1 << manual;
      if (((raw ^ this.raw) & bit) !== 0) this.sinceMs[manual] = nowMs;
      if (((raw ^ this.inputs) & bit) !== 0 && nowMs - (this.sinceMs[manual] as number) >= times.debounceMs) {
        this.inputs ^= bit;
        this.longAtMs[manual] = this.isOn(manual) ? nowMs + times.longPressMs : Infinity;
        this.changed(manual);
      } else if (nowMs >= (this.longAtMs[manual] as number)) {
        this.longAtMs[manual] = Infinity;
        this.held(manual);
      }
      if (this.longAtMs[manual] !== Infinity) moving = true;
    }
    this.raw = raw;
    if (!moving && raw === this.inputs) this.rest();
  }

  /** Looks no more until an input changes. What changed before the board watched is seen by the second reading. */
  private rest(): void {
    if (!this.board.watch(true)) return;
    if (this.board.read() === this.raw) {
      this.resting = true;
      this.task?.stop();
    } else this.board.watch(false);
  }

  /** Looks again from the next moment on at which it would have looked: the inputs are sampled as if that had never stopped. */
  private wake(nowMs: number, pollMs: number): void {
    if (!this.resting || this.task?.active) return;
    const passed = Math.max(1, Math.ceil((nowMs - this.lookedMs) / pollMs));
    this.task?.once(this.lookedMs + passed * pollMs - nowMs);
  }

  private changed(manual: number): void {
    const rule = this.ruleOf(manual);
    if (rule === undefined) return;
    const on = this.isOn(manual);
    if (rule.kind === PUSH) {
      if (!on) return;
      this.tellEvent(manual, "P");
    } else this.tellEvent(manual, String.fromCharCode(rule.kind) + (on ? "+" : "-"));
    const next = rule.kind === FOLLOW ? Number(on) : currentPhase(rule, this.states) + 1;
    this.enter(rule, next % rule.phases.length);
  }

  private held(manual: number): void {
    const rule = this.ruleOf(manual);
    if (rule === undefined || rule.kind !== PUSH) return;
    this.tellEvent(manual, "L");
    this.enter(rule, 0);
  }

  private tellEvent(manual: number, event: string): void {
    this.tell(`Manual${manual}/Event`, event);
  }

  private enter(rule: Rule, phase: number): void {
    for (const item of rule.phases[phase] ?? []) this.set(item < 0 ? -1 - item : item, item >= 0);
    this.drive();
  }

  private set(output: number, on: boolean): void {
    if (output >= this.board.outputs || this.states[output] === on) return;
    this.states[output] = on;
    this.changes |= 1 << output;
  }

  /** The light first, then what is kept and told about it. */
  private drive(): void {
    let bits = 0;
    for (let output = 0; output < this.states.length; output++) if (this.states[output]) bits |= 1 << output;
    this.board.write(bits);
    for (let output = 0; output < this.states.length; output++) {
      if (((this.changes >> output) & 1) === 0) continue;
      this.changes &= ~(1 << output);
      this.keep(output);
      this.onOutput(output);
    }
  }

  /** A worn-out medium must not take the lights with it. */
  private keep(output: number): void {
    try {
      native.nvsSet(SPACE, String(output), this.isSet(output) ? "1" : "0");
    } catch (_) {
      native.log(`output ${output} is not kept`);
    }
  }

  private isOn(manual: number): boolean {
    return ((this.inputs >> manual) & 1) === 1;
  }

  /** The last rule for a manual counts. */
  private ruleOf(manual: number): Rule | undefined {
    for (let index = this.rules.length - 1; index >= 0; index--) {
      const rule = this.rules[index] as Rule;
      if (rule.manual === manual) return rule;
    }
    return undefined;
  }
}
