// The schema of the range test central's configuration (PC only: the device sees types, and TOKENS).

import type { z } from "zod";
import type { BaseTokens } from "../../device/config.ts";
import { baseConfig, tokensOf } from "../base_config.ts";
import { centralTokens } from "../espnow_config.ts";

export const config = baseConfig.extend(centralTokens);

export const TOKENS = tokensOf(config);

export type TnowcConfig = z.infer<typeof config> & BaseTokens;
