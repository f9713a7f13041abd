// The peripheral's side of updates over ESP-NOW: reports what runs, takes the mail that its central has for it block by block, over as many
// wake-ups as it needs, and has what is whole installed (mail_install.ts). Bytes are mail_codec.ts's.

import { hex } from "./link.ts";
import type { Loop, Task } from "./loop.ts";
import {
  BLOCK,
  BLOCK_BYTES,
  encodeWant,
  HEAD_BYTES,
  KEEP,
  MAC_BYTES,
  MAIL,
  MAIL_NONE,
  MAIL_REFUSED,
  MAIL_TAKING,
  MAIL_TRIED,
  mailKey,
  NUMBER_BYTES,
  OFFER,
  openHead,
  REPORT,
  REPORT_TAG_BYTES,
  REPORT_TEXT_AT,
  REPORT_TEXT_MAX,
  readNumber,
  readUint,
  SPACE,
  TOOK,
  WINDOW_BLOCKS,
  writeUint,
} from "./mail_codec.ts";
import { installMail } from "./mail_install.ts";
import { MailTeller } from "./mail_teller.ts";
import type { Netnow } from "./netnow_auto.ts";
import { same } from "./netnow_codec.ts";
import { keepAll } from "./ota_commands.ts";

/** Without an answer for so long it asks again. */
export const QUIET_MS = 500;
/** So often in a row, then not before the next wake-up. */
export const TRIES_MAX = 10;
/** A central that knows nothing of exceptions is told of one so often. */
export const TELL_TRIES = 8;
/** The battery's share, of one wake-up. */
export const BLOCKS_PER_WAKE = 256;
export const AWAKE_MAX_MS = 60_000;
/** Who does not sleep asks so often. */
export const ASK_MS = 60_000;
/** The mail as far as it has come: whole windows. */
const PART = "mail.part";
/** The window that was not whole when the device fell asleep: number, first block, missing blocks, CRC-32; then the blocks. */
const WINDOW = "mail.window";
const WINDOW_HEAD = 16;

export class MailTaker {
  /** Messages from the air that were refused, since boot. */
  refused: number;
  /** True while it must not sleep. */
  busy: boolean;
  /** Told when it is done for this wake-up. */
  onIdle: () => void;
  /** The newest mail that was made with our key, and what became of it. Stored. */
  private number: number;
  private state: number;
  private why: string;
  /** The mail that is on offer, 0 for none, and its size. */
  private offered: number;
  private size: number;
  private window: Uint8Array | undefined;
  private first: number;
  private missing: number;
  private tries: number;
  private taken: number;
  private untilMs: number;
  private readonly mac: Uint8Array;
  private readonly key: Uint8Array;
  private readonly again: Task;
  private readonly teller: MailTeller;

  /** `send` as Netnow's. */
  constructor(
    private readonly loop: Loop,
    private readonly send: (payload: Uint8Array) => boolean,
    otakey: Uint8Array,
  ) {
    this.refused = this.offered = this.size = this.first = this.missing = this.tries = this.taken = this.untilMs = 0;
    this.busy = false;
    this.onIdle = () => {};
    this.window = undefined;
    this.key = mailKey(otakey);
    this.mac = new Uint8Array(MAC_BYTES);
    const id = native.uniqueId();
    for (let index = 0; index < MAC_BYTES; index++) this.mac[index] = Number(`0x${id.slice(2 * index, 2 * index + 2)}`);
    this.teller = new MailTeller(this.key, this.mac);
    this.again = loop.task(() => this.askAgain(), false, "mail");
    this.number = this.state = 0;
    this.why = "";
    this.load();
    // The power went between the commit and its note: whether it took place is seen from what there is.
    if (this.state === MAIL_TAKING && this.why !== "") {
      const config = native.fileSize("config.txt") < 0 ? "" : hex(native.sha256File("config.txt")).slice(0, 16);
      const { hash, rejectedHash } = native.bundleInfo();
      const seen = [hash, rejectedHash, config, native.configInfo().rejectedHash];
      this.note(this.number, seen.indexOf(this.why) < 0 ? MAIL_TAKING : MAIL_TRIED, "");
    }
  }

  private load(): void {
    const kept = (native.nvsGet(SPACE, "state") ?? "").split(" ");
    this.number = Number(kept[0]) || 0;
    this.state = Number(kept[1]) || MAIL_NONE;
    this.why = kept.slice(2).join(" ");
  }

  /** Reports, and takes what there is. Called when the central can be reached. */
  ask(): void {
    if (this.busy) return;
    this.busy = true;
    this.load();
    this.teller.begin();
    this.offered = this.tries = this.taken = 0;
    this.untilMs = this.loop.now() + AWAKE_MAX_MS;
    this.askAgain();
  }

  /** Takes a payload from the central if it is a message of the mailbox. */
  take(payload: Uint8Array): boolean {
    if (payload[0] !== MAIL || payload.length < 2) return false;
    if (payload.length < 16) this.refused++;
    else if (this.busy && same(payload.subarray(2, 8), this.mac)) {
      const number = readNumber(payload, 8);
      if (payload[1] === OFFER && payload.length === 18) this.offer(number, readUint(payload, 14, 4));
      else if (payload[1] === TOOK && payload.length === 16) {
        if (!this.teller.took(number, readUint(payload, 14, 2))) return true;
        this.tries = 0;
        this.askAgain();
      } else if (payload[1] === BLOCK && number === this.offered)
        this.block(readUint(payload, 14, 2), payload.subarray(16));
      else this.refused++;
    }
    return true;
  }

  private askAgain(): void {
    const told = this.teller.message();
    if (told !== undefined) {
      if (this.tries++ < TELL_TRIES) {
        this.again.once(QUIET_MS);
        this.send(told);
        return;
      }
      this.teller.stop();
      this.tries = 0;
    }
    if (this.tries++ === TRIES_MAX || this.loop.now() >= this.untilMs) {
      this.idle();
      return;
    }
    this.again.once(QUIET_MS);
    // What the radio has no room for is as good as lost: it is asked for again.
    this.send(this.offered === 0 ? this.report() : encodeWant(this.offered, this.first, this.missing));
  }

  private offer(number: number, size: number): void {
    if (this.offered !== 0) return;
    const done = number < this.number || (number === this.number && this.state !== MAIL_TAKING);
    if (number === 0 || done || size < HEAD_BYTES || size > HEAD_BYTES + 65535 * BLOCK_BYTES) {
      this.idle();
      return;
    }
    this.offered = number;
    this.size = size;
    this.tries = 0;
    // What does not end with a block is not ours.
    if (number !== this.number || (native.fileSize(PART) % BLOCK_BYTES !== 0 && native.fileSize(PART) !== size))
      native.fileRemove(PART);
    if (native.fileSize(PART) === size) {
      // The power went before it was handed to the link.
      this.install();
      return;
    }
    this.window = new Uint8Array(WINDOW_HEAD + WINDOW_BLOCKS * BLOCK_BYTES);
    this.openWindow();
    this.restore();
    this.askAgain();
  }

  /** The head is a window of its own: nothing else is taken before it has verified. */
  private openWindow(): void {
    const have = Math.max(0, native.fileSize(PART));
    this.first = have / BLOCK_BYTES;
    const blocks = Math.ceil(((have === 0 ? HEAD_BYTES : this.size) - have) / BLOCK_BYTES);
    this.missing = blocks >= WINDOW_BLOCKS ? 0xffffffff : ((1 << blocks) - 1) >>> 0;
  }

  private block(index: number, bytes: Uint8Array): void {
    const bit = index - this.first;
    const window = this.window;
    if (window === undefined || bit < 0 || bit >= WINDOW_BLOCKS || ((this.missing >>> bit) & 1) === 0) return;
    if (bytes.length !== Math.min(BLOCK_BYTES, this.size - index * BLOCK_BYTES)) {
      this.refused++;
      return;
    }
    window.set(bytes, WINDOW_HEAD + bit * BLOCK_BYTES);
    this.missing = (this.missing & ~(1 << bit)) >>> 0;
    this.tries = 0;
    this.taken++;
    if (this.missing === 0) this.whole(window);
    else if (this.taken >= BLOCKS_PER_WAKE) this.idle();
    else this.again.once(QUIET_MS);
  }

  private whole(window: Uint8Array): void {
    const at = this.first * BLOCK_BYTES;
    const length = Math.min(at === 0 ? HEAD_BYTES : WINDOW_BLOCKS * BLOCK_BYTES, this.size - at);
    const bytes = window.subarray(WINDOW_HEAD, WINDOW_HEAD + length);
    if (at === 0) {
      const head = openHead(this.key, this.mac, bytes);
      let fault = typeof head === "string" ? head : undefined;
      if (typeof head !== "string" && (head.number !== this.offered || head.size !== this.size - HEAD_BYTES))
        fault = "the mail is cut short";
      // Said, but not stored: it may be anybody's, and must not stop a mail that is ours.
      if (fault !== undefined) {
        this.refuse(fault, false);
        return;
      }
      this.note(this.offered, MAIL_TAKING, "");
    }
    native.fileWrite(PART, at, bytes);
    native.fileSync(PART);
    native.fileRemove(WINDOW);
    if (at + length === this.size) {
      this.install();
      return;
    }
    this.openWindow();
    if (this.taken >= BLOCKS_PER_WAKE) this.idle();
    else this.askAgain();
  }

  /** Does what the whole mail asks for. */
  private install(): void {
    const head = openHead(this.key, this.mac, native.fileRead(PART, 0, HEAD_BYTES));
    if (typeof head === "string") {
      this.refuse(head, true);
      return;
    }
    if (head.put[0] === KEEP && head.put.length === 1 && head.size === 0) {
      keepAll();
      this.note(this.number, MAIL_TRIED, "");
      native.fileRemove(PART);
      this.tell(MAIL_TRIED, "");
      return;
    }
    // The name is there before the commit, so that after a cut of power it is seen whether that took place.
    const refusal = installMail(PART, head, (name) => this.note(this.number, MAIL_TAKING, name));
    if (refusal !== "") {
      this.refuse(refusal, true);
      return;
    }
    this.note(this.number, MAIL_TRIED, "");
    native.fileRemove(PART);
    native.restart("update over ESP-NOW", true);
  }

  /** Tells the central why, before it sleeps. With `forGood` this mail is never looked at again. */
  private refuse(why: string, forGood: boolean): void {
    this.refused++;
    native.log(`mail refused: ${why}`);
    native.fileRemove(PART);
    if (forGood) this.note(this.number, MAIL_REFUSED, why);
    this.tell(MAIL_REFUSED, why);
  }

  /** Tells the central what has become of the mail on offer. */
  private tell(state: number, why: string): void {
    this.window = undefined;
    this.number = this.offered;
    this.state = state;
    this.why = why;
    this.offered = this.tries = 0;
    this.askAgain();
  }

  private note(number: number, state: number, why: string): void {
    this.number = number;
    this.state = state;
    this.why = why;
    native.nvsSet(SPACE, "state", `${number} ${state} ${why}`);
  }

  /** Keeps what has come of the window for the next wake-up. */
  private idle(): void {
    this.again.stop();
    const window = this.window;
    if (window !== undefined && this.missing !== 0) {
      writeUint(window, 0, NUMBER_BYTES, this.offered);
      writeUint(window, 6, 2, this.first);
      writeUint(window, 8, 4, this.missing);
      writeUint(window, 12, 4, crcOf(window));
      native.fileRemove(WINDOW);
      native.fileWrite(WINDOW, 0, window);
      native.fileSync(WINDOW);
    }
    this.window = undefined;
    this.busy = false;
    this.onIdle();
  }

  private restore(): void {
    const window = this.window!;
    if (native.fileSize(WINDOW) !== window.length) return;
    const kept = native.fileRead(WINDOW, 0, window.length);
    const fits = readNumber(kept, 0) === this.offered && readUint(kept, 6, 2) === this.first;
    if (!fits || readUint(kept, 12, 4) !== crcOf(kept)) return;
    window.set(kept);
    this.missing = readUint(kept, 8, 4);
  }

  /** What runs, what was taken back and why, and how far the mail is, under our key. */
  private report(): Uint8Array {
    const bundle = native.bundleInfo();
    const config = native.configInfo();
    const text = native.encodeText(
      [bundle.profile, bundle.version, bundle.rejectedWhy, config.rejectedWhy, bundle.recoveryWhy, this.why].join("\n"),
    );
    const end = REPORT_TEXT_AT + Math.min(text.length, REPORT_TEXT_MAX);
    const bytes = new Uint8Array(end + REPORT_TAG_BYTES);
    bytes[1] = REPORT;
    bytes[2] = bundle.state | (config.trial ? 4 : 0) | (this.state << 3);
    writeUint(bytes, 3, NUMBER_BYTES, this.number);
    putHex(bytes, 9, bundle.hash);
    putHex(bytes, 17, bundle.rejectedHash);
    putHex(bytes, 25, bundle.engineId);
    putHex(bytes, 33, bundle.apiHash);
    if (native.fileSize("config.txt") >= 0) bytes.set(native.sha256File("config.txt").subarray(0, 8), 41);
    putHex(bytes, 49, config.rejectedHash);
    bytes.set(text.subarray(0, REPORT_TEXT_MAX), REPORT_TEXT_AT);
    const signed = new Uint8Array(MAC_BYTES + end);
    signed.set(this.mac);
    signed.set(bytes.subarray(0, end), MAC_BYTES);
    bytes.set(native.hmacSha256(this.key, signed).subarray(0, REPORT_TAG_BYTES), end);
    return bytes;
  }
}

function crcOf(window: Uint8Array): number {
  const crc = native.crc32(window, WINDOW_HEAD, window.length);
  return (crc ^ native.crc32(window, 0, 12)) >>> 0;
}

function putHex(bytes: Uint8Array, at: number, digits: string): void {
  for (let index = 0; 2 * index < digits.length; index++)
    bytes[at + index] = Number(`0x${digits.slice(2 * index, 2 * index + 2)}`);
}

/** Takes mail from the central, at once when it can be reached and every ASK_MS. */
export function takeMail(loop: Loop, netnow: Netnow, otakey: Uint8Array): MailTaker {
  const mail = new MailTaker(loop, (payload) => netnow.send(payload), otakey);
  const onBack = netnow.onBack;
  netnow.onBack = (payload, rssi) => {
    if (!mail.take(payload)) onBack(payload, rssi);
  };
  netnow.onReady = () => mail.ask();
  loop
    .task(
      () => {
        if (netnow.ready) mail.ask();
      },
      false,
      "mail period",
    )
    .every(ASK_MS);
  return mail;
}
