// Proves that a scenario fails when the appliance does something else, that it says at which step, and that traces that differ are told apart.

import { expect, test } from "bun:test";
import { difference, TOLERANCE_MS } from "../../tools/scenarios/compare.ts";
import type { Played } from "../../tools/scenarios/player.ts";
import { outcomeOn, playOn } from "../../tools/scenarios/run.ts";
import {
  edges,
  gaps,
  lit,
  mark,
  needsOf,
  online,
  pins,
  range,
  resets,
  type Scenario,
  type Step,
  says,
  sees,
  send,
  shows,
  wait,
  world,
} from "../../tools/scenarios/scenario.ts";
import { type TraceEntry, Tracer } from "../../tools/scenarios/stage.ts";
import { chooseMachine } from "../../tools/sim/machines.ts";

const PROCESS = chooseMachine("process");
const relay = (...steps: Step[]): Scenario => ({
  name: "relay/x",
  profile: "relay",
  proves: [],
  steps: [online, ...steps],
});

test.each([
  ["a payload that never comes", [sees("0/State", "1", "5s")], 'it said ["0"]'],
  ["a publication too many", [wait("3s"), says("0/State")], 'it said ["0"]'],
  ["one that is missing", [says("0/State", "0")], "it said []"],
  ["one that comes too soon", [mark, sees("0/State", "0", "10s", "9s")], "after the mark already"],
  ["a level", [pins({ 25: 0 })], "pins are 25=1"],
  ["edges", [mark, wait("10s"), edges(2, 0)], "there were "],
  ["a reset", [resets("watchdog")], "there was []"],
  ["times between", [wait("61m"), gaps("0/State", 2, "20m")], "1800000 ms between them"],
  ["numbers", [wait("3s"), range("0/State", 1, 2)], 'it said ["0"]'],
  ["a text", [shows("Weather")], "it shows ["],
  ["a dot", [lit(0, 63)], "it is not so"],
  ["a line that nothing takes", [world("tap 12")], 'nothing here takes "tap"'],
] as const)("%s is a failure that names its step", async (_what, steps, why) => {
  const { failures } = await playOn(PROCESS, relay(...steps));
  expect(failures.length).toBe(1);
  expect(failures[0]).toStartWith(`step ${1 + steps.length} (`);
  expect(failures[0]).toContain(why);
});

test("what comes is taken once", async () => {
  const { failures } = await playOn(
    PROCESS,
    relay(sees("0/State", "0"), says("0/State"), send("0/TurnOnWithTimeout", "9")),
  );
  expect(failures).toEqual([]);
});

test("a machine that lacks what is done is told; what it lacks for looking only is not looked at", async () => {
  const board = chooseMachine("board:garage");
  const cut = await outcomeOn(board, relay(world("power off")));
  expect(cut).toMatchObject({ verdict: "left out", why: ["board:garage has no power (the power can be cut)"] });
  const other = await outcomeOn(board, relay(), "energy");
  expect(other.why).toEqual(["it is about relay, and board:garage runs energy"]);
  expect([...needsOf(relay(pins({ 25: 1 }), shows("x")))]).toEqual([]);
  expect([...needsOf(relay(wait("6m")))]).toEqual(["time"]);
});

test("a step that is not looked at may have taken its time", async () => {
  const blind = new Set([...PROCESS.abilities].filter((each) => each !== "networks"));
  const scenario = relay(
    sees("0/State", "0"),
    send("OTA", "reboot"),
    sees("net", "on", "20s"),
    sees("LWT", "online", "5s"),
  );
  expect(await playOn({ ...PROCESS, abilities: blind }, scenario)).toMatchObject({
    failures: [],
    unseen: ["networks"],
  });
});

const played = (...trace: TraceEntry[]): Played => ({ failures: [], unseen: [], trace, ms: 100_000 });
const at = (atMs: number, value: string, stream = "V"): TraceEntry => ({ atMs, stream, value });

test("traces agree when each stream has the same values in the same order at about the same time", () => {
  const one = played(at(1000, "1"), at(1000, "x", "W"), at(9000, "2"));
  expect(difference(one, played(at(1000, "x", "W"), at(1000 + TOLERANCE_MS, "1"), at(9000, "2")))).toEqual([]);
  expect(difference(one, played(at(1000, "1"), at(1000, "x", "W"), at(9000, "3")))).toEqual([
    'V: "2" at 9000.0 ms here, "3" at 9000.0 ms there (entry 2)',
  ]);
  expect(difference(one, played(at(1000, "1"), at(1000, "x", "W")))).toEqual([
    'V: "2" at 9000.0 ms here, nothing there (entry 2)',
  ]);
  expect(difference(played(at(1000, "1")), played(at(2600, "1"))).length).toBe(1);
  expect(difference(played(), played(at(5000, "1"))).length).toBe(1);
});

test("what happened just before the end or a reset may be missing in one of them", () => {
  expect(difference(played(), played(at(99_000, "1")))).toEqual([]);
  const reset = at(50_000, "software", "reset");
  expect(difference(played(reset, at(60_000, "2")), played(at(49_000, "1"), reset, at(60_000, "2")))).toEqual([]);
  expect(difference(played(reset), played(at(40_000, "1"), reset)).length).toBe(1);
});

test("a back trace in pieces is one entry, and figures are none", () => {
  const tracer = new Tracer();
  const entries = ['exception {"message":', '"more', 'end"}', "stats reset", "boots 1 2"].map((line) =>
    tracer.entry("Log", line, 0),
  );
  expect(entries.map((each) => each?.value)).toEqual(["exception", undefined, undefined, "stats reset", "boots"]);
  expect(tracer.entry("LWT", "offline", 0)).toBeUndefined();
});
