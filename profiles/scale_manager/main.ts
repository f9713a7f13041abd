// The battery scale's gateway: what the scale sends over ESP-NOW goes to the broker. The protocol is device/netnow_central.ts.

import { Appliance } from "../../device/appliance.ts";
import { startCentral, topicAndValue } from "../../device/central.ts";
import { announce, PROBLEM } from "../../device/homeassistant.ts";
import { type ScaleManagerConfig, TOKENS } from "./config.ts";

const WEIGHT = "stat/LPScale/Weight";
const MALFUNCTION = "stat/LPScale/Malfunction";
/** Values that wait for the broker; of more the oldest go. */
const WAITING_MAX = 16;
const RETRY_MS = 1000;

const appliance = new Appliance<ScaleManagerConfig>("scale_manager", TOKENS);

appliance.run(() => {
  // Topic and value in turn. The scale was told that they are here and sleeps: they must not be lost for want of a broker.
  const waiting: string[] = [];
  const retry = appliance.loop.task(() => tell(), false, "weights");
  const tell = () => {
    while (waiting.length > 0 && appliance.publish(waiting[0] as string, waiting[1] as string)) waiting.splice(0, 2);
    if (waiting.length > 2 * WAITING_MAX) waiting.splice(0, 2);
    if (waiting.length > 0) retry.once(RETRY_MS);
  };
  startCentral(appliance as unknown as Appliance, (payload, mac) => {
    const message = topicAndValue(payload);
    const value = message === undefined ? Number.NaN : Number(message[1]);
    if (message === undefined || message[1].trim() === "" || !(Math.abs(value) < Infinity))
      appliance.log.line(`${mac}: not a topic and a number`);
    else if (message[0] === WEIGHT) waiting.push("Weight", native.formatFixed(value, 3));
    else if (message[0] === MALFUNCTION) waiting.push("Malfunction", native.formatFixed(value, 0));
    else appliance.log.line(`${mac}: unknown topic ${message[0].slice(0, 40)}`);
    tell();
  });
  announce(
    appliance as unknown as Appliance,
    () => `Weight sensor "dev_cla":"weight","unit_of_meas":"kg","stat_cla":"measurement"
${PROBLEM}`,
  );
});
