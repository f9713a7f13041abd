// The form of a scenario: what is done to an appliance in which order, and what it has to say and do then. Data only, so that the same
// scenario runs on any machine; player.ts carries it out. What it needs of a machine is mostly read from
// its steps.

import { parseDuration } from "../sim/events.ts";
import type { Ability } from "../sim/machines.ts";

export interface Scenario {
  /** `profile/what`. */
  name: string;
  profile: string;
  /** Sentences of the reference (sentences.ts) that it would fail without. */
  proves: string[];
  /** Lines of config.txt behind the usual ones and the profile's own of config.sample.txt; a token given here counts. */
  config?: string;
  /** Profile of another device on the same air, which gets its power by `world("peer on")`. */
  peer?: string;
  /** Lines of its config.txt, as `config`. */
  peerConfig?: string;
  /** What is so before the power comes: lines as `world` takes. */
  before?: string[];
  /** What it takes for granted beside what its steps show: `power` for a device that has just come up. */
  needs?: Ability[];
  steps: Step[];
}

/** `sub` is a topic below stat/NAME/ or cmnd/NAME/, or `net` for the states of its network, `reset`, `peer reset`, or `said by device`
 * and `said by peer` for what goes over the air in version 2. A publication is new until a step has taken it. */
export type Step =
  | { do: "wait"; ms: number }
  | { do: "world"; line: string }
  | { do: "send"; sub: string; payload: string; retain: boolean }
  | { do: "says"; sub: string; payloads: string[] }
  | { do: "sees"; sub: string; payload: string | RegExp; ms: number; minMs: number }
  | { do: "gaps"; sub: string; minMs: number; maxMs: number; count: number }
  | { do: "range"; sub: string; min: number; max: number }
  | { do: "forget" }
  | { do: "mark" }
  | { do: "pins"; levels: Record<number, number> }
  | { do: "edges"; pin: number; min: number; max: number }
  | { do: "order"; events: string[] }
  | { do: "resets"; reasons: string[] }
  | { do: "cpu"; mhz: number }
  | { do: "shows"; text: string | RegExp }
  | { do: "lit"; x: number; y: number; on: boolean }
  | { do: "blinking"; x: number; y: number };

function durationMs(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new Error(`${text} is no duration: 500ms, 90s, 10m, 2h, 1d`);
  return ms;
}

/** Time passes. */
export const wait = (duration: string): Step => ({ do: "wait", ms: durationMs(duration) });

/** A person or fate does something: `network off`, `broker on`, `power off`, `reset`, `pin 26 0`, or a line of the profile's parts. */
export const world = (line: string): Step => ({ do: "world", line });

/** A message on cmnd/NAME/`sub`. */
export const send = (sub: string, payload: string, retain = false): Step => ({ do: "send", sub, payload, retain });

/** The new publications on a topic are exactly these; none: it was silent. */
export const says = (sub: string, ...payloads: string[]): Step => ({ do: "says", sub, payloads });

/** Time passes until a new publication is as asked, which takes those before it, too. It comes within `within` from here and, if that is given,
 * not before `after` from the last mark. */
export const sees = (sub: string, payload: string | RegExp, within = "2m", after = "0"): Step => ({
  do: "sees",
  sub,
  payload,
  ms: durationMs(within),
  minMs: after === "0" ? 0 : durationMs(after),
});

/** There are at least `count` new publications on the topic, and so much time is between them; times of the device's loop, so that a
 * little is added for the way to the broker. */
export const gaps = (sub: string, count: number, min: string, max = min): Step => ({
  do: "gaps",
  sub,
  count,
  minMs: durationMs(min),
  maxMs: durationMs(max),
});

/** There are new publications on the topic, all numbers from `min` to `max`. */
export const range = (sub: string, min: number, max: number): Step => ({ do: "range", sub, min, max });

/** Everything that was published is taken. */
export const forget: Step = { do: "forget" };

/** From here on `sees` counts `after`. */
export const mark: Step = { do: "mark" };

/** The chip drives these levels. */
export const pins = (levels: Record<number, number>): Step => ({ do: "pins", levels });

/** The pin changed so often since the last mark. */
export const edges = (pin: number, min: number, max = min): Step => ({ do: "edges", pin, min, max });

/** Since the last mark these came in this order, with others between them: `pin 32=0`, `0/State=1`. */
export const order = (...events: string[]): Step => ({ do: "order", events });

/** All resets up to here. */
export const resets = (...reasons: string[]): Step => ({ do: "resets", reasons });

/** The clock that the program has asked for last. */
export const cpu = (mhz: number): Step => ({ do: "cpu", mhz });

/** The display has this text on one of its rows. */
export const shows = (text: string | RegExp): Step => ({ do: "shows", text });

/** A dot of the display. */
export const lit = (x: number, y: number, on = true): Step => ({ do: "lit", x, y, on });

/** A dot of the display changes from second to second; looks for two of them. */
export const blinking = (x: number, y: number): Step => ({ do: "blinking", x, y });

/** Until the device is on the broker. */
export const online: Step = sees("LWT", "online", "90s");

/** A board and the emulator live in real time: nobody waits for longer than that. */
const REAL_WAIT_MAX_MS = 300_000;

/** What a machine must have for this scenario: what is done needs it. */
export function needsOf(scenario: Scenario): Set<Ability> {
  const needs = new Set<Ability>(scenario.needs);
  let waitMs = 0;
  for (const step of scenario.steps) {
    if (step.do === "wait") waitMs += step.ms;
    if (step.do === "sees") waitMs += step.minMs;
    if (step.do === "world") needs.add(needOf(step.line, scenario));
  }
  for (const line of scenario.before ?? []) needs.add(needOf(line, scenario));
  // A device that somebody else has configured cannot be given tokens of ours.
  if (scenario.config !== undefined) needs.add("setup");
  if (scenario.peer !== undefined) needs.add("radio");
  if (waitMs > REAL_WAIT_MAX_MS) needs.add("time");
  return needs;
}

function needOf(line: string, { profile }: Scenario): Ability {
  const [word] = line.split(" ");
  if (word === "network" || word === "broker" || word === "power") return word;
  if (word === "joins") return "networks";
  if (word === "reset") return "power";
  if (word === "pin") return "pins";
  if (word === "peer" || word === "air") return "radio";
  return profile === "energy" ? "uart" : "buses";
}

/** What a step that only looks needs to see what it looks at; a machine without it is not looked at. */
export function sightOf(step: Step): Ability | undefined {
  if (step.do === "pins" || step.do === "edges" || step.do === "order" || step.do === "cpu") return "pins";
  if (step.do === "shows" || step.do === "lit" || step.do === "blinking") return "buses";
  if (step.do === "resets" || ("sub" in step && step.sub === "reset")) return "resets";
  if ("sub" in step && step.sub === "net") return "networks";
  if ("sub" in step && /^(said by |peer )/.test(step.sub)) return "radio";
  return undefined;
}
