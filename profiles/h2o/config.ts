// The schema of the water tank's configuration (PC only: the device sees types, and TOKENS).

import { z } from "zod";
import { baseConfig, decimal, text, tokensOf } from "../base_config.ts";
import { parseSensors } from "./level.ts";

const positive = decimal.refine((value) => value > 0, "must be above 0");

export const config = baseConfig.extend({
  unit: text(8).describe("unit of volume, e.g. L"),
  capacity: positive.describe("volume of the full tank"),
  levelsensors: z
    .string()
    .refine((value) => parseSensors(value) !== undefined, "must be a list of ascending percentages, e.g. 20,40,60")
    .describe("heights of the level sensors in percent, lowest first"),
  flowpulserate: positive.describe("pulses a second at 1 unit a minute"),
  maxflow: positive.describe("units a minute; a reading above it is ignored"),
});

export const TOKENS = tokensOf(config);

export type H2oConfig = z.infer<typeof config>;
