// The bundle slots of an in-memory chip: which bundle boots, trials, roll-back and the recorded reasons, with the meaning of
// docs/WIRE.md but without flash words. Torn writes are the host firmware's subject, not this one's.

import { createHash } from "node:crypto";
import { patched } from "./memory_patch.ts";

export const HEADER_BYTES = 256;
/** Body bytes that fit into a slot: a 192 KB partition without its first sector. */
export const BODY_BYTES_MAX = 192 * 1024 - 4096;
/** Boots that one trial may take. */
export const TRIAL_BOOTS_MAX = 8;
/** Crashes in a row that lead to the recovery bundle. */
export const CRASHES_MAX = 3;

export interface SlotBundle {
  header: Uint8Array;
  body: Uint8Array;
  sequence: number;
  tried: number;
  confirmed: boolean;
  rejected: boolean;
}

export interface BundleHeader {
  length: number;
  sha256: string;
  profile: string;
  version: string;
  engineId: string;
  apiHash: string;
}

/** How the previous boot ended, as the chip knows it at the next one. */
export interface LastEnd {
  kind: "power" | "restart" | "asked" | "sleep" | "crash" | "watchdog" | "deadline";
}

/** Reads the fields of a bundle header; a text says why it is none. */
export function readHeader(header: Uint8Array): BundleHeader | string {
  if (header.length !== HEADER_BYTES) return `a header has ${HEADER_BYTES} bytes, not ${header.length}`;
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  if (ascii(header, 0, 8) !== "HEARTHB1") return "not a Hearth bundle";
  if (view.getUint32(8, true) !== 1) return `unknown header version ${view.getUint32(8, true)}`;
  const length = view.getUint32(12, true);
  if (length < 1 || length > BODY_BYTES_MAX) return `body of ${length} bytes does not fit`;
  if (view.getUint32(96, true) !== 0) return "unknown flags";
  if (view.getUint16(100, true) > 16) return "too many boot pins";
  if (view.getUint32(252, true) !== Bun.hash.crc32(header.subarray(0, 252))) return "header checksum is wrong";
  return {
    length,
    sha256: hex(header.subarray(16, 48)),
    profile: ascii(header, 48, 64),
    version: ascii(header, 64, 80),
    engineId: hex(header.subarray(80, 88)),
    apiHash: hex(header.subarray(88, 96)),
  };
}

/** Pins that a bundle names as boot pins. */
export function bootPinsOf(header: Uint8Array | undefined): number[] {
  const count = header === undefined ? 0 : (header[100] ?? 0);
  return Array.from({ length: count }, (_, index) => header?.[102 + 2 * index] ?? 0);
}

export class MemorySlots {
  readonly slots: (SlotBundle | undefined)[] = [undefined, undefined];
  rejectedHash = "";
  rejectedWhy = "";
  crashes = 0;
  #staging: { slot: number; header: Uint8Array; body: Uint8Array; written: number } | undefined;

  /** The slot to boot, -1 for recovery. Marks the boot of a trial, or takes a failed trial back first. `excused`: a crash was the
   * fault of a firmware or a configuration that has just been taken back. */
  choose(last: LastEnd, excused = false): number {
    if (!excused && (last.kind === "crash" || last.kind === "watchdog")) this.crashes++;
    for (;;) {
      const slot = this.#newest();
      const bundle = this.slots[slot];
      if (bundle === undefined) return -1;
      if (bundle.confirmed) return this.crashes >= CRASHES_MAX ? -1 : slot;
      const mayGoOn = bundle.tried === 0 || last.kind === "asked" || last.kind === "sleep";
      if (mayGoOn && bundle.tried < TRIAL_BOOTS_MAX) {
        bundle.tried++;
        return slot;
      }
      this.reject(slot, last.kind === "asked" || last.kind === "sleep" ? "restart" : last.kind);
    }
  }

  /** Marks a bundle as not to be booted again. */
  reject(slot: number, why: string): void {
    const bundle = this.slots[slot];
    if (bundle === undefined) return;
    bundle.rejected = true;
    this.rejectedHash = hex(bundle.header.subarray(16, 24));
    this.rejectedWhy = why;
    this.crashes = 0;
  }

  confirm(slot: number): void {
    const bundle = this.slots[slot];
    if (bundle !== undefined) bundle.confirmed = true;
    this.crashes = 0;
  }

  /** Returns the body offset to go on from; a text says why the header is refused. */
  begin(running: number, header: Uint8Array): number | string {
    const fields = readHeader(header);
    if (typeof fields === "string") return fields;
    const slot = running === 0 ? 1 : 0;
    const staging = this.#staging;
    if (staging?.slot === slot && Buffer.compare(staging.header, header) === 0) return staging.written;
    this.slots[slot] = undefined;
    this.#staging = { slot, header: header.slice(), body: new Uint8Array(fields.length), written: 0 };
    return 0;
  }

  /** Carries out a patch's operations from `at` on; returns how much is there then. A text says what is wrong: "gap", or "bad" when what was made is
   * dropped. */
  patch(running: number, at: number, operations: Uint8Array): number | "gap" | "bad" {
    const staging = this.#staging;
    if (staging === undefined || at > staging.written) return "gap";
    const base = this.slots[running]?.body ?? new Uint8Array(0);
    const bytes = patched(base, staging.body, at, staging.body.length, operations);
    if (bytes === undefined) {
      this.#staging = undefined;
      return "bad";
    }
    this.write(staging.written, bytes.subarray(staging.written - at));
    return staging.written;
  }

  /** False when `offset` is not where the last write ended or the body gets too long. */
  write(offset: number, bytes: Uint8Array): boolean {
    const staging = this.#staging;
    if (staging === undefined || offset !== staging.written) return false;
    if (offset + bytes.length > staging.body.length) return false;
    staging.body.set(bytes, offset);
    staging.written += bytes.length;
    return true;
  }

  /** False when what was written does not verify. */
  commit(): boolean {
    const staging = this.#staging;
    this.#staging = undefined;
    if (staging === undefined || staging.written !== staging.body.length) return false;
    const sum = createHash("sha256").update(staging.body).digest();
    if (sum.compare(staging.header, 16, 48) !== 0) return false;
    this.install(staging.slot, staging.header, staging.body, false);
    this.rejectedHash = "";
    this.rejectedWhy = "";
    return true;
  }

  /** Puts a bundle into a slot as the newest one. */
  install(slot: number, header: Uint8Array, body: Uint8Array, confirmed: boolean): void {
    const sequence = 1 + Math.max(0, ...this.slots.map((bundle) => bundle?.sequence ?? 0));
    this.slots[slot] = { header, body, sequence, tried: 0, confirmed, rejected: false };
  }

  #newest(): number {
    let best = -1;
    this.slots.forEach((bundle, slot) => {
      if (bundle === undefined || bundle.rejected) return;
      if (bundle.sequence > (this.slots[best]?.sequence ?? 0)) best = slot;
    });
    return best;
  }
}

function ascii(bytes: Uint8Array, start: number, end: number): string {
  const text = Buffer.from(bytes.subarray(start, end)).toString("latin1");
  const zero = text.indexOf("\0");
  return zero < 0 ? text : text.slice(0, zero);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
