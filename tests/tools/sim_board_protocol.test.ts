import { expect, test } from "bun:test";
import {
  BoardDecoder,
  encodeFromBoard,
  type FromBoard,
  type FromDevice,
  NEVER_US,
} from "../../tools/sim/board_protocol.ts";

const hex = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));

/** docs/BOARD.md by hand. */
const GOLDEN: [string, FromDevice][] = [
  ["0700 01 02 302e312e30", { kind: "hello", reset: 2, version: "0.1.0" }],
  ["0900 02 40420f0000000000", { kind: "idle", untilUs: 1_000_000 }],
  ["0900 02 ffffffffffffffff", { kind: "idle", untilUs: NEVER_US }],
  ["0400 03 190301", { kind: "pin mode", pin: 25, mode: 3, level: 1 }],
  ["0300 04 0200", { kind: "pin level", pin: 2, level: 0 }],
  ["0800 05 02111080250000", { kind: "uart open", uart: 2, tx: 17, rx: 16, baud: 9600 }],
  ["0400 06 02f804", { kind: "uart bytes", uart: 2, bytes: hex("f804") }],
  ["0200 10 02", { kind: "uart close", uart: 2 }],
  ["0800 07 001516801a0600", { kind: "i2c open", bus: 0, sda: 21, scl: 22, hz: 400_000 }],
  ["0600 08 0020020012", { kind: "i2c transfer", bus: 0, address: 0x20, readLength: 2, written: hex("12") }],
  ["0900 09 0000000000000000", { kind: "watchdog", deadlineUs: 0 }],
  ["0200 0a 00", { kind: "net off" }],
  ["0300 0a 0102", { kind: "net on", net: 2 }],
  ["0700 0a 0202686f7077", { kind: "net connect", ssid: "ho", password: "pw" }],
  ["0300 0b 6869", { kind: "log", line: "hi" }],
  ["0200 0c 01", { kind: "restart" }],
  ["0a00 0c 0440420f0000000000", { kind: "deep sleep", us: 1_000_000 }],
  ["0300 0d f000", { kind: "cpu", mhz: 240 }],
  ["0200 0e 22", { kind: "pin read", pin: 34 }],
  ["0600 0f 0207000000", { kind: "flash", operation: 2, count: 7 }],
  ["1100 18 01000000 02000000 03000000 00010000", { kind: "heap", live: 1, peak: 2, gross: 3, largest: 256 }],
];

test("each message from the device decodes", () => {
  for (const [bytes, message] of GOLDEN) expect(new BoardDecoder().push(hex(bytes))).toEqual([message]);
});

test("a stream decodes the same whatever the pieces", () => {
  const all = hex(GOLDEN.map(([bytes]) => bytes).join(""));
  const messages = GOLDEN.map(([, message]) => message);
  for (let split = 1; split < all.length; split++) {
    const decoder = new BoardDecoder();
    expect([...decoder.push(all.slice(0, split)), ...decoder.push(all.slice(split))]).toEqual(messages);
  }
  const decoder = new BoardDecoder();
  expect([...all].flatMap((byte) => decoder.push(Uint8Array.of(byte)))).toEqual(messages);
});

test("a message that is cut short or unknown is bad, and the next one is read", () => {
  const after = hex("0300 0b 6869");
  for (const [bytes, message] of GOLDEN) {
    const whole = hex(bytes);
    for (let length = 0; length < whole.length - 2; length++) {
      const cut = whole.slice(0, 2 + length);
      cut[0] = length;
      const got = new BoardDecoder().push(new Uint8Array([...cut, ...after]));
      expect(got.length).toBe(2);
      expect(got[0]).not.toEqual(message);
      expect(got[1]).toEqual({ kind: "log", line: "hi" });
    }
  }
  expect(new BoardDecoder().push(hex("0200 63 00"))[0]?.kind).toBe("bad");
});

test("each message to the device has its bytes", () => {
  const cases: [FromBoard, string][] = [
    [{ kind: "time", nowUs: 1_000_000 }, "0900 40 40420f0000000000"],
    [{ kind: "pin level", pin: 34, level: 1 }, "0300 41 2201"],
    [{ kind: "uart bytes", uart: 2, bytes: hex("f804") }, "0400 42 02f804"],
    [{ kind: "net", state: 3, ip: "127.1.2.3", rssi: -55, channel: 6 }, "0800 44 037f010203c906"],
    [{ kind: "i2c answer", error: -12, bytes: hex("") }, "0200 48 f4"],
    [{ kind: "i2c answer", error: 0, bytes: hex("0102") }, "0400 48 000102"],
    [{ kind: "pin answer", level: 1 }, "0200 4a 01"],
  ];
  for (const [message, bytes] of cases) expect(encodeFromBoard(message)).toEqual(hex(bytes));
});
