// The schema of the weather station's configuration (PC only: the device sees types, and TOKENS). It has no tokens of its own.

import type { z } from "zod";
import { baseConfig, tokensOf } from "../base_config.ts";

export const config = baseConfig;

export const TOKENS = tokensOf(config);

export type WeatherConfig = z.infer<typeof config>;
