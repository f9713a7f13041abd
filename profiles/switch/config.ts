// The schema of the wall switches' configuration (PC only: the device sees types, and TOKENS).

import { z } from "zod";
import { baseConfig, integer, tokensOf } from "../base_config.ts";

const BOARDS = ["Direct4", "dtwonder2", "dtwonder4", "hoffer6", "minir4", "dtwonder8"] as const;

export const config = baseConfig.extend({
  driver: z.enum(BOARDS, `must be one of ${BOARDS.join(", ")}`).describe("the board"),
  poll: integer(1, 60_000).describe("milliseconds between looks at the switches"),
  debounce: integer(0, 60_000).describe("milliseconds that a switch has to stay as it is to count"),
  longpress: integer(1, 60_000).describe("milliseconds after which a press is a long one"),
});

export const TOKENS = tokensOf(config);

export type SwitchConfig = z.infer<typeof config>;
