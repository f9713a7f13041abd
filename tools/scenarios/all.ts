// All scenarios, in the reference's order.

import { ENERGY } from "./book/energy.ts";
import { EVERY } from "./book/every.ts";
import { H2O } from "./book/h2o.ts";
import { RELAY } from "./book/relay.ts";
import { RX433 } from "./book/rx433.ts";
import { SCALE } from "./book/scale.ts";
import { SWITCH } from "./book/switch.ts";
import { TERMO } from "./book/termo.ts";
import { TNOW } from "./book/tnow.ts";
import { WEATHER } from "./book/weather.ts";
import type { Scenario } from "./scenario.ts";
import { ELSEWHERE, SENTENCES } from "./sentences.ts";

export const SCENARIOS: readonly Scenario[] = [
  ...EVERY,
  ...ENERGY,
  ...H2O,
  ...RELAY,
  ...SWITCH,
  ...TERMO,
  ...WEATHER,
  ...RX433,
  ...SCALE,
  ...TNOW,
];

/** Those whose name is `name` or begins with it and a slash. */
export function scenariosNamed(name: string): Scenario[] {
  return SCENARIOS.filter((each) => each.name === name || each.name.startsWith(`${name}/`));
}

export interface Proof {
  sentence: string;
  text: string;
  /** Names of scenarios. */
  scenarios: string[];
  /** Where else it is shown, and why there. */
  elsewhere: { test: string; why: string } | undefined;
}

/** The reference, sentence by sentence, with what proves each. */
export function proofs(): Proof[] {
  return Object.entries(SENTENCES).map(([sentence, text]) => ({
    sentence,
    text,
    scenarios: SCENARIOS.filter((each) => each.proves.includes(sentence)).map((each) => each.name),
    elsewhere: ELSEWHERE[sentence],
  }));
}
