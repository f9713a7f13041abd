// The schema of the key-fob receiver's configuration (PC only: the device sees types, and TOKENS).

import type { z } from "zod";
import { baseConfig, flag, tokensOf } from "../base_config.ts";

export const config = baseConfig.extend({
  rmt: flag.optional().describe("1: edge timings by the RMT peripheral; 0: by pin interrupts (the default)"),
});

export const TOKENS = tokensOf(config);

export type Rx433Config = z.infer<typeof config>;
