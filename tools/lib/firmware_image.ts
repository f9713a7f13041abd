// Firmware images as docs/WIRE.md describes them: what a file is, for which machine, and which bundles it runs. Sending one is update.ts's.

import { createHash } from "node:crypto";

const MAGIC = "HEARTHF1";
const DESCRIPTOR_BYTES = 72;
const SHA_BYTES = 32;
/** First byte of an ESP-IDF image; its application descriptor stands behind the image header and the first segment's. */
const ESP_MAGIC = 0xe9;
const ESP_APP_DESC = 32;
const ESP_APP_DESC_MAGIC = 0xabcd5432;
const ESP_ELF_SHA = ESP_APP_DESC + 144;

export interface FirmwareImage {
  bytes: Uint8Array;
  machine: string;
  version: string;
  /** Hex digits, of the bundles that it runs. */
  engineId: string;
  apiHash: string;
  /** 16 hex digits: what a device calls it. */
  name: string;
}

/** The image of a PC's executable: itself and its SHA-256. Throws when it is no executable. */
export function hostImage(elf: Uint8Array): Uint8Array {
  if (elfLength(elf) !== elf.length) throw new Error("this is no executable, or something is behind its end");
  return new Uint8Array(Buffer.concat([elf, sha256(elf)]));
}

/** Reads an image as it is sent; a text says why it is none. */
export function readImage(bytes: Uint8Array): FirmwareImage | string {
  const fields = descriptor(bytes);
  if (fields === undefined) return "there is no Hearth firmware in this file";
  const image = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (image[0] === ESP_MAGIC) {
    if (image.length < ESP_ELF_SHA + SHA_BYTES || image.readUInt32LE(ESP_APP_DESC) !== ESP_APP_DESC_MAGIC)
      return "this is an ESP-IDF image without an application descriptor: send the application, not the boot loader or a merged image";
    return { ...fields, bytes, name: image.subarray(ESP_ELF_SHA, ESP_ELF_SHA + 8).toString("hex") };
  }
  const length = elfLength(bytes);
  if (length === 0) return "this is neither an ESP-IDF image nor a PC's executable";
  if (bytes.length !== length + SHA_BYTES || !isWhole(bytes)) return "the image is not whole";
  return { ...fields, bytes, name: image.subarray(length, length + 8).toString("hex") };
}

/** True when a PC's image begins at the first byte and verifies, whatever is behind it (a partition's erased rest). */
export function isWhole(bytes: Uint8Array): boolean {
  const length = elfLength(bytes);
  if (length === 0 || length + SHA_BYTES > bytes.length) return false;
  return sha256(bytes.subarray(0, length)).compare(bytes.subarray(length, length + SHA_BYTES)) === 0;
}

/** Length of the ELF file at the beginning, 0 when there is none: its table of sections is its end. */
export function elfLength(bytes: Uint8Array): number {
  const elf = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (elf.length < 64 || elf.readUInt32BE(0) !== 0x7f454c46) return 0;
  const wide = elf[4] === 2;
  const start = wide ? Number(elf.readBigUInt64LE(0x28)) : elf.readUInt32LE(0x20);
  const end = start + elf.readUInt16LE(wide ? 0x3a : 0x2e) * elf.readUInt16LE(wide ? 0x3c : 0x30);
  return end >= 64 && end <= elf.length ? end : 0;
}

function descriptor(bytes: Uint8Array): Omit<FirmwareImage, "bytes" | "name"> | undefined {
  const image = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = image.indexOf(MAGIC); at >= 0; at = image.indexOf(MAGIC, at + 1)) {
    if (at + DESCRIPTOR_BYTES > image.length) return undefined;
    const machine = text(image.subarray(at + 8, at + 24));
    const version = text(image.subarray(at + 24, at + 56));
    if (machine === undefined || version === undefined) continue;
    const engineId = image.subarray(at + 56, at + 64).toString("hex");
    return { machine, version, engineId, apiHash: image.subarray(at + 64, at + 72).toString("hex") };
  }
  return undefined;
}

/** Printable ASCII, zero padded and not empty; undefined when it is not that. */
function text(field: Buffer): string | undefined {
  return /^([\x21-\x7e]+)\0+$/.exec(field.toString("latin1"))?.[1];
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
