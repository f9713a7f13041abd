// Mail for a device that is updated over ESP-NOW, and what such a device reports, as bytes on the PC (docs/WIRE.md, "Mail").

import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { bundleName, decodeBundle } from "./bundle.ts";
import { UserError } from "./errors.ts";

const HEAD_BYTES = 384;
const REPORT_TEXT_AT = 57;
const REPORT_TAG_BYTES = 16;
const TEXT_AT = 8;
const KEEP = 0x20;
/** Block numbers have 16 bits. */
export const CONTENT_MAX = 65_000 * 128;

export interface Report {
  profile: string;
  version: string;
  /** 16 hex digits each; "" for none. */
  bundle: string;
  rejected: string;
  rejectedWhy: string;
  engineId: string;
  apiHash: string;
  state: "recovery" | "trial" | "permanent";
  recoveryWhy: string;
  /** Names of the running configuration, and of the one that was taken back last. */
  config: string;
  configTrial: boolean;
  configRejected: string;
  configWhy: string;
  /** Of the newest mail, and what became of it. */
  number: number;
  mail: "none" | "taking" | "tried" | "refused";
  mailWhy: string;
}

/** A bundle as mail to the device with this MAC (12 hex digits) and this otakey. `number`: above those of all mails before. */
export function bundleMail(
  otakey: Uint8Array,
  mac: string,
  number: number,
  bundle: Uint8Array,
  changeProfile = false,
): Uint8Array {
  const put = Buffer.concat([Uint8Array.of(0x11), bundle.subarray(0, 256), Uint8Array.of(changeProfile ? 1 : 0)]);
  return encodeMail(otakey, mac, number, put, bundle.subarray(256));
}

/** Any put request of the link protocol as mail. */
export function encodeMail(
  otakey: Uint8Array,
  mac: string,
  number: number,
  put: Uint8Array,
  content: Uint8Array,
): Uint8Array {
  if (content.length > CONTENT_MAX) throw new UserError(`${content.length} bytes are too many for mail`);
  const head = Buffer.alloc(HEAD_BYTES);
  head.write("HEARTHM1");
  head.write(mac, 8, "hex");
  head.writeUIntBE(number, 14, 6);
  head.writeUInt32BE(content.length, 20);
  head.writeUInt16BE(put.length, 24);
  head.set(put, 26);
  createHmac("sha256", mailKey(otakey)).update(head.subarray(0, 352)).digest().copy(head, 352);
  return Buffer.concat([head, content]);
}

/** A configuration as mail. */
export function configMail(otakey: Uint8Array, mac: string, number: number, text: string): Uint8Array {
  const content = Buffer.from(text);
  const put = Buffer.alloc(37);
  put[0] = 0x10;
  put.writeUInt32BE(content.length, 1);
  createHash("sha256").update(content).digest().copy(put, 5);
  return encodeMail(otakey, mac, number, Buffer.concat([put, Buffer.from("config.txt")]), content);
}

/** `keepversion` as mail. */
export function keepMail(otakey: Uint8Array, mac: string, number: number): Uint8Array {
  return encodeMail(otakey, mac, number, Uint8Array.of(KEEP), new Uint8Array(0));
}

/** A part of a recorded exception. */
export interface TextPart {
  id: number;
  part: number;
  parts: number;
  text: Buffer;
}

/** The part of an exception in a message of the device with this MAC; undefined when it was not made with this otakey. */
export function decodeText(otakey: Uint8Array, mac: string, message: Uint8Array): TextPart | undefined {
  const bytes = Buffer.from(message);
  const end = bytes.length - REPORT_TAG_BYTES;
  if (end <= TEXT_AT || bytes[0] !== 0 || bytes[1] !== 3 || !isSigned(otakey, mac, bytes)) return undefined;
  return {
    id: bytes.readUInt32BE(2),
    part: bytes[6] as number,
    parts: bytes[7] as number,
    text: bytes.subarray(TEXT_AT, end),
  };
}

function isSigned(otakey: Uint8Array, mac: string, bytes: Buffer): boolean {
  const end = bytes.length - REPORT_TAG_BYTES;
  const mine = createHmac("sha256", mailKey(otakey)).update(Buffer.from(mac, "hex")).update(bytes.subarray(0, end));
  return timingSafeEqual(mine.digest().subarray(0, REPORT_TAG_BYTES), bytes.subarray(end));
}

/** What a report of the device with this MAC says; undefined when it was not made with this otakey. */
export function decodeReport(otakey: Uint8Array, mac: string, report: Uint8Array): Report | undefined {
  const bytes = Buffer.from(report);
  const end = bytes.length - REPORT_TAG_BYTES;
  if (end < REPORT_TEXT_AT || bytes[0] !== 0 || bytes[1] !== 1 || !isSigned(otakey, mac, bytes)) return undefined;
  const name = (at: number) => {
    const text = bytes.toString("hex", at, at + 8);
    return text === "0".repeat(16) ? "" : text;
  };
  const texts = bytes.toString("utf8", REPORT_TEXT_AT, end).split("\n");
  const flags = bytes[2] as number;
  return {
    profile: texts[0] ?? "",
    version: texts[1] ?? "",
    bundle: name(9),
    rejected: name(17),
    rejectedWhy: texts[2] ?? "",
    engineId: name(25),
    apiHash: name(33),
    state: (["recovery", "trial", "permanent"] as const)[flags & 3] ?? "permanent",
    recoveryWhy: texts[4] ?? "",
    config: name(41),
    configTrial: (flags & 4) !== 0,
    configRejected: name(49),
    configWhy: texts[3] ?? "",
    number: bytes.readUIntBE(3, 6),
    mail: (["none", "taking", "tried", "refused"] as const)[(flags >> 3) & 3] ?? "none",
    mailWhy: texts[5] ?? "",
  };
}

/** What a bundle is called; throws UserError when it is none. */
export function nameOfBundle(bundle: Uint8Array): string {
  const decoded = decodeBundle(bundle);
  if (typeof decoded === "string") throw new UserError(`this is no whole bundle (${decoded}): build it again`);
  return bundleName(decoded.header);
}

function mailKey(otakey: Uint8Array): Buffer {
  return createHmac("sha256", otakey).update("hearth-mail-1").digest();
}
