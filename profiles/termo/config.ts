// The schema of the thermometers' configuration (PC only: the device sees types). It has no tokens of its own.

import type { z } from "zod";
import { baseConfig } from "../base_config.ts";

export const config = baseConfig;

export type TermoConfig = z.infer<typeof config>;
