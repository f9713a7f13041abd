// What a device can go by that cannot use its configuration: what was good once, and what of config.txt can be used. And the way back
// from recovery to the normal bundle. Which recovery bundle runs is native/recovery.c's.

import { CONFIG_MAX_BYTES, Config, parseConfig, reachFault } from "./config.ts";
import type { Loop } from "./loop.ts";

/** After so long the normal bundle gets another chance, unless somebody is at work on this device. */
export const RETRY_MS = 3_600_000;
const RETRY_LOOK_MS = 60_000;
const SPACE = "netgood";
const KEY = "config";

/** Keeps the values of these tokens, by which the device has just been reached. One NVS value in the form of config.txt, so that a cut of
 * power leaves all of the old ones or all of the new ones. */
export function keepGood(config: Pick<Config, "get">, names: readonly string[]): void {
  let text = "";
  for (const token of names) {
    const value = config.get(token);
    if (value !== undefined) text += `${token} ${value}\n`;
  }
  if (native.nvsGet(SPACE, KEY) !== text) native.nvsSet(SPACE, KEY, text);
}

/** Of these tokens what config.txt has that can be used, in front of it what was good once: of tokens given twice the last one counts. */
export function usableTokens(names: readonly string[]): string[] {
  const tokens = parseConfig(native.nvsGet(SPACE, KEY) ?? "");
  let text: string | undefined;
  try {
    const size = Math.min(native.fileSize("config.txt"), CONFIG_MAX_BYTES);
    if (size > 0) text = native.decodeText(native.fileRead("config.txt", 0, size), 0, size);
  } catch (_) {
    // A medium that fails is as good as no file.
  }
  const file = new Config(parseConfig(text ?? ""));
  for (const token of names) {
    const value = file.get(token);
    if (value !== undefined && reachFault(token, value) === undefined) tokens.push(token, value);
  }
  return tokens;
}

/** Restarts into the normal bundle after RETRY_MS, or as soon after that as nobody is at work. */
export function retryLater(loop: Loop, atWork: () => boolean): void {
  const retry = loop.task(
    () => {
      if (atWork()) return;
      // Forgets the crashes that led here, so that the restart does not lead here again at once.
      native.bundleConfirm();
      native.restart("recovery: trying the normal bundle again", true);
    },
    true,
    "retry",
  );
  loop.task(() => retry.every(RETRY_LOOK_MS), true).once(RETRY_MS - RETRY_LOOK_MS);
}
