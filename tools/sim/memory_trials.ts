// Firmware slots and the configuration's trial of an in-memory chip, with the meaning of native/firmware.c and native/config_trial.c. The
// firmware itself is always this process: what is modelled is which slot runs and what a tool is told. Torn writes are the host firmware's subject.

import { createHash } from "node:crypto";
import type { LastEnd } from "./memory_slots.ts";

export const FIRMWARE_BYTES_MAX = 1_536 * 1024;
export const CONFIG_OLD = "config.old";
/** Boots that one trial of a configuration may take. */
const CONFIG_BOOTS_MAX = 8;

/** As in ESP-IDF's otadata. */
export const FIRMWARE_STATE = { undefined: -1, new: 0, pending: 1, valid: 2, invalid: 3, aborted: 4 } as const;

/** In the order of NVS hearth/boots. */
const CAUSES = ["power", "brownout", "asked", "restart", "exception", "recovery", "panic", "watchdog"];

/** Counts a boot by its cause, as native/life.c does. `reason` as native.resetReason(). */
export function countBoot(nvs: Map<string, string>, reason: number, last: LastEnd, recover: boolean): void {
  const bySoftware = recover
    ? "recovery"
    : last.kind === "crash"
      ? "exception"
      : last.kind === "asked"
        ? "asked"
        : "restart";
  const cause = ["power", bySoftware, "watchdog", "panic", "", "brownout"][reason] ?? "";
  if (!CAUSES.includes(cause)) return;
  const counts = CAUSES.map((_, index) => Number(nvs.get("hearth/boots")?.split(" ")[index] ?? 0));
  counts[CAUSES.indexOf(cause)]!++;
  nvs.set("hearth/boots", counts.join(" "));
}

interface Image {
  hash: string;
  version: string;
  state: number;
}

export class MemoryTrials {
  readonly images: [Image, Image | undefined] | [Image | undefined, Image] = [
    { hash: "f0".repeat(8), version: "0.1.0", state: FIRMWARE_STATE.valid },
    undefined,
  ];
  running: 0 | 1 = 0;
  rejectedHash = "";
  rejectedWhy = "";
  configTrial = false;
  configRejectedHash = "";
  configRejectedWhy = "";
  #next: 0 | 1 = 0;
  #configTried = 0;
  #configHash = "";
  #staging: { size: number; sha256: Uint8Array; bytes: Uint8Array; written: number } | undefined;
  readonly #files: Map<string, Uint8Array>;

  constructor(files: Map<string, Uint8Array>) {
    this.#files = files;
  }

  get firmwareTrial(): boolean {
    return this.images[this.running]?.state === FIRMWARE_STATE.pending;
  }

  /** A new firmware waits for the next boot, or runs on trial. */
  get firmwareDue(): boolean {
    return this.firmwareTrial || this.#next !== this.running;
  }

  info(): FirmwareInfo {
    const running = this.images[this.running];
    const other = this.images[1 - this.running];
    return {
      slot: this.running,
      state: running?.state ?? FIRMWARE_STATE.undefined,
      version: running?.version ?? "",
      hash: running?.hash ?? "",
      space: FIRMWARE_BYTES_MAX,
      otherState: other?.state ?? FIRMWARE_STATE.undefined,
      otherVersion: other?.version ?? "",
      otherHash: other?.hash ?? "",
      rejectedHash: this.rejectedHash,
      rejectedWhy: this.rejectedWhy,
    };
  }

  /** The offset to go on from. */
  begin(size: number, sha256: Uint8Array): number {
    const staging = this.#staging;
    if (staging?.size === size && Buffer.compare(staging.sha256, sha256) === 0) return staging.written;
    this.#staging = { size, sha256: sha256.slice(), bytes: new Uint8Array(size), written: 0 };
    return 0;
  }

  /** False when `offset` is not where the last write ended or the image gets too long. */
  write(offset: number, bytes: Uint8Array): boolean {
    const staging = this.#staging;
    if (staging === undefined || offset !== staging.written || offset + bytes.length > staging.size) return false;
    staging.bytes.set(bytes, offset);
    staging.written += bytes.length;
    return true;
  }

  /** False when what was written does not verify. */
  commit(): boolean {
    const staging = this.#staging;
    this.#staging = undefined;
    if (staging === undefined || staging.written !== staging.size) return false;
    const sum = createHash("sha256").update(staging.bytes).digest();
    if (sum.compare(staging.sha256) !== 0) return false;
    const other = (1 - this.running) as 0 | 1;
    this.images[other] = { hash: sum.toString("hex").slice(0, 16), version: "new", state: FIRMWARE_STATE.new };
    this.#next = other;
    this.rejectedHash = this.rejectedWhy = "";
    return true;
  }

  confirmFirmware(): void {
    const image = this.images[this.running];
    if (image !== undefined) image.state = FIRMWARE_STATE.valid;
  }

  tryConfig(from: string): void {
    const bytes = this.#files.get(from);
    if (bytes === undefined) return;
    const old = this.#files.get("config.txt");
    if (old !== undefined && !this.configGoing) this.#files.set(CONFIG_OLD, old);
    if (old !== undefined) {
      this.#configTried = 0;
      this.#configHash = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
    }
    this.#files.set("config.txt", bytes);
    this.#files.delete(from);
    this.configRejectedHash = this.configRejectedWhy = "";
  }

  confirmConfig(): void {
    if (!this.configTrial) return;
    this.configTrial = false;
    this.#configHash = "";
    this.#files.delete(CONFIG_OLD);
  }

  /** Everything on trial has missed its deadline. */
  late(): void {
    this.#revertConfig("deadline");
    if (this.firmwareTrial) this.#takeBack(FIRMWARE_STATE.invalid, "deadline");
  }

  /** What boot loader and C do at each boot. True when something was taken back: the end was its fault. */
  boot(last: LastEnd, recover: boolean): boolean {
    const goesOn = last.kind === "asked" || last.kind === "sleep";
    let back = false;
    if (this.firmwareTrial) {
      this.#takeBack(FIRMWARE_STATE.aborted, goesOn ? "restart" : last.kind);
      back = true;
    }
    this.running = this.#next;
    const image = this.images[this.running];
    if (image?.state === FIRMWARE_STATE.new) image.state = FIRMWARE_STATE.pending;
    if (this.configGoing && this.#configTried > 0 && (!goesOn || this.#configTried >= CONFIG_BOOTS_MAX)) {
      this.#revertConfig(recover ? "config" : goesOn ? "restart" : last.kind);
      back = true;
    }
    this.configTrial = this.configGoing;
    if (this.configTrial) this.#configTried++;
    return back;
  }

  /** A configuration is on trial, or waits for the restart into its trial. */
  get configGoing(): boolean {
    return this.#configHash !== "";
  }

  #takeBack(state: number, why: string): void {
    const image = this.images[this.running];
    if (image === undefined) return;
    image.state = state;
    this.rejectedHash = image.hash;
    this.rejectedWhy = why;
    this.#next = (1 - this.running) as 0 | 1;
  }

  #revertConfig(why: string): void {
    if (!this.configGoing) return;
    const old = this.#files.get(CONFIG_OLD);
    if (old !== undefined) this.#files.set("config.txt", old);
    this.#files.delete(CONFIG_OLD);
    this.configRejectedHash = this.#configHash;
    this.configRejectedWhy = why;
    this.#configHash = "";
    this.configTrial = false;
  }
}
