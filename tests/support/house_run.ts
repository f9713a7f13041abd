// A program of its own: lives in a house, or one of its halves, for so many days (arguments: seed, days, and the half's number) and
// prints what came of it as one line of JSON.

import { HOUSE_HALVES } from "../../tools/sim/house.ts";
import { daysInHouse } from "../../tools/sim/house_days.ts";
import type { LivedHouse } from "./lived_house.ts";
import { faultOf } from "./reference_topics.ts";

const FAULTS_MAX = 20;

const [seed, days, half] = process.argv.slice(2).map(Number) as [number, number, number | undefined];
const profiles = half === undefined ? undefined : HOUSE_HALVES[half];
const faults: string[] = [];
const report = await daysInHouse({
  seed,
  days,
  ...(profiles === undefined ? {} : { profiles }),
  onPublication: (profile, sub, payload, { topic, retain }) => {
    const fault = profile === undefined ? `nobody has the topic ${topic}` : faultOf(profile, sub, payload, retain);
    if (fault !== undefined && faults.length < FAULTS_MAX) faults.push(fault);
  },
});
const lived: LivedHouse = { ...report, faults };
process.stdout.write(`${JSON.stringify(lived)}\n`);
