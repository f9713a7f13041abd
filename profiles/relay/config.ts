// The schema of the relays' configuration (PC only: the device sees types). It has no tokens of its own.

import type { z } from "zod";
import { baseConfig } from "../base_config.ts";

export const config = baseConfig;

export type RelayConfig = z.infer<typeof config>;
