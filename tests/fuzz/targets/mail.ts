// Messages of mail over ESP-NOW on both sides: nobody without the key changes a bundle, the configuration or what is stored of mail, nothing is
// thrown, and no message goes out that the air does not take. The input is a row of messages, each behind its length(1).

import { Loop } from "../../../device/loop.ts";
import { MailTaker } from "../../../device/mail_taker.ts";
import { Mailbox } from "../../../device/mailbox.ts";
import { DATA_MAX } from "../../../device/netnow_codec.ts";
import { macText } from "../../../device/netnow_radio.ts";
import { encodeMail } from "../../../tools/lib/mail.ts";
import { freshNative } from "../../support/fresh_native.ts";
import { must, type ScriptTarget } from "../target.ts";

const MESSAGES_MAX = 64;
const KEY = new Uint8Array(32).fill(7);
const CONTENT = "ssid a\n";

export const mail: ScriptTarget = {
  name: "mail",
  what: "messages of mail on the peripheral and its central",
  run(input) {
    const chip = freshNative({ program: () => {} });
    chip.run(1);
    const id = native.uniqueId();
    native.fileWrite("config.txt", 0, Buffer.from(CONTENT));
    native.fileWrite(`mail.${id}`, 0, encodeMail(KEY, id, 9, Uint8Array.of(0x20), new Uint8Array(1000)));
    native.exceptionStore("something", "at f (+0x10)");
    const send = (payload: Uint8Array) => {
      must(payload.length <= DATA_MAX, `a message of ${payload.length} bytes`);
      return true;
    };
    const loop = new Loop();
    const taker = new MailTaker(loop, send, KEY);
    const box = new Mailbox(loop, send);
    box.onText = () => true;
    const mac = macText(Buffer.from(id, "hex"));
    taker.ask();
    for (const message of messages(input)) {
      box.take(message, mac);
      taker.take(message);
    }
    must(Buffer.from(native.fileRead("config.txt", 0, 100)).toString() === CONTENT, "config.txt has changed");
    must(native.nvsGet("mail", "state") === undefined, "a mail was believed");
    must(native.bundleInfo().slot === 0 && chip.resets.length === 0, "the device has restarted");
  },
};

function messages(input: Uint8Array): Uint8Array[] {
  const all: Uint8Array[] = [];
  for (let at = 0; at < input.length && all.length < MESSAGES_MAX; ) {
    const length = input[at] ?? 0;
    all.push(input.slice(at + 1, at + 1 + length));
    at += 1 + length;
  }
  return all;
}
