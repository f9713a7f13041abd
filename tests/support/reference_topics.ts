// What each appliance may publish, written from the reference of the old fleet: topic below stat/NAME/, and the payload's form.

import type { HouseProfile } from "../../tools/sim/house.ts";

type Allowed = Record<string, RegExp>;

const ONE_DECIMAL = /^-?\d+\.\d$/;
const TWO_DECIMALS = /^-?\d+\.\d\d$/;
const WHOLE = /^\d+$/;
const ON_OFF = /^[01]$/;

/** Every MQTT profile. LWT is this design's; all others are the old fleet's. */
const COMMON: Allowed = {
  LWT: /^(online|offline)$/,
  Uptime: WHOLE,
  Log: /^[^\0]+$/,
  OTA: /^netstatus \S+ addr \d+\.\d+\.\d+\.\d+ mac [0-9a-f]{12} flavor \S+ count \d+$/,
};

const PROFILES: Partial<Record<HouseProfile, Allowed>> = {
  energy: {
    "V|Vmin|Vmax|W|VA|Vnow|Wnow|VAnow": ONE_DECIMAL,
    "A|Amax|Anow": TWO_DECIMALS,
    Malfunction: /^[014]$/,
  },
  h2o: {
    VolUnit: /^L$/,
    CoarseLevelPct: /^(0|20|40|60|80|100)$/,
    "CoarseLevelVol|EstimatedLevelVol": WHOLE,
    EstimatedLevelStr: /^\d+% \+ \d+L$/,
    "Flow|Pumped|PumpedAfterLevelChange": ONE_DECIMAL,
    Malfunctions: /^[0-7]$/,
    LevelSensorMap: /^[01](,[01]){4}$/,
  },
  relay: { "[0-3]/State": ON_OFF },
  rx433: { Keyfob: /^(EV1527|HT6P20):\d+$/, Statistics: /^recv=\d+ good=\d+ bad=\d+( \w+=\d+)*$/ },
  switch: {
    "[0-3]/State": ON_OFF,
    "Manual[0-3]/Event": /^(P|L|T\+|T-|R\+|R-)$/,
    Program: /^[0-9PTR:;/,+-]*$/,
    ProgramCompilation: /^Success$/,
  },
  termo: { "Temperature/28[0-9a-f]{14}": ONE_DECIMAL, Malfunction: WHOLE },
  weather: { "Temperature|Humidity|Pressure": ONE_DECIMAL, Malfunction: /^([0-9]|[12][0-9]|3[01])$/ },
  scale_manager: { Weight: /^\d+\.\d{3}$/, Malfunction: /^(0|1|4|8)$/ },
  tnowc: { Value: /./ },
};

/** What is wrong with a publication on stat/NAME/`sub`; undefined when the reference has it. Only the last will is retained. */
export function faultOf(profile: HouseProfile, sub: string, payload: string, retain: boolean): string | undefined {
  const all = { ...COMMON, ...PROFILES[profile] };
  const form = Object.entries(all).find(([name]) => new RegExp(`^(${name})$`).test(sub))?.[1];
  if (form === undefined) return `${profile} has no topic ${sub}`;
  if (!form.test(payload)) return `${profile}: ${sub} "${payload}"`;
  return retain === (sub === "LWT") ? undefined : `${profile}: ${sub} is ${retain ? "" : "not "}retained`;
}
