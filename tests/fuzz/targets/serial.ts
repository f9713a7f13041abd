// The serial console: whatever comes in, nothing is thrown, and after it a hello between two zeros is answered.

import { CHUNK_BYTES, SerialLink } from "../../../device/link_serial.ts";
import { Loop } from "../../../device/loop.ts";
import { encodeSerialFrame, SerialSplitter } from "../../../tools/lib/serial_framing.ts";
import { freshNative } from "../../support/fresh_native.ts";
import { must, type ScriptTarget } from "../target.ts";

const HELLO = Uint8Array.of(1, 0x7a, 0x7b);
const JSON_ANSWER = 0x81;
/** Piece of the console's bytes at a time; the receive buffer holds it. */
const PIECE = 256;

export const serial: ScriptTarget = {
  name: "serial",
  what: "frames and lines on the serial console",
  run(input) {
    let failure: unknown;
    let restarts = 0;
    let said: Uint8Array[] = [];
    const chip = freshNative({
      program: () => {
        restarts++;
        const loop = new Loop();
        loop.onError = (error) => {
          failure = error;
        };
        new SerialLink(loop, { name: "meter", onRefused: () => {}, onLine: () => {} });
        loop.start();
      },
    });
    chip.consoleOut = (bytes) => {
      said.push(bytes.slice());
      return true;
    };
    chip.run(10);
    const tell = (bytes: Uint8Array) => {
      for (let at = 0; at < bytes.length; at += PIECE) {
        chip.consoleBytes(bytes.slice(at, at + PIECE));
        chip.run(10);
      }
    };
    tell(input);
    // Behind the checksum, which no mutation gets right.
    tell(encodeSerialFrame(input.subarray(0, CHUNK_BYTES)));
    chip.run(2000); // a frame that had begun is none by now, and a restart that was asked for is over
    said = [];
    tell(encodeSerialFrame(HELLO));
    must(failure === undefined, `thrown: ${failure}`);
    const crash = native.exceptionRead();
    must(crash === undefined, `crashed: ${crash}`);
    must(answered(said), `no answer to hello after ${restarts} boots`);
  },
};

function answered(said: readonly Uint8Array[]): boolean {
  let found = false;
  const splitter = new SerialSplitter({
    frame: (frame) => {
      found ||= frame[0] === JSON_ANSWER && frame[1] === HELLO[1] && frame[2] === HELLO[2];
    },
    text: () => {},
    junk: () => {},
  });
  for (const piece of said) splitter.push(piece);
  return found;
}
