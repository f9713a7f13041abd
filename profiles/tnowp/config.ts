// The schema of the range test peripheral's configuration (PC only: the device sees types, and TOKENS).

import type { z } from "zod";
import type { PeripheralTokens } from "../../device/peripheral.ts";
import { tokensOf } from "../base_config.ts";
import { peripheralConfig } from "../espnow_config.ts";

export const config = peripheralConfig;

export const TOKENS = tokensOf(config);

export type TnowpConfig = z.infer<typeof config> & PeripheralTokens;
