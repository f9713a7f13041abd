// The schema of the weather station's configuration (PC only: the device sees types). It has no tokens of its own.

import type { z } from "zod";
import { baseConfig } from "../base_config.ts";

export const config = baseConfig;

export type WeatherConfig = z.infer<typeof config>;
