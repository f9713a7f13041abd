// The schema of the configuration tokens that every MQTT profile has (PC only: the device sees types). A profile extends it.

import { z } from "zod";
import type { BaseTokens } from "../device/config.ts";

/** A text of up to `max` bytes; blanks cannot occur in a value. */
export const text = (max: number) =>
  z.string().refine((value) => Buffer.byteLength(value) <= max, `longer than ${max} bytes`);
export const flag = z.enum(["0", "1"], "must be 0 or 1").transform((value) => value === "1");
/** A decimal number such as the device's own parser takes. */
export const decimal = z
  .string()
  .regex(/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/, "must be a number")
  .transform(Number);
export const integer = (min: number, max: number) => {
  const what = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^-?\d+$/, what)
    .transform(Number)
    .refine((value) => value >= min && value <= max, what);
};

/** The names of a schema's tokens with a blank before and behind each, as the device looks for them. Of a profile's config.ts only this
 * text gets into a bundle: the bundler puts it in. */
export const tokensOf = (schema: z.ZodObject) => ` ${Object.keys(schema.shape).join(" ")} `;

/** What every device has, with or without a network. */
export const deviceTokens = {
  watchdog: flag.describe("1: the watchdog restarts a device that hangs; 0: off"),
  otakey: z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/, "must be 64 hex digits")
    .optional()
    .describe("key of updates over the air; without it over serial only"),
  keep: z
    .enum(["auto", "manual"], "must be auto or manual")
    .optional()
    .describe("who makes an update permanent: the device (auto), or keepversion"),
};

export const baseConfig = z.strictObject({
  ssid: text(32).describe("Wi-Fi network, or (wired), (wired2), (qemu), (none)"),
  password: text(64).optional().describe("password of the Wi-Fi network"),
  mqttbroker: text(64).describe("host name or IPv4 address of the MQTT broker"),
  mqttname: text(32)
    .regex(/^[^+#/]+$/, "must not contain + # /")
    .describe("NAME in all topics"),
  ...deviceTokens,
  mqttport: integer(1, 65535).optional().describe("TCP port of the broker, 1883 if not given"),
  mqttuser: text(64).optional().describe("user at the broker"),
  mqttpass: text(64).optional().describe("password at the broker"),
  discovery: z
    .enum(["none", "homeassistant"], "must be none or homeassistant")
    .optional()
    .describe("announces the device to a home automation"),
});

export type BaseConfig = z.infer<typeof baseConfig> & BaseTokens;
