// A bundle as it lies in a partition (docs/WIRE.md): what `cpall` writes to a chip, here for a flash folder.

import { HEADER_BYTES } from "./memory_slots.ts";

const SECTOR_BYTES = 4096;
const CONFIRMED_AT = 768;
const CONFIRMED = 0x434f4e46;

/** The partition's content from its start: header with `sequence`, marks, body; everything after it is erased flash. */
export function partitionImage(bundle: Uint8Array, sequence: number, confirmed: boolean): Uint8Array {
  if (bundle.length <= HEADER_BYTES) throw new Error("the bundle has no body");
  const image = Buffer.alloc(PARTITION_BYTES, 0xff);
  if (SECTOR_BYTES + bundle.length - HEADER_BYTES > PARTITION_BYTES)
    throw new Error("the bundle does not fit the partition");
  image.set(bundle.subarray(0, HEADER_BYTES), 0);
  image.writeUInt32LE(sequence, 244);
  image.writeUInt32LE(Bun.hash.crc32(image.subarray(0, 252)), 252);
  if (confirmed) image.writeUInt32LE(CONFIRMED, CONFIRMED_AT);
  image.set(bundle.subarray(HEADER_BYTES), SECTOR_BYTES);
  return image;
}

/** Size of an app partition. */
export const PARTITION_BYTES = 192 * 1024;
