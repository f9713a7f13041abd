// The recovery bundle of devices with a network, embedded in the firmware: the framework without an appliance, so that a device whose
// bundle or configuration is no good can be reached and updated. That of peripherals of ESP-NOW is profiles/recovery_espnow.

import { Appliance } from "../../device/appliance.ts";
import { REACH_TOKENS } from "../../device/config.ts";
import { retryLater, usableTokens } from "../../device/recovery.ts";

const appliance = new Appliance("recovery", usableTokens(REACH_TOKENS.concat("watchdog", "keep")));

appliance.run(() => {
  const { link, serial } = appliance.ota;
  appliance.log.line(`recovery: ${native.bundleInfo().recoveryWhy}`);
  retryLater(appliance.loop, () => link.isOpen || link.busy || serial.session !== undefined);
});
