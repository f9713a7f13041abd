// Scenarios of the key-fob receiver.

import { cpu, forget, gaps, online, type Scenario, says, sees, wait, world } from "../scenario.ts";

const profile = "rx433";
/** `frames`: how long the button is held. */
const ev1527 = (code: number, frames = 4, unitUs = 350) => world(`ev1527 ${code} ${frames} ${unitUs}`);
/** Upper 24 bits of the code; the suffix 0101 is behind it. */
const ht6p20 = (code: number) => world(`ht6p20 ${code * 16 + 5} 4`);
const CODES = [0, 1, 0xabcde1, 0xffffff];

export const RX433: Scenario[] = [
  {
    name: "rx433/ev1527",
    profile,
    proves: ["rx433.ev1527", "rx433.keyfob", "rx433.pin", "rx433.cpu"],
    steps: [online, cpu(240), ...CODES.flatMap((code) => [ev1527(code), wait("3s"), says("Keyfob", `EV1527:${code}`)])],
  },
  {
    name: "rx433/ht6p20",
    profile,
    proves: ["rx433.ht6p20", "rx433.keyfob"],
    steps: [
      online,
      ...CODES.flatMap((code) => [ht6p20(code), wait("3s"), says("Keyfob", `HT6P20:${code * 16 + 5}`)]),
      // Without the suffix it is none.
      world(`ht6p20 ${0xabcde1 * 16 + 6} 4`),
      wait("3s"),
      says("Keyfob"),
    ],
  },
  {
    name: "rx433/polling",
    profile,
    proves: ["rx433.polling"],
    config: "rmt 0",
    steps: [
      online,
      ev1527(4242),
      wait("3s"),
      says("Keyfob", "EV1527:4242"),
      ht6p20(7),
      wait("3s"),
      says("Keyfob", "HT6P20:117"),
    ],
  },
  {
    name: "rx433/oscillators",
    profile,
    proves: ["rx433.preamble"],
    steps: [
      online,
      ...[200, 300, 480].flatMap((unitUs) => [ev1527(5, 4, unitUs), wait("3s"), says("Keyfob", "EV1527:5")]),
      // A short edge below 150 µs; a long one above 1500 µs.
      ...[140, 520].flatMap((unitUs) => [ev1527(5, 4, unitUs), wait("3s"), says("Keyfob")]),
    ],
  },
  {
    name: "rx433/held",
    profile,
    proves: ["rx433.once"],
    // 40 frames of 44.8 ms: 1.8 s.
    steps: [online, ev1527(99, 40), wait("5s"), gaps("Keyfob", 6, "250ms", "320ms")],
  },
  {
    name: "rx433/noise",
    profile,
    proves: ["rx433.preamble"],
    steps: [
      online,
      ...Array.from({ length: 10 }, () => [world("noise 1000"), wait("2s")]).flat(),
      says("Keyfob"),
      ev1527(11),
      wait("3s"),
      says("Keyfob", "EV1527:11"),
    ],
  },
  {
    name: "rx433/statistics",
    profile,
    proves: ["rx433.statistics"],
    steps: [
      online,
      ev1527(1, 5),
      wait("55m"),
      says("Statistics"),
      sees("Statistics", /^recv=4 good=4 bad=0 bursts=\d+ repeats=3 dropped=0$/, "6m"),
      forget,
      wait("61m"),
      sees("Statistics", /^recv=4 good=4 bad=0 /, "1m"),
    ],
  },
];
