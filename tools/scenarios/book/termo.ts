// Scenarios of the thermometers.

import { forget, gaps, mark, online, range, resets, type Scenario, says, sees, wait, world } from "../scenario.ts";

const profile = "termo";
const topic = (serial: 1 | 2 | 3) => `Temperature/28${`0${serial}`}0000000000${{ 1: "29", 2: "70", 3: "47" }[serial]}`;

export const TERMO: Scenario[] = [
  {
    name: "termo/values",
    profile,
    proves: ["termo.topic", "termo.read", "termo.nothing"],
    before: ["thermometers 3", "celsius 0 20.25", "celsius 1 21.5", "celsius 2 -3"],
    steps: [
      online,
      wait("30s"),
      range(topic(1), 20.1, 20.4),
      range(topic(2), 21.4, 21.6),
      range(topic(3), -3.1, -2.9),
      sees("Malfunction", "0"),
      wait("20m"),
      forget,
      wait("16m"),
      gaps(topic(1), 3, "5m"),
    ],
  },
  {
    name: "termo/step",
    profile,
    proves: ["termo.step", "termo.read", "termo.filter"],
    before: ["thermometers 1", "celsius 0 21"],
    steps: [
      online,
      wait("11m"),
      forget,
      // A sixteenth of a degree is what one reading more may be off; it is below both bounds.
      world("celsius 0 21.0625"),
      wait("270s"),
      range(topic(1), 21, 21.1),
      wait("60s"),
      forget,
      world("celsius 0 24"),
      // The filter takes minutes for it, so that it is told in several steps, of which the first comes with the next reading or two.
      wait("12s"),
      range(topic(1), 21.1, 23),
      wait("10m"),
      range(topic(1), 21.1, 24.1),
      wait("10m"),
      sees(topic(1), /^2(3\.9|4\.0)$/, "5m"),
    ],
  },
  {
    name: "termo/nothing_found",
    profile,
    proves: ["termo.scan", "termo.nothing"],
    before: ["thermometers 0"],
    steps: [
      online,
      sees("Malfunction", "1"),
      wait("61s"),
      says("Malfunction"),
      world("thermometers 1"),
      sees(topic(1), /^2[01]\.\d$/, "45s"),
      sees("Malfunction", "0", "70s"),
    ],
  },
  {
    name: "termo/no_conversion",
    profile,
    proves: ["termo.convert"],
    before: ["thermometers 2"],
    steps: [
      online,
      sees("Malfunction", "0"),
      wait("2s"),
      world("thermometer 0 absent"),
      world("thermometer 1 absent"),
      sees("Malfunction", "2", "70s"),
      world("thermometer 1 none"),
      // One that can be read is enough.
      sees("Malfunction", "0", "70s"),
    ],
  },
  {
    name: "termo/damaged_answers",
    profile,
    proves: ["termo.product"],
    before: ["thermometers 3"],
    steps: [
      online,
      sees("Malfunction", "0"),
      wait("2s"),
      ...[0, 1, 2].map((index) => world(`thermometer ${index} crc`)),
      sees("Malfunction", "125", "70s"),
      world("thermometer 0 absent"),
      sees("Malfunction", "75", "70s"),
      world("thermometer 1 none"),
      sees("Malfunction", "0", "70s"),
    ],
  },
  {
    name: "termo/reboot",
    profile,
    proves: ["termo.reboot", "all.reason"],
    before: ["thermometers 1"],
    steps: [
      online,
      sees("Malfunction", "0"),
      wait("2s"),
      world("thermometer 0 absent"),
      mark,
      sees("reset", "software", "16m", "14m"),
      sees("LWT", "online", "60s"),
      sees("Log", "reboot no thermometer for 15 min", "2s"),
      resets("software"),
    ],
  },
];
