// A whole mail handed to the link as the requests of a tool: link.ts verifies it and puts it on trial. How the mail came and what is noted of it
// is mail_taker.ts's.

import { hex, Link } from "./link.ts";
import { HEAD_BYTES, type MailHead, writeUint } from "./mail_codec.ts";

/** Bytes handed to the link at once. */
const CHUNK = 1024;
const PUT_ID = 1;
const PUT_FILE = 0x10;
const PUT_BUNDLE = 0x11;
const DATA = 0x12;
const COMMIT = 0x13;
const ERROR = 0xff;

/** Returns why it is refused, or "". `file` has the head and the content behind it; `onReady` is told what the content is called (16 hex digits)
 * when nothing but the commit is left. */
export function installMail(file: string, head: MailHead, onReady: (name: string) => void): string {
  const { put, size } = head;
  const bundle = put[0] === PUT_BUNDLE;
  const config = put[0] === PUT_FILE && native.decodeText(put, 37, put.length) === "config.txt";
  if (!bundle && !config) return "neither a bundle nor a configuration";
  let refusal = "";
  const link = new Link("", (why) => {
    refusal = why;
  });
  const tell = (type: number, body: Uint8Array) => {
    const frame = new Uint8Array(3 + body.length);
    frame[0] = type;
    frame[2] = PUT_ID;
    frame.set(body, 3);
    const answer = link.handle(frame);
    if (answer === undefined || answer[0] !== ERROR) return true;
    refusal = native.decodeText(answer, 4, answer.length) ?? refusal;
    return false;
  };
  if (!tell(put[0]!, put.subarray(1))) return refusal;
  for (let at = 0; at < size; at += CHUNK) {
    const bytes = native.fileRead(file, HEAD_BYTES + at, CHUNK);
    const data = new Uint8Array(4 + bytes.length);
    writeUint(data, 0, 4, at);
    data.set(bytes, 4);
    if (!tell(DATA, data)) return refusal;
  }
  onReady(hex(bundle ? put.subarray(17, 25) : put.subarray(5, 13)));
  return tell(COMMIT, new Uint8Array(0)) ? "" : refusal;
}
