// A firmware or a configuration brought to a device in a session, and what the device tells of its trial. The steps around them are
// update.ts's; for a bundle they are there as well.

import { createHash } from "node:crypto";
import type { DeviceVersion } from "./device_access.ts";
import type { FirmwareImage } from "./firmware_image.ts";
import { inSession, putEvents, type SessionOptions, type Verdict } from "./update.ts";

/** Sends an image, commits it and restarts the device into it. Throws UserError; the running firmware then goes on. */
export function sendFirmware(options: SessionOptions, image: FirmwareImage): Promise<void> {
  return inSession(options, async (client) => {
    await client.putFirmware(image.bytes, image.machine, putEvents(options.onEvent));
    options.onEvent({ event: "committed", firmware: image.name });
    await client.reboot();
    options.onEvent({ event: "restarting" });
  });
}

/** What `getversion` says of the firmware called `name`. */
export function firmwareVerdict(name: string, version: DeviceVersion): Verdict {
  const image = version.image;
  if (image?.hash === name) return image.state === "pending" ? "trial" : "confirmed";
  return image?.rejected?.hash === name ? { why: image.rejected.why } : undefined;
}

/** Sends a config.txt, commits it and restarts the device with it. Throws UserError; the old one then stays. */
export function sendConfig(options: SessionOptions, text: string): Promise<void> {
  return inSession(options, async (client) => {
    await client.putFile("config.txt", Buffer.from(text), putEvents(options.onEvent));
    options.onEvent({ event: "committed", config: configName(text) });
    await client.reboot();
    options.onEvent({ event: "restarting" });
  });
}

/** What a device calls a configuration: 16 hex digits. */
export function configName(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/** What `getversion` says of the configuration called `name`. */
export function configVerdict(name: string, version: DeviceVersion): Verdict {
  const config = version.config;
  if (config?.hash === name) return config.state === "trial" ? "trial" : "confirmed";
  return config?.rejected?.hash === name ? { why: config.rejected.why } : undefined;
}
