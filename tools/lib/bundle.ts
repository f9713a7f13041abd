// The header of a bundle (docs/WIRE.md, "Bundle"): encoding and decoding, nothing else. Pure functions over bytes.

import { createHash } from "node:crypto";

export const HEADER_BYTES = 256;
export const BOOT_PINS_MAX = 16;
/** ASCII characters of a profile's name and of a version. */
export const NAME_BYTES_MAX = 16;
const MAGIC = "HEARTHB1";
const HEADER_VERSION = 1;
const CRC_OFFSET = 252;

/** A pin that the firmware sets before anything else runs. */
export interface BootPin {
  /** 0..255 */
  pin: number;
  /** enum port_gpio_mode: 0 input, 1 pull-up, 2 pull-down, 3 output, 4 open drain */
  mode: number;
  level: 0 | 1;
}

export interface BundleHeader {
  bodyLength: number;
  /** SHA-256 of the body in hex. */
  sha256: string;
  /** 1..16 printable ASCII characters. */
  profile: string;
  version: string;
  /** 16 hex digits each. */
  engineId: string;
  apiHash: string;
  bootPins: BootPin[];
  /** Written by the device at commit; 0 in a file. */
  sequence: number;
}

/** First 16 hex digits of the body's SHA-256: how a device and the artifact store call a bundle. */
export function bundleName(header: BundleHeader): string {
  return header.sha256.slice(0, 16);
}

/** A whole bundle.bin: the header for `body`, then the body. Throws a RangeError for fields that do not fit. */
export function encodeBundle(
  body: Uint8Array,
  fields: Pick<BundleHeader, "profile" | "version" | "engineId" | "apiHash" | "bootPins">,
): Uint8Array {
  const sha256 = createHash("sha256").update(body).digest("hex");
  const header = encodeHeader({ ...fields, bodyLength: body.length, sha256, sequence: 0 });
  const bundle = new Uint8Array(HEADER_BYTES + body.length);
  bundle.set(header);
  bundle.set(body, HEADER_BYTES);
  return bundle;
}

/** The 256 bytes of a header. Throws a RangeError for fields that do not fit. */
export function encodeHeader(header: BundleHeader): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  if (header.bodyLength < 1) throw new RangeError("a bundle's body is never empty");
  putText(bytes, 0, 8, MAGIC);
  view.setUint32(8, HEADER_VERSION, true);
  view.setUint32(12, header.bodyLength, true);
  putHex(bytes, 16, 32, header.sha256);
  putText(bytes, 48, NAME_BYTES_MAX, header.profile);
  putText(bytes, 64, NAME_BYTES_MAX, header.version);
  putHex(bytes, 80, 8, header.engineId);
  putHex(bytes, 88, 8, header.apiHash);
  if (header.bootPins.length > BOOT_PINS_MAX) throw new RangeError(`more than ${BOOT_PINS_MAX} boot pins`);
  view.setUint16(100, header.bootPins.length, true);
  header.bootPins.forEach(({ pin, mode, level }, index) => {
    if (!Number.isInteger(pin) || pin < 0 || pin > 255) throw new RangeError(`there is no boot pin ${pin}`);
    if (!Number.isInteger(mode) || mode < 0 || mode > 4)
      throw new RangeError(`boot pin ${pin}: there is no mode ${mode}`);
    bytes[102 + index * 2] = pin;
    bytes[103 + index * 2] = mode | (level << 4);
  });
  view.setUint32(244, header.sequence, true);
  view.setUint32(CRC_OFFSET, Bun.hash.crc32(bytes.subarray(0, CRC_OFFSET)), true);
  return bytes;
}

/** The fields of a header; a text says why the bytes are none. */
export function decodeHeader(bytes: Uint8Array): BundleHeader | string {
  if (bytes.length < HEADER_BYTES) return `cut off: ${bytes.length} bytes, a header has ${HEADER_BYTES}`;
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  if (getText(bytes, 0, 8) !== MAGIC) return "not a Hearth bundle";
  if (view.getUint32(CRC_OFFSET, true) !== Bun.hash.crc32(bytes.subarray(0, CRC_OFFSET)))
    return "the header's checksum is wrong";
  if (view.getUint32(8, true) !== HEADER_VERSION) return `header version ${view.getUint32(8, true)} is unknown`;
  if (view.getUint32(96, true) !== 0) return "the header has flags that are unknown";
  const bodyLength = view.getUint32(12, true);
  if (bodyLength < 1) return "the bundle's body is empty";
  const profile = getText(bytes, 48, NAME_BYTES_MAX);
  const version = getText(bytes, 64, NAME_BYTES_MAX);
  if (profile === undefined || version === undefined) return "profile or version is not ASCII text";
  const pins = view.getUint16(100, true);
  if (pins > BOOT_PINS_MAX) return `${pins} boot pins are too many`;
  const bootPins: BootPin[] = [];
  for (let index = 0; index < pins; index++) {
    const setting = bytes[103 + index * 2] as number;
    if (setting > 0x1f || (setting & 15) > 4) return "a boot pin has an unknown mode";
    bootPins.push({ pin: bytes[102 + index * 2] as number, mode: setting & 15, level: setting >> 4 === 1 ? 1 : 0 });
  }
  return {
    bodyLength,
    sha256: getHex(bytes, 16, 32),
    profile,
    version,
    engineId: getHex(bytes, 80, 8),
    apiHash: getHex(bytes, 88, 8),
    bootPins,
    sequence: view.getUint32(244, true),
  };
}

/** Header and body of a bundle.bin; a text says why the bytes are none. */
export function decodeBundle(bytes: Uint8Array): { header: BundleHeader; body: Uint8Array } | string {
  const header = decodeHeader(bytes);
  if (typeof header === "string") return header;
  const body = bytes.subarray(HEADER_BYTES);
  if (body.length !== header.bodyLength)
    return `the body has ${body.length} bytes, the header says ${header.bodyLength}`;
  if (createHash("sha256").update(body).digest("hex") !== header.sha256)
    return "the body's SHA-256 is not the header's";
  return { header, body };
}

function putText(bytes: Uint8Array, offset: number, size: number, text: string): void {
  if (!/^[\x21-\x7e]+$/.test(text)) throw new RangeError(`"${text}" must be printable ASCII without blanks`);
  if (text.length > size) throw new RangeError(`"${text}" is longer than ${size} characters`);
  bytes.set(Buffer.from(text, "latin1"), offset);
}

function getText(bytes: Uint8Array, offset: number, size: number): string | undefined {
  const text = Buffer.from(bytes.subarray(offset, offset + size)).toString("latin1");
  return /^([\x21-\x7e]+)\0*$/.exec(text)?.[1];
}

function putHex(bytes: Uint8Array, offset: number, size: number, hex: string): void {
  if (hex.length !== size * 2 || !/^[0-9a-f]+$/.test(hex))
    throw new RangeError(`"${hex}" must be ${size * 2} hex digits`);
  bytes.set(Buffer.from(hex, "hex"), offset);
}

function getHex(bytes: Uint8Array, offset: number, size: number): string {
  return Buffer.from(bytes.subarray(offset, offset + size)).toString("hex");
}
