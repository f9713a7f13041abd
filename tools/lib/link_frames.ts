// The frames of the link (docs/WIRE.md, "Link protocol"): their types, and what is in them as far as a tool looks inside.

import { LinkError } from "./link_error.ts";

/** Types of frames. */
export const T = {
  hello: 0x01,
  info: 0x02,
  list: 0x03,
  hash: 0x04,
  remove: 0x05,
  log: 0x06,
  reboot: 0x07,
  get: 0x08,
  blocks: 0x09,
  putFile: 0x10,
  putBundle: 0x11,
  data: 0x12,
  commit: 0x13,
  putFirmware: 0x14,
  patch: 0x15,
  json: 0x81,
  taken: 0x82,
  error: 0xff,
} as const;

export interface Hello {
  link: number;
  /** The kind of patch frames and sums of blocks that it knows. */
  patch?: number;
  name: string;
  chunk: number;
  window: number;
  machine: string;
  bundle: BundleInfo;
  firmware: FirmwareInfo;
}

export interface DeviceInfo {
  uptimeMs: number;
  heap: [live: number, peak: number, free: number, largest: number];
  firmware: string;
  id: string;
  space: number;
}

/** The id of errors that are about no frame in particular. */
export const NO_ID = 0;

/** The content of an answer that is JSON. Throws LinkError when it is none. */
export function parseJson<Shape>(bytes: Uint8Array): Shape {
  try {
    return JSON.parse(Buffer.from(bytes).toString()) as Shape;
  } catch {
    throw new LinkError("protocol", "the device sent an answer that is not JSON");
  }
}

/** 32 bits, big-endian. */
export function u32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
