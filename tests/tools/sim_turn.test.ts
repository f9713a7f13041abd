// Proves what a turn of a process counts as taken: computing and standing still, but not waiting for a processor.

import { expect, test } from "bun:test";
import { type ProcessState, processState, Turn } from "../../tools/sim/turn.ts";

const LOOK_MS = 25;
const FIRST_MS = 300;

/** A turn after its first look, and what lets time pass and looks. */
function begun() {
  let nowMs = 0;
  const process: ProcessState = { cpuMs: 70, still: false };
  const turn = new Turn(
    () => ({ ...process }),
    () => nowMs,
  );
  const pass = (ms: number) => {
    nowMs += ms;
    return turn.look();
  };
  pass(FIRST_MS);
  return { process, pass };
}

test("a turn that computes takes its processor time", () => {
  const { process, pass } = begun();
  process.cpuMs += 20;
  expect(pass(LOOK_MS)).toBe(20);
  process.cpuMs += 10;
  expect(pass(LOOK_MS)).toBe(30);
});

test("a turn that waits for a processor takes nothing", () => {
  const { pass } = begun();
  expect(pass(60_000)).toBe(0);
});

test("a turn that stands still takes the time that passes", () => {
  const { process, pass } = begun();
  process.still = true;
  expect(pass(LOOK_MS)).toBe(LOOK_MS);
  expect(pass(LOOK_MS)).toBe(2 * LOOK_MS);
});

test("who looks late, because this PC is busy, does not count all of it as stood still", () => {
  const { process, pass } = begun();
  process.still = true;
  expect(pass(60_000)).toBe(100);
});

test("a stopped process stands still, and this one, which computes, does not", async () => {
  const child = Bun.spawn(["sleep", "60"]);
  child.kill("SIGSTOP");
  while (!processState(child.pid).still) await new Promise((done) => setImmediate(done));
  expect(processState(process.pid).still).toBe(false);
  expect(processState(process.pid).cpuMs).toBeGreaterThan(0);
  child.kill(9);
  await child.exited;
});

test("of a process that the kernel does not know all time counts", () => {
  expect(processState(2 ** 30)).toEqual({ cpuMs: 0, still: true });
});
