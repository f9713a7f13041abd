// The central's side of updates over ESP-NOW: keeps a file for each peripheral, tells it what there is when it asks, and sends the blocks
// that it wants. It can read none of the keys: what it hands on, the peripheral verifies. The bytes are mail_codec.ts's.

import { hex } from "./link.ts";
import type { Loop, Task } from "./loop.ts";
import {
  BLOCK,
  BLOCK_BYTES,
  HEAD_BYTES,
  MAIL,
  MAIL_TRIED,
  mailNumber,
  message,
  OFFER,
  REPORT,
  REPORT_TAG_BYTES,
  REPORT_TEXT_AT,
  readNumber,
  readUint,
  STATS,
  STATS_TEXT_AT,
  TEXT,
  TEXT_AT,
  TEXT_PARTS_MAX,
  TOOK,
  WANT,
  writeUint,
} from "./mail_codec.ts";
import { macBytes } from "./netnow_radio.ts";

/** Between two blocks. A peripheral of version 2 keeps 32 tids for 2 s: so there is room for time and confirms beside them. */
export const PACE_MS = 80;
/** Peripherals that are served at once; a further one asks again. */
export const JOBS_MAX = 4;

interface Job {
  mac: string;
  file: string;
  number: number;
  first: number;
  missing: number;
}

export class Mailbox {
  /** Blocks sent, and messages refused, since boot. */
  blocks: number;
  refused: number;
  /** Told of every report (as it came) and every request for blocks (number, first block, size of the mail). */
  onReport: (mac: string, report: Uint8Array) => void;
  /** Told of every part of an exception (as it came); false when it could not be handed on: then it comes again. */
  onText: (mac: string, part: number, text: Uint8Array) => boolean;
  onWant: (mac: string, number: number, first: number, size: number) => void;
  /** Told of a peripheral's counters. */
  onStats: (mac: string, text: string) => void;
  private readonly jobs: Job[];
  private readonly pace: Task;

  /** `send` hands a payload to a peripheral, or to all; false when there is no room now. */
  constructor(
    loop: Loop,
    private readonly send: (payload: Uint8Array, mac: string) => boolean,
  ) {
    this.blocks = this.refused = 0;
    this.onReport = this.onWant = this.onStats = () => {};
    this.onText = () => false;
    this.jobs = [];
    this.pace = loop.task(() => this.next(), false, "mail");
  }

  /** Takes a payload if it is a message for the mailbox. */
  take(payload: Uint8Array, mac: string): boolean {
    if (payload[0] !== MAIL || payload.length < 2) return false;
    if (payload[1] === REPORT && payload.length >= REPORT_TEXT_AT + REPORT_TAG_BYTES) this.report(payload, mac);
    else if (payload[1] === WANT && payload.length === 14) this.want(payload, mac);
    else if (payload[1] === TEXT && payload.length > TEXT_AT + REPORT_TAG_BYTES && payload[6]! < TEXT_PARTS_MAX)
      this.text(payload, mac);
    else if (payload[1] === STATS) this.stats(payload, mac);
    else this.refused++;
    return true;
  }

  private stats(payload: Uint8Array, mac: string): void {
    const text = native.decodeText(payload, STATS_TEXT_AT, payload.length);
    if (text === undefined) this.refused++;
    else this.onStats(mac, text);
  }

  private report(payload: Uint8Array, mac: string): void {
    this.onReport(mac, payload);
    const file = fileOf(mac);
    let number = numberIn(file);
    if (number === readNumber(payload, 3) && payload[2]! >> 3 >= MAIL_TRIED) {
      // It has done with this one, well or not.
      native.fileRemove(file);
      number = undefined;
    }
    const offer = message(OFFER, macBytes(mac)!, number ?? 0, 4);
    writeUint(offer, offer.length - 4, 4, number === undefined ? 0 : native.fileSize(file));
    this.send(offer, mac);
  }

  private text(payload: Uint8Array, mac: string): void {
    const part = payload[6]!;
    if (!this.onText(mac, part, payload)) return;
    const answer = message(TOOK, macBytes(mac)!, readUint(payload, 2, 4), 2);
    writeUint(answer, answer.length - 2, 2, part);
    this.send(answer, mac);
  }

  private want(payload: Uint8Array, mac: string): void {
    const file = fileOf(mac);
    const number = readNumber(payload, 2);
    const at = this.jobs.findIndex((job) => job.mac === mac);
    if (numberIn(file) !== number || (at < 0 && this.jobs.length === JOBS_MAX)) {
      this.refused++;
      return;
    }
    const job = { mac, file, number, first: readUint(payload, 8, 2), missing: readUint(payload, 10, 4) };
    if (at >= 0) this.jobs[at] = job;
    else this.jobs.push(job);
    this.onWant(mac, number, job.first, native.fileSize(file));
    if (at < 0 && this.jobs.length === 1) this.pace.every(PACE_MS);
  }

  /** One block of the job whose turn it is. */
  private next(): void {
    const job = this.jobs[0];
    if (job === undefined) {
      this.pace.stop();
      return;
    }
    let bit = 0;
    while (bit < 32 && ((job.missing >>> bit) & 1) === 0) bit++;
    const at = (job.first + bit) * BLOCK_BYTES;
    // A new mail may have taken the old one's place meanwhile, or a size be claimed that it has not.
    if (bit === 32 || at >= native.fileSize(job.file) || numberIn(job.file) !== job.number) {
      this.jobs.shift();
      return;
    }
    const bytes = native.fileRead(job.file, at, BLOCK_BYTES);
    const block = message(BLOCK, macBytes(job.mac)!, job.number, 2 + bytes.length);
    writeUint(block, block.length - bytes.length - 2, 2, job.first + bit);
    block.set(bytes, block.length - bytes.length);
    if (!this.send(block, job.mac)) return;
    this.blocks++;
    job.missing = (job.missing & ~(1 << bit)) >>> 0;
    this.jobs.push(this.jobs.shift()!);
  }
}

/** Where the mail for a MAC (`AA:BB:...`) lies. */
function fileOf(mac: string): string {
  return `mail.${hex(macBytes(mac)!)}`;
}

function numberIn(file: string): number | undefined {
  return native.fileSize(file) < HEAD_BYTES ? undefined : mailNumber(native.fileRead(file, 0, HEAD_BYTES));
}
