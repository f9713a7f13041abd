// Proves the display's driver on a model of the part: what was drawn is what is seen, only changes are sent, a display may go and come.

import { beforeEach, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { RETRY_MS, Ssd1306 } from "../../device/drivers/ssd1306.ts";
import { Loop } from "../../device/loop.ts";
import type { MemoryChip } from "../../tools/sim/memory_native.ts";
import { HEIGHT, Ssd1306Model, WIDTH } from "../../tools/sim/models/ssd1306.ts";
import { freshNative } from "../support/fresh_native.ts";

let chip: MemoryChip;
let model: Ssd1306Model;
let display: Ssd1306;

beforeEach(() => {
  model = new Ssd1306Model();
  chip = freshNative({
    program: () => {
      native.i2cOpen(0, 21, 22, 400_000);
      const loop = new Loop();
      loop.start();
      display = new Ssd1306(loop, 0);
    },
  });
  chip.board.attachI2c(0, 0x3c, model);
});
const show = () => {
  display.show();
  chip.wake();
  chip.run(10);
};
const litDots = () => {
  const dots: string[] = [];
  for (let y = 0; y < HEIGHT; y++) for (let x = 0; x < WIDTH; x++) if (model.lit(x, y)) dots.push(`${x},${y}`);
  return dots;
};

test("an empty frame wipes what the memory held", () => {
  show();
  expect(litDots()).toEqual([]);
  expect(model.unknown).toEqual([]);
});

test("a dot is where it was drawn, in each corner", () => {
  for (const [x, y] of [
    [0, 0],
    [127, 0],
    [0, 63],
    [127, 63],
    [5, 17],
  ] as const)
    display.fill(x, y, 1, 1, true);
  show();
  expect(litDots()).toEqual(["0,0", "127,0", "5,17", "0,63", "127,63"]);
});

test("a rectangle over the edges of pages leaves its neighbours alone", () => {
  display.fill(10, 5, 3, 20, true);
  display.fill(11, 7, 1, 10, false);
  show();
  for (let y = 0; y < HEIGHT; y++)
    for (let x = 8; x < 16; x++)
      expect(model.lit(x, y)).toBe(x >= 10 && x < 13 && y >= 5 && y < 25 && !(x === 11 && y >= 7 && y < 17));
});

test("what lies outside is left out", () => {
  display.fill(-3, 60, 5, 10, true);
  display.text(124, 7, "W");
  display.fill(126, -4, 9, 5, true);
  show();
  expect(litDots().filter((dot) => dot.endsWith(",0"))).toEqual(["126,0", "127,0"]);
  expect(model.lit(0, 60) && model.lit(1, 63)).toBe(true);
  expect(model.lit(2, 60)).toBe(false);
});

test("each character looks as the font's drawing", () => {
  const drawing = readFileSync(`${import.meta.dir}/../vectors/font8x8.txt`, "utf8")
    .trimEnd()
    .split("\n\n");
  expect(drawing.length).toBe(95);
  for (const each of drawing) {
    const [head = "", ...rows] = each.split("\n");
    display.text(0, 0, head === "space" ? " " : head);
    show();
    const seen = rows.map((row, y) => Array.from(row, (_, x) => (model.lit(x + 1, y) ? "#" : ".")).join(""));
    expect([head, ...seen]).toEqual([head, ...rows]);
  }
});

test("only what changed is sent", () => {
  show();
  const before = model.dataBytes;
  expect(before).toBe(1024);
  display.text(16, 3, "A");
  show();
  expect(model.dataBytes - before).toBeLessThanOrEqual(8);
  const after = model.dataBytes;
  display.text(16, 3, "A");
  show();
  expect(model.dataBytes).toBe(after);
});

test("no turn of the loop sends more than one page", () => {
  const sizes: number[] = [];
  const transfer = model.transfer.bind(model);
  model.transfer = (written, length) => {
    sizes.push(written.length);
    return transfer(written, length);
  };
  show();
  expect(Math.max(...sizes)).toBeLessThanOrEqual(129);
});

for (const fault of ["nack", "stuck"] as const) {
  test(`a display that is not there (${fault}) is looked for every 10 s, and shows everything when it comes`, () => {
    model.fault = fault;
    display.fill(3, 3, 1, 1, true);
    show();
    expect(display.present).toBe(false);
    model.fault = "none";
    show();
    expect(display.present).toBe(false);
    chip.run(RETRY_MS);
    show();
    expect(litDots()).toEqual(["3,3"]);
  });
}

test("a display that goes away comes back whole", () => {
  display.fill(3, 3, 1, 1, true);
  show();
  model.fault = "nack";
  display.fill(100, 40, 1, 1, true);
  show();
  const other = new Ssd1306Model();
  chip.board.attachI2c(0, 0x3c, other);
  chip.run(RETRY_MS);
  show();
  model = other;
  expect(litDots()).toEqual(["3,3", "100,40"]);
});
