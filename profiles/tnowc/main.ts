// The range test's central: forwards the values that peripherals send, and tells them the signal that it received them with.

import { Appliance } from "../../device/appliance.ts";
import { startCentral, topicAndValue } from "../../device/central.ts";
import { announce } from "../../device/homeassistant.ts";
import { type TnowcConfig, TOKENS } from "./config.ts";

const VALUE = "stat/TNow/Value";
const BACK_MS = 60_000;
const BACK_FUDGE_MS = 60_000;

const appliance = new Appliance<TnowcConfig>("tnowc", TOKENS);

appliance.run(() => {
  let lastRssi: number | undefined;
  const central = startCentral(appliance as unknown as Appliance, (payload, mac, rssi) => {
    lastRssi = rssi;
    const message = topicAndValue(payload);
    if (message === undefined) appliance.log.line(`${mac}: not a topic and a value`);
    else if (message[0] === VALUE) appliance.publish("Value", message[1]);
  });
  appliance.loop
    .task(() => {
      if (lastRssi !== undefined) central.sendBack(native.encodeText(`stat/TNowP/YourRSSI\n${lastRssi}`));
    }, false)
    .every(BACK_MS, BACK_FUDGE_MS);
  announce(appliance as unknown as Appliance, () => `Value sensor "name":"Value"`);
});
