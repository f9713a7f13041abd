// Which devices `bun run sim WORD` puts on the bench, and what their short names are.

import { measuredProfiles, mqttProfiles, sampleTokens } from "../bench/device.ts";

/** A central first, then its peripheral. */
const PAIRS: Record<string, [central: string, peripheral: string]> = {
  scale: ["scale_manager", "scale_sensor"],
  tnow: ["tnowc", "tnowp"],
};

/** The profiles that a word means; undefined for an unknown one. */
export function castOf(word: string): [profile: string, peripheral?: string] | undefined {
  return PAIRS[word] ?? (profiles().includes(word) ? [word] : undefined);
}

/** Has no network but ESP-NOW. */
export function isPeripheral(profile: string): boolean {
  return hasRadio(profile) && !mqttProfiles().includes(profile);
}

export function hasRadio(profile: string): boolean {
  return sampleTokens(profile).some((line) => line.startsWith("espnowpsk "));
}

export function knownWords(): string[] {
  return [...profiles(), ...Object.keys(PAIRS)].sort();
}

/** Recovery comes up by itself where there is no bundle. */
function profiles(): string[] {
  return measuredProfiles().filter((each) => !each.startsWith("recovery"));
}

/** As a person calls it at the keyboard: `sensor`, `tnowp`. */
export function shortName(profile: string): string {
  return profile.split("_").at(-1) as string;
}
