// The boot loader of a virtual device: which firmware slot boots, and what that does to otadata, as ESP-IDF's does it with roll-back enabled;
// and the flashing of the first firmware, as over a cable.

import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hostImage, isWhole } from "../lib/firmware_image.ts";

const SECTOR = 4096;
const SLOTS = 2;
export const OTADATA_BYTES = 2 * SECTOR;
/** esp_ota_img_states_t */
export const OTA_STATE = { new: 0, pending: 1, valid: 2, invalid: 3, aborted: 4, undefined: 0xffffffff } as const;

export interface OtaEntry {
  sequence: number;
  state: number;
}

/** The entry of a sector; undefined when it is blank, torn or not one. */
export function readEntry(otadata: Uint8Array, sector: number): OtaEntry | undefined {
  const entry = Buffer.from(otadata.buffer, otadata.byteOffset + sector * SECTOR, 32);
  const sequence = entry.readUInt32LE(0);
  if (sequence === 0xffffffff || entry.readUInt32LE(28) !== entryCrc(sequence)) return undefined;
  return { sequence, state: entry.readUInt32LE(24) };
}

/** Otadata with one sector's entry written anew. */
export function withEntry(otadata: Uint8Array, sector: number, entry: OtaEntry): Uint8Array {
  const result = Buffer.from(otadata);
  result.fill(0xff, sector * SECTOR, (sector + 1) * SECTOR);
  result.writeUInt32LE(entry.sequence, sector * SECTOR);
  result.writeUInt32LE(entry.state, sector * SECTOR + 24);
  result.writeUInt32LE(entryCrc(entry.sequence), sector * SECTOR + 28);
  return new Uint8Array(result);
}

/** What one boot does: the slot that is started (undefined: none can be) and otadata afterwards. */
export function bootSlot(
  otadata: Uint8Array,
  bootable: (slot: number) => boolean,
): { slot: number | undefined; otadata: Uint8Array } {
  let data = otadata;
  for (let sector = 0; sector < 2; sector++) {
    const entry = readEntry(data, sector);
    // A firmware on trial that has not proved itself by now never will.
    if (entry?.state === OTA_STATE.pending) data = withEntry(data, sector, { ...entry, state: OTA_STATE.aborted });
  }
  const entries = [readEntry(data, 0), readEntry(data, 1)];
  const active = activeSector(entries);
  let first = 0;
  if (active >= 0) {
    const entry = entries[active] as OtaEntry;
    first = (entry.sequence - 1) % SLOTS;
    if (entry.state === OTA_STATE.new) data = withEntry(data, active, { ...entry, state: OTA_STATE.pending });
  }
  for (const slot of [first, 1 - first]) {
    if (!bootable(slot)) continue;
    if (entries[0] === undefined && entries[1] === undefined)
      data = withEntry(data, 0, { sequence: slot + 1, state: OTA_STATE.valid });
    return { slot, otadata: data };
  }
  return { slot: undefined, otadata: data };
}

/** The sector whose entry decides, -1 when none does. */
function activeSector(entries: (OtaEntry | undefined)[]): number {
  let best = -1;
  entries.forEach((entry, sector) => {
    if (entry === undefined || entry.state === OTA_STATE.invalid || entry.state === OTA_STATE.aborted) return;
    if (entry.sequence > (entries[best]?.sequence ?? 0)) best = sector;
  });
  return best;
}

/** As the ROM's crc32_le(UINT32_MAX, ...): the register begins with zero. */
function entryCrc(sequence: number): number {
  let crc = sequence;
  for (let bit = 0; bit < 32; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  return ~crc >>> 0;
}

/** Writes an executable to slot 0 of a chip and forgets the other one, unless it is the one that was flashed last: a firmware that came
 * over the air since then stays. */
export function flashFirmware(flashDir: string, executable: string): void {
  const elf = new Uint8Array(readFileSync(executable));
  const record = join(flashDir, "flashed.txt");
  const name = Bun.SHA256.hash(elf, "hex");
  if (existsSync(record) && readFileSync(record, "utf8") === name) return;
  rmSync(join(flashDir, "otadata.bin"), { force: true });
  for (const slot of [0, 1]) rmSync(slotPath(flashDir, slot), { force: true });
  writeFileSync(slotPath(flashDir, 0), hostImage(elf), { mode: 0o755 });
  writeFileSync(record, name);
}

/** Boots: the program to start and its slot; undefined when no slot holds one that verifies. */
export function loadFirmware(flashDir: string): { program: string; slot: number } | undefined {
  const path = join(flashDir, "otadata.bin");
  const before = existsSync(path) ? new Uint8Array(readFileSync(path)) : new Uint8Array(OTADATA_BYTES).fill(0xff);
  const { slot, otadata } = bootSlot(before, (slot) => {
    const file = slotPath(flashDir, slot);
    return existsSync(file) && isWhole(new Uint8Array(readFileSync(file)));
  });
  if (Buffer.compare(before, otadata) !== 0) writeFileSync(path, otadata);
  if (slot === undefined) return undefined;
  const program = slotPath(flashDir, slot);
  chmodSync(program, 0o755); // the firmware wrote it as data
  return { program, slot };
}

function slotPath(flashDir: string, slot: number): string {
  return join(flashDir, `ota_${slot}.bin`);
}
