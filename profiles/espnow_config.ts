// The schema of the configuration tokens of ESP-NOW (PC only: the device sees types): what every peripheral has, and what a central
// has beside the tokens of an MQTT profile.

import { z } from "zod";
import { deviceTokens, integer, text } from "./base_config.ts";

export const espnowTokens = {
  espnowpsk: text(64).describe("key that all devices of a group share; long and random"),
  espnowgroup: text(64).describe("name of the group of devices"),
  espnowrate: z
    .enum(["longrange", "ordinary"], "must be longrange or ordinary")
    .optional()
    .describe("radio mode: long range at 250 kbit/s (the default), or the ordinary rate"),
  espnowversion: z
    .enum(["2", "3", "auto"], "must be 2, 3 or auto")
    .optional()
    .describe("version of the ESP-NOW protocol: 2 is the old fleet's, 3 without it; auto (the default) speaks both"),
};

export const peripheralConfig = z.strictObject({
  ...espnowTokens,
  ...deviceTokens,
  otavia: z.enum(["mqtt", "espnow"], "must be mqtt or espnow").optional().describe("how updates reach the device"),
});

export const centralTokens = {
  ...espnowTokens,
  espnowchannel: integer(1, 13).describe("Wi-Fi channel of ESP-NOW where there is no access point"),
};
