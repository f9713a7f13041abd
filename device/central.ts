// An MQTT appliance as the central of ESP-NOW: keys and channel from its configuration, its counters in `stats`.

import type { Appliance } from "./appliance.ts";
import type { Config } from "./config.ts";
import { netKind } from "./net.ts";
import { NetnowCentral } from "./netnow_central.ts";
import { netnowKeys } from "./netnow_codec.ts";
import { NetnowRadio } from "./netnow_radio.ts";

const WIFI = 0;

/** Tokens of a central; profiles/espnow_config.ts is their schema. */
export interface CentralTokens {
  espnowpsk: string;
  espnowgroup: string;
  espnowchannel: number;
  espnowrate?: string | undefined;
}

/** Turns the radio on and begins to keep the time. Throws a ConfigError. */
export function startCentral(appliance: Appliance): NetnowCentral {
  const config = appliance.config as unknown as Config<CentralTokens>;
  const keys = netnowKeys(config.text("espnowpsk"), config.text("espnowgroup"));
  // A station has its access point's channel; only without one the configuration decides.
  const isStation = netKind(appliance.config.text("ssid")) === WIFI;
  native.espnowOn(isStation ? 0 : config.integer("espnowchannel", 1, 13), config.get("espnowrate") !== "ordinary");
  const radio = new NetnowRadio(appliance.loop);
  const central = new NetnowCentral(appliance.loop, radio, keys);
  appliance.ota.moreStats = () => `espnow sent ${radio.sent} overruns ${radio.overruns} ${central.counts.text()}`;
  return central;
}

/** A text payload of `topic\nvalue`, or undefined when it is none. */
export function topicAndValue(payload: Uint8Array): [topic: string, value: string] | undefined {
  const lines = native.decodeText(payload, 0, payload.length)?.split("\n");
  return lines?.length === 2 ? (lines as [string, string]) : undefined;
}
