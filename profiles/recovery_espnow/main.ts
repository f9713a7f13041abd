// The recovery bundle of ESP-NOW's peripherals, embedded in the firmware: no behaviour but the radio, the mail and the serial console, so
// that a device whose bundle or configuration is no good can be reached and updated. It never sleeps.

import { Peripheral, REACH_TOKENS } from "../../device/peripheral.ts";
import { retryLater, usableTokens } from "../../device/recovery.ts";

const peripheral = new Peripheral(usableTokens(REACH_TOKENS.concat("watchdog", "keep")));

peripheral.run(() => {
  native.log(`recovery: ${native.bundleInfo().recoveryWhy}`);
  retryLater(peripheral.loop, () => peripheral.mail?.busy === true || peripheral.serial.session !== undefined);
});
