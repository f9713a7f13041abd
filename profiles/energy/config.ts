// The schema of the energy meter's configuration (PC only: the device sees types). It has no tokens of its own.

import type { z } from "zod";
import { baseConfig } from "../base_config.ts";

export const config = baseConfig;

export type EnergyConfig = z.infer<typeof config>;
