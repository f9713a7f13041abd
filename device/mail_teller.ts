// The recorded exception on its way from a peripheral to its central: in parts, each until the central has said that it has it, and each
// exception once. When a part goes out again is mail_taker.ts's. Bytes: docs/WIRE.md, "Mail".

import {
  MAC_BYTES,
  MAIL,
  REPORT_TAG_BYTES,
  SPACE,
  TEXT,
  TEXT_AT,
  TEXT_BYTES,
  TEXT_PARTS_MAX,
  writeUint,
} from "./mail_codec.ts";

export class MailTeller {
  private text: Uint8Array | undefined;
  private id: number;
  private part: number;

  constructor(
    private readonly key: Uint8Array,
    private readonly mac: Uint8Array,
  ) {
    this.text = undefined;
    this.id = this.part = 0;
  }

  /** Looks whether there is an exception that was not told. */
  begin(): void {
    this.text = undefined;
    this.part = 0;
    const text = native.exceptionRead();
    if (text === undefined) return;
    const bytes = native.encodeText(text);
    this.id = native.crc32(bytes, 0, bytes.length);
    if (native.nvsGet(SPACE, "told") !== String(this.id)) this.text = bytes;
  }

  /** Not in this wake-up any more. */
  stop(): void {
    this.text = undefined;
  }

  /** The message whose turn it is; undefined: there is nothing to tell. */
  message(): Uint8Array | undefined {
    const text = this.text;
    if (text === undefined) return undefined;
    const { part, mac } = this;
    const piece = text.subarray(part * TEXT_BYTES, (part + 1) * TEXT_BYTES);
    const end = TEXT_AT + piece.length;
    const bytes = new Uint8Array(end + REPORT_TAG_BYTES);
    bytes[0] = MAIL;
    bytes[1] = TEXT;
    writeUint(bytes, 2, 4, this.id);
    bytes[6] = part;
    bytes[7] = this.parts(text);
    bytes.set(piece, TEXT_AT);
    const signed = new Uint8Array(MAC_BYTES + end);
    signed.set(mac);
    signed.set(bytes.subarray(0, end), MAC_BYTES);
    bytes.set(native.hmacSha256(this.key, signed).subarray(0, REPORT_TAG_BYTES), end);
    return bytes;
  }

  /** The central has a part. False when it is not the one that waits. */
  took(id: number, part: number): boolean {
    const text = this.text;
    if (text === undefined || id !== this.id || part !== this.part) return false;
    if (++this.part < this.parts(text)) return true;
    this.text = undefined;
    native.nvsSet(SPACE, "told", String(id));
    return true;
  }

  /** What is longer than all parts together is cut. */
  private parts(text: Uint8Array): number {
    return Math.min(TEXT_PARTS_MAX, Math.ceil(text.length / TEXT_BYTES));
  }
}
