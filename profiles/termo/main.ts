// The thermometers' wiring: DS18B20s on pin 14, a topic each. What it does is termo.ts.

import { Appliance } from "../../device/appliance.ts";
import { Ds18x20 } from "../../device/drivers/ds18x20.ts";
import { announce, PROBLEM } from "../../device/homeassistant.ts";
import type { Value } from "../../device/publisher.ts";
import { TOKENS } from "./config.ts";
import { Termo } from "./termo.ts";

const BUS_PIN = 14;
const TEMPERATURE_EVAL_MS = 5000;
const TEMPERATURE_FORCE_MS = 300_000;
const MALFUNCTION_EVAL_MS = 60_000;
const MALFUNCTION_FORCE_MS = 1_800_000;

const appliance = new Appliance("termo", TOKENS);

appliance.run(() => {
  let again: (() => void) | undefined;
  const termo = new Termo(appliance.loop, new Ds18x20(BUS_PIN), (thermometer) => {
    const value: Value = appliance.value(
      `Temperature/${thermometer.name}`,
      TEMPERATURE_EVAL_MS,
      TEMPERATURE_FORCE_MS,
      () => thermometer.text(value.last),
    );
    again?.();
  });
  appliance.value("Malfunction", MALFUNCTION_EVAL_MS, MALFUNCTION_FORCE_MS, () => String(termo.malfunction));
  again = announce(appliance, () => {
    let lines = PROBLEM;
    for (const { name } of termo.thermometers) {
      lines += `\nTemperature_${name} sensor "name":"Temperature ${name}","stat_t":"~/Temperature/${name}","dev_cla":"temperature","unit_of_meas":"\u00b0C","stat_cla":"measurement"`;
    }
    return lines;
  });
});
