// The update protocol's frames: every request has an answer with its id or is data, nothing is thrown, and no file changes that was not
// committed or removed. The input is a row of frames, each behind its length(2).

import { Link } from "../../../device/link.ts";
import { freshNative } from "../../support/fresh_native.ts";
import { makeBundle } from "../../support/link_bench.ts";
import { must, type ScriptTarget } from "../target.ts";

const DATA = 0x12;
const PATCH = 0x15;
const COMMIT = 0x13;
const REMOVE = 0x05;
const REBOOT = 0x07;
const FRAMES_MAX = 64;
const ANSWERS = [DATA, 0x80, 0x81, 0x82, 0xff];
/** What patches copy from. */
const RUNNING = makeBundle(3000);
const KEPT = "config.txt";
const CONTENT = "ssid a\n";

export const link: ScriptTarget = {
  name: "link",
  what: "frames of the update protocol on the device",
  run(input) {
    const chip = freshNative({ program: () => {} });
    const [header, body] = [RUNNING.slice(0, 256), RUNNING.slice(256)];
    chip.slots.slots[0] = { header, body, sequence: 1, tried: 1, confirmed: true, rejected: false };
    chip.run(1);
    native.fileWrite(KEPT, 0, Buffer.from(CONTENT));
    const device = new Link("meter", () => {});
    let mayChange = false;
    let mayReboot = false;
    for (const frame of frames(input)) {
      const answer = device.handle(frame);
      const type = frame[0] ?? 0;
      mayChange ||= (type === COMMIT || type === REMOVE) && answer?.[0] === 0x80;
      mayReboot ||= type === REBOOT;
      if (answer === undefined)
        must((type === DATA || type === PATCH) && frame.length >= 3, `no answer to a frame of type ${type}`);
      else check(frame, answer);
    }
    must(Buffer.compare(body, RUNNING.subarray(256)) === 0, "the running bundle has changed");
    must(mayReboot || !device.rebooting, "a restart that nobody asked for");
    if (!mayChange) must(Buffer.from(native.fileRead(KEPT, 0, 100)).toString() === CONTENT, `${KEPT} has changed`);
  },
};

function check(frame: Uint8Array, answer: Uint8Array): void {
  must(answer.length >= 3 && ANSWERS.includes(answer[0] ?? -1), `an answer of type ${answer[0]}`);
  if (frame.length >= 3) must(answer[1] === frame[1] && answer[2] === frame[2], "an answer with another id");
}

function frames(input: Uint8Array): Uint8Array[] {
  const all: Uint8Array[] = [];
  for (let at = 0; at + 2 <= input.length && all.length < FRAMES_MAX; ) {
    const length = (input[at] ?? 0) * 256 + (input[at + 1] ?? 0);
    // A buffer of its own, as the carriers hand out.
    all.push(input.slice(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return all;
}
