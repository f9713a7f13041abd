// The serial side of the link byte by byte: golden frames, every split and truncation, junk then recovery, and a person at a terminal.

import { beforeEach, expect, test } from "bun:test";
import { FRAME_MAX, IDLE_MS, LINE_MAX, QUIET_MS, SerialLink } from "../../device/link_serial.ts";
import { Loop } from "../../device/loop.ts";
import { encodeSerialFrame, SerialSplitter } from "../../tools/lib/serial_framing.ts";
import type { MemoryChip } from "../../tools/sim/memory_native.ts";
import { freshNative } from "../support/fresh_native.ts";
import { pattern } from "../support/link_bench.ts";

let chip: MemoryChip;
let link: SerialLink;
let loop: Loop;
let typed: string[];
let said: Uint8Array;
let full: boolean;

beforeEach(() => {
  typed = [];
  said = new Uint8Array(0);
  full = false;
  chip = freshNative({
    program: () => {
      loop = new Loop();
      link = new SerialLink(loop, { name: "meter", onRefused: () => {}, onLine: (line) => typed.push(line) });
      loop.start();
    },
  });
  chip.consoleOut = (bytes) => {
    if (full) return false;
    said = new Uint8Array(Buffer.concat([said, bytes]));
    return true;
  };
  chip.run(10);
});

const UNKNOWN = Uint8Array.of(0x55, 0x12, 0x34);
const ANSWER = Buffer.concat([Uint8Array.of(0xff, 0x12, 0x34, 7), Buffer.from("unknown request")]);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const text = () => Buffer.from(said).toString();
/** Lets bytes come in; returns what the device said to them. */
function tell(bytes: Uint8Array | string, ms = 10): Uint8Array {
  said = new Uint8Array(0);
  chip.consoleBytes(Buffer.from(bytes as Uint8Array));
  chip.run(ms);
  return said;
}
function frames(bytes: Uint8Array): string[] {
  const out: string[] = [];
  const splitter = new SerialSplitter({
    frame: (content) => out.push(hex(content)),
    text: (piece) => out.push(`text ${Buffer.from(piece)}`),
    junk: (piece) => out.push(`junk ${hex(piece)}`),
  });
  splitter.push(bytes);
  return out;
}
const ask = (content: Uint8Array, ms?: number) => frames(tell(encodeSerialFrame(content), ms));
const hello = (id = 1) => ask(Uint8Array.of(1, 0, id));

test("golden: a request and its answer, with their checksums from another CRC-32", () => {
  // python3: zlib.crc32(b"\x55\x12\x34") == 0xcc76b12f
  expect(hex(encodeSerialFrame(UNKNOWN))).toBe("00" + "08551234" + "cc76b12f" + "00");
  const answer = tell(Buffer.from("0008551234" + "cc76b12f" + "00", "hex"));
  // python3: zlib.crc32(b"\xff\x12\x34\x07unknown request")
  expect(hex(answer)).toBe(`0018ff123407${Buffer.from("unknown request").toString("hex")}a16d959a00`);
});

test("the answer is the same at every split, and with text around it", () => {
  const wire = Buffer.concat([Buffer.from("x"), encodeSerialFrame(UNKNOWN), Buffer.from("y\r")]);
  for (let at = 0; at <= wire.length; at++) {
    const first = tell(wire.subarray(0, at));
    const second = tell(wire.subarray(at));
    expect(frames(Buffer.concat([first, second])).filter((each) => !each.startsWith("text"))).toEqual([hex(ANSWER)]);
  }
  expect(typed).toEqual(Array(wire.length + 1).fill("xy"));
});

test("every truncation of a frame costs nothing but itself", () => {
  const wire = encodeSerialFrame(UNKNOWN);
  for (let end = 1; end < wire.length; end++) {
    // Without its last zero it is whole, and takes the next one's first zero for its own.
    expect(frames(tell(Buffer.concat([wire.subarray(0, end), wire])))).toContain(hex(ANSWER));
  }
  expect(link.refused).toBe(wire.length - 3);
  expect(typed).toEqual([]);
});

test("every changed bit of a frame is noticed", () => {
  const wire = encodeSerialFrame(UNKNOWN);
  for (let bit = 0; bit < wire.length * 8; bit++) {
    const broken = wire.slice();
    broken[bit >> 3]! ^= 1 << (bit & 7);
    expect(frames(tell(broken)).filter((each) => !each.startsWith("text"))).toEqual([]);
    chip.run(QUIET_MS + 10);
    tell("\x7f".repeat(20));
  }
  expect(link.refused).toBeGreaterThan(50);
});

test("junk without end, then a frame", () => {
  for (let i = 0; i < 20; i++) tell(Uint8Array.from(pattern(1500, i), (byte) => byte || 1));
  tell(Uint8Array.of(0));
  for (let i = 0; i < 20; i++) tell(Uint8Array.from(pattern(1500, i), (byte) => byte || 1));
  expect(link.refused).toBeGreaterThan(0);
  expect(ask(UNKNOWN)).toContain(hex(ANSWER));
});

test("a frame longer than the buffer is dropped as a whole", () => {
  expect(ask(pattern(FRAME_MAX + 100))).toEqual([]);
  expect(link.refused).toBeGreaterThan(0);
  chip.run(QUIET_MS + 10);
  expect(ask(UNKNOWN)).toEqual([hex(ANSWER)]);
});

test("a tool is told of a broken frame at once, a person at a terminal is not", () => {
  const broken = encodeSerialFrame(UNKNOWN);
  broken[3]! ^= 1;
  expect(frames(tell(broken))).toEqual([]);
  hello();
  expect(frames(tell(broken))).toEqual([`ff000001${Buffer.from("broken frame").toString("hex")}`]);
});

test("hello tells the serial chunk and window", () => {
  const answer = Buffer.from(hello()[0]!, "hex").subarray(3).toString();
  expect(JSON.parse(answer)).toMatchObject({ link: 1, name: "meter", chunk: 1024, window: 2048 });
});

test("a request that comes twice in a row is carried out once", () => {
  chip.files.set("a", pattern(10));
  hello();
  const remove = Uint8Array.of(5, 0, 2, 0x61);
  expect(ask(remove)).toEqual(["800002"]);
  expect(ask(remove)).toEqual(["800002"]);
  expect(ask(Uint8Array.of(5, 0, 3, 0x61))[0]).toStartWith("ff000302");
});

test("another tool that counts from 1 is answered anew", () => {
  hello();
  const list = Uint8Array.of(3, 0, 2);
  expect(ask(list)[0]).toBe(`810002${Buffer.from("[]").toString("hex")}`);
  chip.files.set("a", pattern(1));
  hello();
  expect(ask(list)[0]).toBe(`810002${Buffer.from('["a",1]').toString("hex")}`);
});

test("reads no further while an answer finds no room", () => {
  hello();
  full = true;
  tell(Buffer.concat([encodeSerialFrame(UNKNOWN), encodeSerialFrame(Uint8Array.of(0x56, 0, 1))]), 500);
  full = false;
  expect(frames(tell("", 100)).map((each) => each.slice(0, 8))).toEqual(["ff123407", "ff000107"]);
});

test("reboot answers first and restarts as asked for", () => {
  expect(ask(Uint8Array.of(7, 0, 1), 100)).toEqual(["800001"]);
  chip.run(2000);
  expect(chip.resets).toEqual(["software"]);
  expect(chip.native.resetAsked()).toBe(true);
});

test("an exception in the device's code ends the session and is not met again", () => {
  const errors: unknown[] = [];
  loop.onError = (error) => errors.push(error);
  native.fileList = () => {
    throw new TypeError("bug");
  };
  expect(ask(Uint8Array.of(3, 0, 1), 500)).toEqual([]);
  expect(errors.length).toBe(1);
  expect(ask(UNKNOWN)).toEqual([hex(ANSWER)]);
});

test("typing: echo, backspace, both ends of a line, and no empty ones", () => {
  tell("hellp\x7fo\r\n\r\nstats\n");
  expect(typed).toEqual(["hello", "stats"]);
  expect(text()).toBe("hellp\b \bo\r\nstats\r\n");
});

test("typing: what is too long or not printable is left out", () => {
  tell("a".repeat(LINE_MAX + 50));
  tell("\x1b\x07\x80b\n");
  expect(typed).toEqual(["a".repeat(LINE_MAX)]);
});

test("a zero from nowhere costs a person at most the line typed within a second", () => {
  tell(Uint8Array.of(0));
  chip.run(QUIET_MS + 10);
  tell("help\r");
  expect(typed).toEqual(["help"]);
});

test("a session's memory is given back a minute after the last frame", () => {
  expect(link.session).toBeUndefined();
  hello();
  chip.run(IDLE_MS - 100);
  expect(link.session).toBeDefined();
  chip.run(200);
  expect(link.session).toBeUndefined();
  expect(hello()[0]).toStartWith("81");
});

test("a person may think for a while in the middle of a line", () => {
  tell("he", 50_000);
  tell("lp\r");
  expect(typed).toEqual(["help"]);
});
