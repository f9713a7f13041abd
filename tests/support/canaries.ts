// Secrets that are planted where real ones stand, and the search for them in whatever comes out.

import { createHmac } from "node:crypto";

export const CANARIES = {
  password: "canary-wifi-7d1f0a",
  mqttpass: "canary-broker-93c2e4",
  otakey: "c0ffee5eedca11ab1e".padEnd(64, "5a"),
  espnowpsk: "canary-psk-00f18b",
  /** Of MQTT_URL in .env; the @ makes it look different in a URL. */
  settings: "canary-env@b5520e",
  /** NETNOW_PSK and NETNOW_PAIR_KEY of .env. */
  netnowPsk: "canary-netnow-41aa7c",
  pairKey: "deadfa11ca5e0ddba11".padEnd(64, "7b"),
} as const;

/** A broker's URL with the canary of .env in it. */
export function brokerWithCanary(port: number): string {
  return `mqtt://me:${encodeURIComponent(CANARIES.settings)}@127.0.0.1:${port}`;
}

/** The text of a .env file with canaries. */
export function envWithCanaries(port: number): string {
  return `MQTT_URL=${brokerWithCanary(port)}\nNETNOW_PSK=${CANARIES.netnowPsk}\nNETNOW_GROUP=home\nNETNOW_PAIR_KEY=${CANARIES.pairKey}\n`;
}

/** How a secret may look: as it is, in a URL, in hex, as base64, as the bytes of a key, and what keys are made of it. */
const FORMS: [string, Buffer][] = Object.entries(CANARIES).flatMap(([name, text]): [string, Buffer][] => [
  [name, Buffer.from(text)],
  [`${name} in capitals`, Buffer.from(text.toUpperCase())],
  [`${name} in a URL`, Buffer.from(encodeURIComponent(text))],
  [`${name} in hex`, Buffer.from(Buffer.from(text).toString("hex"))],
  [`${name} as base64`, Buffer.from(Buffer.from(text).toString("base64").replace(/=+$/, "").slice(0, -1))],
  ...(/^[0-9a-f]{64}$/.test(text) ? [[`${name} as bytes`, Buffer.from(text, "hex")] as [string, Buffer]] : []),
  // The group's key of version 3, docs/WIRE.md.
  ...(name.endsWith("sk")
    ? [[`${name} as key`, createHmac("sha256", text).update("hearth espnow 3home").digest()] as [string, Buffer]]
    : []),
]);

/** Which secrets are in it, and how they look. */
export function canariesIn(content: string | Uint8Array): string[] {
  const bytes = Buffer.from(content as Uint8Array);
  return FORMS.filter(([, form]) => bytes.includes(form)).map(([name]) => name);
}
