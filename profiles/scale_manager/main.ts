// The battery scale's gateway: what the scale sends over ESP-NOW goes to the broker. The protocol is device/netnow_central.ts.

import { Appliance } from "../../device/appliance.ts";
import { startCentral, topicAndValue } from "../../device/central.ts";
import { announce, PROBLEM } from "../../device/homeassistant.ts";
import { type ScaleManagerConfig, TOKENS } from "./config.ts";

const WEIGHT = "stat/LPScale/Weight";
const MALFUNCTION = "stat/LPScale/Malfunction";

const appliance = new Appliance<ScaleManagerConfig>("scale_manager", TOKENS);

appliance.run(() => {
  startCentral(appliance as unknown as Appliance, (payload, mac) => {
    const message = topicAndValue(payload);
    const value = message === undefined ? Number.NaN : Number(message[1]);
    if (message === undefined || message[1].trim() === "" || !(Math.abs(value) < Infinity))
      appliance.log.line(`${mac}: not a topic and a number`);
    else if (message[0] === WEIGHT) appliance.publish("Weight", native.formatFixed(value, 3));
    else if (message[0] === MALFUNCTION) appliance.publish("Malfunction", native.formatFixed(value, 0));
    else appliance.log.line(`${mac}: unknown topic ${message[0].slice(0, 40)}`);
  });
  announce(
    appliance as unknown as Appliance,
    () => `Weight sensor "dev_cla":"weight","unit_of_meas":"kg","stat_cla":"measurement"
${PROBLEM}`,
  );
});
