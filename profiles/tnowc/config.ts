// The schema of the range test central's configuration (PC only: the device sees types).

import type { z } from "zod";
import type { BaseTokens } from "../../device/config.ts";
import { baseConfig } from "../base_config.ts";
import { centralTokens } from "../espnow_config.ts";

export const config = baseConfig.extend(centralTokens);

export type TnowcConfig = z.infer<typeof config> & BaseTokens;
