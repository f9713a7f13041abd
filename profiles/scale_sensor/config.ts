// The schema of the battery scale's configuration (PC only: the device sees types, and TOKENS).

import type { z } from "zod";
import type { PeripheralTokens } from "../../device/peripheral.ts";
import { decimal, tokensOf } from "../base_config.ts";
import { peripheralConfig } from "../espnow_config.ts";

export const config = peripheralConfig.extend({
  calibration_a: decimal
    .refine((value) => value !== 0, "must not be 0")
    .describe("counts a kilogram: weight = (x + calibration_b) / calibration_a"),
  calibration_b: decimal.describe("counts that are added: minus the reading of the empty scale"),
});

export const TOKENS = tokensOf(config);

export type ScaleSensorConfig = z.infer<typeof config> & PeripheralTokens;
