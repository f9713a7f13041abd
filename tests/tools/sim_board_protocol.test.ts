import { expect, test } from "bun:test";
import { BROADCAST } from "../../tools/sim/air.ts";
import {
  BoardDecoder,
  encodeFromBoard,
  type FromBoard,
  type FromDevice,
  NEVER_US,
} from "../../tools/sim/board_protocol.ts";

const hex = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));

const SHIFT: FromDevice = {
  kind: "shift",
  latchPin: 15,
  clockPin: 14,
  inPin: 16,
  outPin: 13,
  bits: 32,
  value: 0xdeadbeef,
};

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
  ["0400 19 050419", { kind: "hx711", dataPin: 5, clockPin: 4, pulses: 25 }],
  ["0300 1a 0e01", { kind: "pulse counter", pin: 14, on: true }],
  ["0b00 1b 0d016400000088130000", { kind: "edges open", pin: 13, filterUs: 100, idleUs: 5000 }],
  ["0300 1b 0d00", { kind: "edges close", pin: 13 }],
  ["0a00 1c 0f0e100d20efbeadde", SHIFT],
  ["0900 1d 06010200000000aa", { kind: "radio", channel: 6, longRange: true, mac: "0200000000aa" }],
  ["0900 1e 07ffffffffffff2a", { kind: "espnow send", sequence: 7, to: BROADCAST, frame: hex("2a") }],
  ["0300 1f 0400", { kind: "onewire reset", pin: 4 }],
  ["0500 1f 0401cc44", { kind: "onewire write", pin: 4, bytes: hex("cc44") }],
  ["0400 1f 040209", { kind: "onewire read", pin: 4, length: 9 }],
  ["0400 1f 040301", { kind: "onewire triplet", pin: 4, direction: 1 }],
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
    [{ kind: "onewire answer", error: -3, bytes: hex("") }, "0200 50 fd"],
    [{ kind: "onewire answer", error: 0, bytes: hex("28ff") }, "0400 50 0028ff"],
    [{ kind: "hx711 answer", bits: undefined }, "0600 51 0000000000"],
    [{ kind: "hx711 answer", bits: 0x800001 }, "0600 51 0101008000"],
    [{ kind: "pulses", pin: 14, count: 0xfffffffe, widthNs: 1000 }, "0a00 52 0efeffffffe8030000"],
    [
      {
        kind: "edges",
        pin: 13,
        levels: [
          [1, 400],
          [0, 1e10],
        ],
      },
      "0a00 53 0d90010080ffffff7f",
    ],
    [{ kind: "shift answer", inputs: 0xfedcba98 }, "0500 54 98badcfe"],
    [
      { kind: "espnow frame", channel: 6, rssi: -50, from: "0200000000bb", frame: hex("2a") },
      "0a00 55 06ce0200000000bb2a",
    ],
    [{ kind: "espnow sent", sequence: 7, acknowledged: true }, "0300 56 0701"],
  ];
  for (const [message, bytes] of cases) expect(encodeFromBoard(message)).toEqual(hex(bytes));
});
