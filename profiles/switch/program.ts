// The program language of the wall switches as text to data: which manual (wall switch) steps which outputs through which phases.
// What a press does with it is switch.ts. Pure.

export const PUSH = 80; // P
export const TOGGLE = 84; // T
export const FOLLOW = 82; // R

/** One manual of a program. */
export interface Rule {
  manual: number;
  /** PUSH, TOGGLE or FOLLOW: the letter's character code. */
  kind: number;
  /** A phase is what outputs shall be: `n` on, `-1 - n` off. */
  phases: number[][];
}

/** `manual:kind:phases;...` for so many manuals and outputs (each at least 1). Returns the rules, or what to say on ProgramCompilation
 * about the first fault. Numbers are taken modulo their count. Of two rules for a manual the last one counts. */
export function compileProgram(text: string, manuals: number, outputs: number): Rule[] | string {
  if (text === "") return "Program is nil";
  const rules: Rule[] = [];
  for (const part of text.split(";")) {
    const fields = part.split(":");
    if (fields.length !== 3) return `Program manual unexp: ${part}`;
    const manual = wholeNumber(fields[0] as string);
    if (manual < 0) return `Program manual# unexp: ${fields[0]}`;
    const kind = fields[1] as string;
    if (kind !== "P" && kind !== "T" && kind !== "R") return `Program kind unexp: ${kind}`;
    const phases = compilePhases(fields[2] as string, outputs);
    if (typeof phases === "string") return phases;
    rules.push({ manual: manual % manuals, kind: kind.charCodeAt(0), phases });
  }
  return rules;
}

function compilePhases(text: string, outputs: number): number[][] | string {
  const phases: number[][] = [];
  for (const part of text.split("/")) {
    if (part === "") return "Phase empty";
    const phase: number[] = [];
    for (const item of part.split(",")) {
      if (item.length < 2) return `Switch len unexp: ${item}`;
      const sign = item.charAt(0);
      if (sign !== "+" && sign !== "-") return `Switch sign unexp: ${item}`;
      const number = wholeNumber(item.slice(1));
      if (number < 0) return `Phase switch# unexp: ${item}`;
      phase.push(sign === "+" ? number % outputs : -1 - (number % outputs));
    }
    phases.push(phase);
  }
  return phases;
}

/** Digits only; -1 for anything else. */
function wholeNumber(text: string): number {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 48 || code > 57) return -1;
  }
  return text === "" ? -1 : Number(text);
}

/** Manual n toggles output n modulo outputs. */
export function defaultProgram(manuals: number, outputs: number): Rule[] {
  const rules: Rule[] = [];
  for (let manual = 0; manual < manuals; manual++) {
    const output = manual % outputs;
    rules.push({ manual, kind: PUSH, phases: [[-1 - output], [output]] });
  }
  return rules;
}

/** The index of the first phase whose outputs all match `states`, -1 if none does. */
export function currentPhase(rule: Rule, states: readonly boolean[]): number {
  for (let index = 0; index < rule.phases.length; index++) {
    let matches = true;
    for (const item of rule.phases[index] as number[]) {
      if (states[item < 0 ? -1 - item : item] !== item >= 0) matches = false;
    }
    if (matches) return index;
  }
  return -1;
}
