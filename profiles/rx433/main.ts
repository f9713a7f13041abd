// The key-fob receiver's wiring: an OOK receiver on pin 14, codes on Keyfob. What it does is rx433.ts.

import { Appliance } from "../../device/appliance.ts";
import { announce } from "../../device/homeassistant.ts";
import { type Rx433Config, TOKENS } from "./config.ts";
import { Rx433 } from "./rx433.ts";

const PIN = 14;
const CPU_MHZ = 240;
const STATISTICS_MS = 3_600_000;

native.cpuMhz(CPU_MHZ);
const appliance = new Appliance<Rx433Config>("rx433", TOKENS);

appliance.run(() => {
  const receiver = new Rx433(appliance.loop, PIN, appliance.config.flag("rmt", false), (code) => {
    appliance.publish("Keyfob", code);
  });
  appliance.loop
    .task(() => appliance.publish("Statistics", receiver.statistics()), false, "statistics")
    .every(STATISTICS_MS);
  announce(
    appliance as unknown as Appliance,
    () => `Keyfob event "evt_typ":["press"],"val_tpl":"{{ {'event_type':'press','code':value}|tojson }}"
Statistics sensor "ent_cat":"diagnostic"`,
  );
});
