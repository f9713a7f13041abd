// Proves tasks, polls, events and exceptions of device/loop.ts and the state machine, in virtual time.

import { beforeEach, expect, test } from "bun:test";
import { Loop } from "../../device/loop.ts";
import { StateMachine } from "../../device/state_machine.ts";
import type { MemoryChip } from "../../tools/sim/memory_native.ts";
import { freshNative } from "../support/fresh_native.ts";

let chip: MemoryChip;
let loop: Loop;
let seen: number[];
const note = (): void => void seen.push(Math.round(loop.now()));

beforeEach(() => {
  seen = [];
  chip = freshNative({
    program: () => {
      loop = new Loop();
      loop.onError = undefined;
      loop.start();
    },
  });
});
const wake = (): void => chip.wake();

test("once runs once, after its delay", () => {
  loop.task(note).once(1500);
  wake();
  chip.run(1499);
  expect(seen).toEqual([]);
  chip.run(10_000);
  expect(seen).toEqual([1500]);
});

test("every runs first after one period, and does not drift", () => {
  loop.task(note).every(250);
  wake();
  chip.run(1000);
  expect(seen).toEqual([250, 500, 750, 1000]);
});

test("a fudge adds up to its length at random, anew each time", () => {
  loop.task(note).every(1000, 500);
  wake();
  chip.run(60_000);
  const gaps = seen.map((at, index) => at - (seen[index - 1] ?? 0));
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(999);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(1501);
  expect(new Set(gaps).size).toBeGreaterThan(10);
});

test("stop ends a task, also from within it, and once replaces every", () => {
  const task = loop.task(() => {
    note();
    if (seen.length === 2) task.stop();
  });
  task.every(100);
  const other = loop.task(note).every(10_000);
  other.once(5000);
  expect(task.active).toBe(true);
  wake();
  chip.run(60_000);
  expect(seen).toEqual([100, 200, 5000]);
  expect(task.active).toBe(false);
});

test("tasks that are due together run in the order in which they are due", () => {
  const order: string[] = [];
  chip.run(1);
  loop.task(() => order.push("late")).once(20);
  loop.task(() => order.push("early")).once(10);
  loop.task(() => order.push("same")).once(20);
  chip.run(100);
  loop.turn();
  expect(order).toEqual(["early", "late", "same"]);
  expect(loop.maxLagMs).toBeCloseTo(90);
});

test("a task that arms itself for now does not keep the turn from ending", () => {
  const task = loop.task(() => {
    note();
    task.once(0);
  });
  task.once(0);
  loop.turn();
  expect(seen.length).toBe(1);
});

test("turn tells the next deadline, Infinity when there is none, and now after soon", () => {
  expect(loop.turn()).toBe(Infinity);
  loop.task(note).once(700);
  expect(loop.turn()).toBe(700);
  const poll = loop.poll(() => loop.soon());
  expect(loop.turn()).toBe(0);
  poll.stop();
  expect(loop.turn()).toBe(700);
});

test("polls run in every turn, and one may stop itself without hiding the next", () => {
  const order: string[] = [];
  const first = loop.poll(() => {
    order.push("first");
    first.stop();
  });
  loop.poll(() => order.push("second"));
  loop.turn();
  loop.turn();
  expect(order).toEqual(["first", "second", "second"]);
});

test("events go to the handler of their kind", () => {
  const got: number[][] = [];
  loop.onEvent(3, (event) => got.push([event[0], event[1], event[2]]));
  chip.post(3, 14, 1);
  chip.post(2, 0, 0);
  chip.run(1);
  expect(got).toEqual([[3, 14, 1]]);
});

test("an exception that is not core is handed to onError and the others run", () => {
  const errors: unknown[] = [];
  loop.onError = (error) => errors.push(error);
  const fail = (what: unknown) => () => {
    throw what;
  };
  loop.task(fail(null)).once(0);
  loop.poll(fail("poll"));
  loop.onEvent(3, fail("event"));
  loop.task(note).once(0);
  chip.post(3, 0, 0);
  const next = loop.turn();
  expect(errors).toEqual([null, "poll", "event"]);
  expect(seen.length).toBe(1);
  expect(next).toBeCloseTo(100, 0);
});

test("an exception in a core task leaves the turn", () => {
  loop.onError = () => {};
  loop
    .task(() => {
      throw new Error("core");
    }, true)
    .once(0);
  expect(() => loop.turn()).toThrow("core");
});

type S = "a" | "b" | "c";
const machine = (): StateMachine<S> => new StateMachine<S>(loop, "a", { a: ["b"], b: ["c", "b"], c: ["a"] });

test("a transition that is not allowed throws and changes nothing", () => {
  const states = machine();
  expect(() => states.to("c")).toThrow("no transition from a to c");
  expect(states.state).toBe("a");
});

test("tasks and polls die with their state", () => {
  const states = machine();
  const happened: string[] = [];
  states.onEnter("b", () => {
    states.after(100, () => happened.push("after"));
    states.every(30, () => happened.push("every"));
    states.poll(() => happened.push("poll"));
  });
  states.to("b");
  states.after(50, () => states.to("c"));
  wake();
  chip.run(1000);
  expect(happened.filter((each) => each !== "poll")).toEqual(["every"]);
  const polls = happened.length;
  loop.turn();
  expect(happened.length).toBe(polls);
});

test("a transition inside an enter handler follows when the state is entered, and what the handler began dies", () => {
  const states = machine();
  const happened: string[] = [];
  states.observe((from, to) => happened.push(`${from}>${to}`));
  states.onEnter("b", () => {
    states.to("c");
    happened.push(`in ${states.state}`);
    states.after(0, () => happened.push("never"));
  });
  states.onEnter("b", () => happened.push("second"));
  states.to("b");
  loop.turn();
  expect(happened).toEqual(["a>b", "in b", "second", "b>c"]);
});

test("a state machine goes on after an enter handler that threw", () => {
  const states = machine();
  states.onEnter("b", () => {
    throw new Error("enter");
  });
  expect(() => states.to("b")).toThrow("enter");
  states.to("c");
  expect(states.state).toBe("c");
});
