// Scenarios of the battery scale and its gateway, which publishes what the scale sends.

import { mark, online, type Scenario, says, sees, wait, world } from "../scenario.ts";

const pair = { profile: "scale_manager", peer: "scale_sensor" };
/** The gateway is there before the scale. */
const met = [online, wait("5s")];

export const SCALE: Scenario[] = [
  {
    ...pair,
    name: "scale/weight",
    proves: ["scale.weight", "scale.samples", "scale.sends", "scale.sleeps", "scale.manager"],
    before: ["peer kg 12.5"],
    steps: [
      ...met,
      world("peer on"),
      mark,
      // 10 s of warm-up and 12 samples, after a random delay of up to 10 s.
      sees("Weight", "12.500", "45s", "21s"),
      says("Malfunction"),
      sees("peer reset", "deep sleep", "20s"),
      mark,
      world("peer kg 11.04"),
      sees("Weight", "11.000", "62m", "60m"),
      sees("peer reset", "deep sleep", "20s"),
    ],
  },
  {
    ...pair,
    name: "scale/outliers",
    proves: ["scale.mean"],
    before: ["peer outlier 0.3"],
    steps: [...met, world("peer on"), sees("Weight", "12.500", "45s")],
  },
  {
    ...pair,
    name: "scale/noise",
    proves: ["scale.noise", "scale.mean", "scale.manager"],
    before: ["peer spread 1"],
    steps: [
      ...met,
      world("peer on"),
      mark,
      // Four rounds of 12 samples.
      sees("Malfunction", "8", "90s", "57s"),
      says("Weight"),
      sees("peer reset", "deep sleep", "20s"),
    ],
  },
  {
    ...pair,
    name: "scale/noise_that_ends",
    proves: ["scale.mean"],
    before: ["peer spread 1"],
    steps: [
      ...met,
      world("peer on"),
      wait("35s"),
      world("peer spread 0"),
      sees("Weight", "12.500", "60s"),
      says("Malfunction"),
    ],
  },
  {
    ...pair,
    name: "scale/no_hx711",
    proves: ["scale.no_hx711"],
    before: ["peer readings 0"],
    steps: [...met, world("peer on"), sees("Malfunction", "1", "60s"), sees("peer reset", "deep sleep", "20s")],
  },
  {
    ...pair,
    name: "scale/falls_silent",
    proves: ["scale.read_failed"],
    before: ["peer readings 5"],
    steps: [...met, world("peer on"), sees("Malfunction", "4", "60s")],
  },
  {
    ...pair,
    name: "scale/nobody_hears",
    proves: ["scale.gives_up", "scale.sleeps"],
    steps: [
      online,
      world("power off"),
      world("peer on"),
      mark,
      sees("peer reset", "deep sleep", "320s", "5m"),
      wait("59m"),
      says("peer reset"),
    ],
  },
];
