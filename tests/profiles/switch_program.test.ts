// Proves the program language of the wall switches: what compiles to what, each fault's words, and which phase is the current one.

import { expect, test } from "bun:test";
import { compileProgram, currentPhase, defaultProgram, FOLLOW, PUSH, TOGGLE } from "../../profiles/switch/program.ts";

const compile = (text: string) => compileProgram(text, 4, 4);

test("a manual, its kind and its phases", () => {
  expect(compile("1:P:-0,-1/+0/+1,-0")).toEqual([{ manual: 1, kind: PUSH, phases: [[-1, -2], [0], [1, -1]] }]);
});

test("rules are joined by ;", () => {
  const rules = compile("0:P:-0/+0;1:T:-1/+1;2:R:-2/+2");
  expect(rules).toMatchObject([{ kind: PUSH }, { kind: TOGGLE }, { kind: FOLLOW }]);
});

test("numbers are taken modulo their count", () => {
  expect(compileProgram("7:P:+9/-6", 3, 4)).toEqual([{ manual: 1, kind: PUSH, phases: [[1], [-3]] }]);
});

for (const [text, fault] of [
  ["", "Program is nil"],
  ["0", "Program manual unexp: 0"],
  ["0:P", "Program manual unexp: 0:P"],
  ["0:P:+1:", "Program manual unexp: 0:P:+1:"],
  ["0:P:+1;", "Program manual unexp: "],
  ["x:P:+1", "Program manual# unexp: x"],
  [":P:+1", "Program manual# unexp: "],
  ["-1:P:+1", "Program manual# unexp: -1"],
  ["0:X:+1", "Program kind unexp: X"],
  ["0:p:+1", "Program kind unexp: p"],
  ["0::+1", "Program kind unexp: "],
  ["0:P:", "Phase empty"],
  ["0:P:+1/", "Phase empty"],
  ["0:P:+1//-1", "Phase empty"],
  ["0:P:+", "Switch len unexp: +"],
  ["0:P:+1,", "Switch len unexp: "],
  ["0:P:1/+1", "Switch len unexp: 1"],
  ["0:P:11", "Switch sign unexp: 11"],
  ["0:P:+x", "Phase switch# unexp: +x"],
  ["0:P:+1.5", "Phase switch# unexp: +1.5"],
] as const) {
  test(`${JSON.stringify(text)}: ${fault}`, () => expect(compile(text)).toBe(fault));
}

test("without a program manual n toggles output n modulo outputs", () => {
  expect(defaultProgram(3, 2)).toEqual(compileProgram("0:P:-0/+0;1:P:-1/+1;2:P:-0/+0", 3, 2) as []);
});

test("the current phase is the first one whose outputs all match", () => {
  const [rule] = compile("0:P:-0,-1/+0/+0,+1") as [never];
  expect(currentPhase(rule, [false, false])).toBe(0);
  expect(currentPhase(rule, [true, false])).toBe(1);
  expect(currentPhase(rule, [true, true])).toBe(1);
  expect(currentPhase(rule, [false, true])).toBe(-1);
});
