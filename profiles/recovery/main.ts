// The recovery bundle, embedded in the firmware: the framework without an appliance, so that a device whose bundle or configuration
// is no good can be reached and updated. It takes each network parameter from where it can get it.

import { Appliance } from "../../device/appliance.ts";
import { CONFIG_MAX_BYTES, Config, parseConfig, REACH_TOKENS, reachFault } from "../../device/config.ts";

/** After so long the normal bundle gets another chance, unless somebody is at work on this device. */
export const RETRY_MS = 3_600_000;
const RETRY_LOOK_MS = 60_000;

/** What config.txt has that can be used, in front of it what was good once: of tokens given twice the last one counts. */
function usableTokens(): string[] {
  const tokens = parseConfig(native.nvsGet("netgood", "config") ?? "");
  let text: string | undefined;
  try {
    const size = Math.min(native.fileSize("config.txt"), CONFIG_MAX_BYTES);
    if (size > 0) text = native.decodeText(native.fileRead("config.txt", 0, size), 0, size);
  } catch (_) {
    // A medium that fails is as good as no file.
  }
  const file = new Config(parseConfig(text ?? ""));
  for (const token of REACH_TOKENS.concat("watchdog", "keep")) {
    const value = file.get(token);
    if (value !== undefined && reachFault(token, value) === undefined) tokens.push(token, value);
  }
  return tokens;
}

const appliance = new Appliance("recovery", 2, usableTokens());
const retry = appliance.loop.task(tryAgain, true, "retry");

function tryAgain(): void {
  const { link, serial } = appliance.ota;
  if (link.isOpen || link.busy || serial.session !== undefined) return;
  // Forgets the crashes that led here, so that the restart does not lead here again at once.
  native.bundleConfirm();
  native.restart("recovery: trying the normal bundle again", true);
}

appliance.run(() => {
  appliance.log.line(`recovery: ${native.bundleInfo().recoveryWhy}`);
  appliance.loop.task(() => retry.every(RETRY_LOOK_MS), true).once(RETRY_MS - RETRY_LOOK_MS);
});
