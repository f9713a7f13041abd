// The range test's peripheral: tells the central the signal of what came back from it.

import { topicAndValue } from "../../device/central.ts";
import { Peripheral } from "../../device/peripheral.ts";
import { type TnowpConfig, TOKENS } from "./config.ts";

const SEND_MS = 15_000;
const SEND_FUDGE_MS = 15_000;
/** Told until something has come back. */
const NOTHING_YET = 1001;

const peripheral = new Peripheral<TnowpConfig>(TOKENS);

peripheral.run((netnow) => {
  let lastRssi = NOTHING_YET;
  netnow.onBack = (payload, rssi) => {
    if (topicAndValue(payload) !== undefined) lastRssi = rssi;
  };
  peripheral.loop
    .task(() => netnow.send(native.encodeText(`stat/TNow/YourRSSI\n${lastRssi}`)), false)
    .every(SEND_MS, SEND_FUDGE_MS);
});
