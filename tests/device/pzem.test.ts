// Proves device/drivers/pzem.ts: frames byte by byte, and that no disturbed answer is taken for a reading.

import { beforeEach, describe, expect, test } from "bun:test";
import { modbusCrc, Pzem, pzemDecode, pzemFrame, pzemRequest } from "../../device/drivers/pzem.ts";
import type { MemoryChip } from "../../tools/sim/memory_native.ts";
import { freshNative } from "../support/fresh_native.ts";
import { exception, reading, withCrc } from "../support/pzem_answers.ts";

// 229.7 V, 70.123 A (low word 0x11EB, high word 1), 16107.3 W (0x7531, 2), 65537 Wh (1, 1), 50.0 Hz, 0.98, alarm.
const REGISTERS = [0x08f9, 0x11eb, 1, 0x7531, 2, 1, 1, 500, 98, 0xffff];
const golden = withCrc([0xf8, 4, 20, ...REGISTERS.flatMap((word) => [word >> 8, word & 255])]);
const VALUES = {
  volts: 229.7,
  amps: 70.123,
  watts: 16107.3,
  wattHours: 65537,
  hertz: 50,
  powerFactor: 0.98,
  alarm: true,
};
const frame = (bytes: readonly number[]): number => pzemFrame(new Uint8Array(bytes), 0, bytes.length);

describe("frames", () => {
  test("the CRC has the check value of its catalogue entry", () => {
    const digits = new TextEncoder().encode("123456789");
    expect(modbusCrc(digits, 0, digits.length)).toBe(0x4b37);
  });

  test("the question has the bytes that the manual's frame asks for", () => {
    expect(Buffer.from(pzemRequest()).toString("hex")).toBe("f8040000000a6464");
  });

  test("every register is read with its unit, 32-bit values low word first", () => {
    expect(golden.length).toBe(25);
    expect(frame(golden)).toBe(25);
    expect(pzemDecode(new Uint8Array([1, 2, ...golden]), 2)).toEqual(VALUES);
  });

  test("the largest values stay unsigned", () => {
    const all = withCrc([0xf8, 4, 20, ...Array.from({ length: 20 }, () => 0xff)]);
    expect(pzemDecode(new Uint8Array(all), 0)).toMatchObject({
      amps: 4294967.295,
      watts: 429496729.5,
      wattHours: 0xffffffff,
    });
  });

  test("an exception answer is five bytes", () => {
    expect(frame(exception(2))).toBe(5);
  });

  test("every truncation asks for more", () => {
    for (const whole of [golden, exception(1)]) {
      for (let cut = 0; cut < whole.length; cut++) expect(frame(whole.slice(0, cut))).toBe(0);
    }
  });

  test("no flip of one bit is taken for an answer", () => {
    for (const whole of [golden, exception(1)]) {
      for (let bit = 0; bit < whole.length * 8; bit++) {
        const flipped = whole.map((byte, index) => (index === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
        expect(frame(flipped)).toBeLessThan(1);
      }
    }
  });

  test("another address, function or byte count is no answer, whatever its CRC", () => {
    expect(frame(withCrc([0x01, ...golden.slice(1, 23)]))).toBe(-1);
    expect(frame(withCrc([0xf8, 3, ...golden.slice(2, 23)]))).toBe(-1);
    expect(frame(withCrc([0xf8, 4, 18, ...golden.slice(3, 21)]))).toBe(-1);
    expect(frame(withCrc([0xf8, 0x83, 1]))).toBe(-1);
  });
});

describe("question and answer", () => {
  let chip: MemoryChip;
  let pzem: Pzem;
  let asked: string[];

  beforeEach(() => {
    chip = freshNative();
    asked = [];
    chip.board.attachUart(2, { received: (bytes) => void asked.push(Buffer.from(bytes).toString("hex")) });
    pzem = new Pzem(2, 17, 16);
  });
  const deliver = (bytes: readonly number[]): void => chip.board.uartDeliver(2, new Uint8Array(bytes));

  test("the question goes out, and a whole answer is read", () => {
    expect(pzem.ask()).toBe(true);
    expect(asked).toEqual(["f8040000000a6464"]);
    expect(pzem.answer()).toBeUndefined();
    deliver(golden);
    expect(pzem.answer()).toEqual(VALUES);
    expect([pzem.answer(), pzem.junk]).toEqual([undefined, 0]);
  });

  test("an answer is read at every split", () => {
    for (let cut = 1; cut < golden.length; cut++) {
      deliver(golden.slice(0, cut));
      expect(pzem.answer()).toBeUndefined();
      deliver(golden.slice(cut));
      expect(pzem.answer()).toEqual(VALUES);
    }
  });

  test("an answer is read byte by byte", () => {
    for (const byte of golden.slice(0, -1)) {
      deliver([byte]);
      expect(pzem.answer()).toBeUndefined();
    }
    deliver(golden.slice(-1));
    expect(pzem.answer()).toEqual(VALUES);
  });

  test("junk before an answer is passed over and counted, also when it looks like a beginning", () => {
    for (const junk of [[0], [0xf8], [0xf8, 4, 20], [0xf8, 0x84], [0xff, 0xf8, 4, 19], golden.slice(0, 20)]) {
      const before = pzem.junk;
      deliver([...junk, ...golden]);
      expect(pzem.answer()).toEqual(VALUES);
      expect(pzem.junk - before).toBe(junk.length);
    }
  });

  test("a disturbed answer is none, and the next question finds its answer", () => {
    deliver(golden.map((byte, index) => (index === 10 ? byte ^ 1 : byte)));
    expect(pzem.answer()).toBeUndefined();
    pzem.ask();
    deliver(golden);
    expect(pzem.answer()).toEqual(VALUES);
  });

  test("what came before a question is no answer to it", () => {
    deliver(golden);
    pzem.ask();
    expect(pzem.answer()).toBeUndefined();
    expect(pzem.junk).toBe(25);
  });

  test("half an answer before a question does not spoil the whole one after it", () => {
    deliver(golden.slice(0, 12));
    expect(pzem.answer()).toBeUndefined();
    pzem.ask();
    deliver(golden);
    expect(pzem.answer()).toEqual(VALUES);
  });

  test("an exception answer is told apart and counted", () => {
    deliver(exception(4));
    expect(pzem.answer()).toBeNull();
    expect(pzem.exceptions).toBe(1);
  });

  test("a full UART buffer of noise is read to its end", () => {
    deliver(Array.from({ length: 500 }, (_, index) => (index * 37) & 255));
    expect(pzem.answer()).toBeUndefined();
    pzem.ask();
    deliver(reading({ volts: 230, amps: 0, watts: 0 }));
    expect(pzem.answer()?.volts).toBe(230);
  });
});
