// Scenarios of the range test's pair.

import { forget, gaps, online, type Scenario, says, sees, wait, world } from "../scenario.ts";

export const TNOW: Scenario[] = [
  {
    name: "tnow/rssi",
    profile: "tnowc",
    peer: "tnowp",
    proves: ["tnow.sends", "tnow.back"],
    // What is said over the air can only be read in the old fleet's version.
    config: "espnowversion 2",
    peerConfig: "espnowversion 2",
    steps: [
      online,
      wait("5s"),
      world("peer on"),
      sees("said by peer", "stat/TNow/YourRSSI|1001"),
      sees("said by device", /^stat\/TNowP\/YourRSSI\|-\d+$/, "3m"),
      sees("said by peer", /^stat\/TNow\/YourRSSI\|-\d+$/, "1m"),
      forget,
      wait("20m"),
      gaps("said by peer", 35, "15s", "30s"),
      gaps("said by device", 9, "60s", "120s"),
      says("Value"),
    ],
  },
];
