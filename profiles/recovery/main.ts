// The recovery bundle, embedded in the firmware: the framework without an appliance, so that a device whose bundle or configuration
// is no good can be reached and updated. It takes each network parameter from where it can get it.

import { Appliance } from "../../device/appliance.ts";
import { CONFIG_MAX_BYTES, Config, keyBytes, parseConfig, REACH_TOKENS, reachFault } from "../../device/config.ts";
import { takeMail } from "../../device/mail_taker.ts";
import { netnowKeys } from "../../device/netnow_codec.ts";
import { NetnowRadio } from "../../device/netnow_radio.ts";
import { startNetnow } from "../../device/peripheral.ts";

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
  for (const token of REACH_TOKENS.concat(
    "watchdog",
    "keep",
    "espnowpsk",
    "espnowgroup",
    "espnowrate",
    "espnowversion",
  )) {
    const value = file.get(token);
    if (value !== undefined && reachFault(token, value) === undefined) tokens.push(token, value);
  }
  return tokens;
}

const tokens = usableTokens();
const appliance = new Appliance("recovery", tokens);
const retry = appliance.loop.task(tryAgain, true, "retry");

function tryAgain(): void {
  const { link, serial } = appliance.ota;
  if (link.isOpen || link.busy || serial.session !== undefined) return;
  // Forgets the crashes that led here, so that the restart does not lead here again at once.
  native.bundleConfirm();
  native.restart("recovery: trying the normal bundle again", true);
}

/** A device without a network and with the keys of ESP-NOW takes its updates from its central. */
function startPeripheral(): void {
  const config = new Config(tokens);
  const psk = config.get("espnowpsk");
  const group = config.get("espnowgroup");
  const otakey = keyBytes(config.get("otakey") ?? "");
  if (config.get("ssid") !== undefined || psk === undefined || group === undefined || otakey === undefined) return;
  const wanted = config.get("espnowversion");
  const version = wanted === "2" || wanted === "3" ? wanted : "auto";
  const longRange = config.get("espnowrate") !== "ordinary";
  const netnow = startNetnow(
    appliance.loop,
    new NetnowRadio(appliance.loop),
    netnowKeys(psk, group),
    longRange,
    version,
  );
  takeMail(appliance.loop, netnow, otakey);
}

appliance.run(() => {
  startPeripheral();
  appliance.log.line(`recovery: ${native.bundleInfo().recoveryWhy}`);
  appliance.loop.task(() => retry.every(RETRY_LOOK_MS), true).once(RETRY_MS - RETRY_LOOK_MS);
});
