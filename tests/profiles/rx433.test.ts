// Proves each sentence of the reference on the key-fob receiver: signals as the chips' datasheets draw them, at the receiver's pin.

import { expect, test } from "bun:test";
import type { Level } from "../../tools/sim/edge_cutter.ts";
import { ev1527, ht6p20, jittered, noise } from "../../tools/sim/models/key_fob.ts";
import { repeatable } from "../../tools/sim/random.ts";
import { ProfileDevice, profileProgram } from "../support/profile_device.ts";

const HOUR_MS = 3_600_000;
const program = profileProgram("rx433");
const started = () => new ProfileDevice(program, "rmt 1\n").start();
const heard = (levels: readonly Level[], device = started()): string[] => {
  device.board.transmit(14, levels);
  device.run(3000);
  return device.take("Keyfob");
};
/** 28 bits that end with 0101. */
const withSuffix = (code: number) => code * 16 + 5;

test.each([0, 1, 0xabcde1, 0x800000, 0xffffff])("an EV1527 with code %d", (code) => {
  expect(heard(ev1527(code))).toEqual([`EV1527:${code}`]);
});

test.each([0, 1, 0xabcde1, 0x800000, 0xffffff].map(withSuffix))("an HT6P20 with code %d", (code) => {
  expect(heard(ht6p20(code))).toEqual([`HT6P20:${code}`]);
});

test("an HT6P20 without its anti-code is none", () => {
  expect(heard(ht6p20(0xabcde16))).toEqual([]);
});

test("levels distorted by 5 % are understood, by 40 % not", () => {
  const random = repeatable(3);
  expect(heard(jittered(ev1527(0x123456), 0.05, random))).toEqual(["EV1527:1193046"]);
  expect(heard(jittered(ht6p20(withSuffix(0x123456), 6), 0.05, random))).toEqual(["HT6P20:19088741"]);
  expect(heard(jittered(ev1527(0x123456), 0.4, random))).toEqual([]);
});

test("oscillators from 200 to 480 µs a unit; slower and faster ones are none", () => {
  for (const unitUs of [200, 300, 480]) expect(heard(ev1527(5, 4, unitUs))).toEqual(["EV1527:5"]);
  // 3 units above 1500 us, one below 150 us; the pre-amble is out of its range, too.
  for (const unitUs of [140, 520, 700]) expect(heard(ev1527(5, 4, unitUs))).toEqual([]);
});

test("a code without its pre-amble is none", () => {
  const [, ...rest] = ev1527(7, 2);
  expect(heard(rest.slice(1, 50))).toEqual([]);
});

test("while a button is pressed its code comes at most once in 250 ms", () => {
  const device = started();
  device.board.transmit(14, ev1527(99, 40)); // 40 frames of 44.8 ms
  device.run(5000);
  const times = device.takeTimed("Keyfob").map((each) => each.atMs);
  expect(times.length).toBe(7);
  for (let at = 1; at < times.length; at++) expect((times[at] ?? 0) - (times[at - 1] ?? 0)).toBeGreaterThanOrEqual(250);
});

test("in noise there is no code, and behind noise there is", () => {
  const device = started();
  const random = repeatable(1);
  for (let count = 0; count < 20; count++) expect(heard(noise(1000, random), device)).toEqual([]);
  expect(heard([...noise(500, random), ...ev1527(4242)], device)).toEqual(["EV1527:4242"]);
});

test("statistics come every hour", () => {
  const device = started();
  heard(ev1527(1, 5), device);
  device.run(HOUR_MS);
  const [text] = device.take("Statistics");
  expect(text).toMatch(/^recv=4 good=4 bad=0 bursts=\d+ repeats=3 dropped=0$/);
  device.run(2 * HOUR_MS);
  expect(device.take("Statistics").length).toBe(2);
});

test("by polling or by the RMT peripheral, at 240 MHz", () => {
  for (const [tokens, expected] of [
    ["rmt 1\n", true],
    ["rmt 0\n", false],
    ["", false],
  ] as const) {
    const seen: unknown[] = [];
    const device = new ProfileDevice(program, tokens, ({ chip, board }) => {
      board.observe((event) => {
        if (event.kind === "cpu") seen.push(event.mhz);
      });
      chip.options.onBoot = (native) => {
        const open = native.edgesOpen;
        native.edgesOpen = (pin, filterUs, idleUs, hardware) => {
          seen.push(pin, hardware);
          open(pin, filterUs, idleUs, hardware);
        };
      };
    });
    device.start();
    expect(seen).toEqual([240, 14, expected]);
  }
});
