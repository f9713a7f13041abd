// Proves what a person does and sees at a simulated appliance: commands move the models, pictures survive their file.

import { expect, test } from "bun:test";
import { Board } from "../../tools/sim/board.ts";
import { SimClock } from "../../tools/sim/clock.ts";
import { decodePng, encodePng, halfBlocks } from "../../tools/sim/picture.ts";
import { SURROUNDED, surroundingsOf } from "../../tools/sim/surroundings.ts";

function around(profile: string) {
  const board = new Board(new SimClock());
  const made = surroundingsOf(profile, board);
  if (made === undefined) throw new Error(`nothing is around ${profile}`);
  return { board, made };
}

test("each command of the help that is the appliance's own is known, and others are not", () => {
  for (const profile of SURROUNDED) {
    const { made } = around(profile);
    for (const line of made.help.split("\n")) {
      const [word = ""] = line.split(" ");
      if (word !== "cmd") expect(() => made.command(word, "never a number")).toThrow("takes a number");
    }
    expect(made.command("sing", "1")).toBeUndefined();
  }
});

test("nothing is around a profile without parts", () => {
  expect(surroundingsOf("recovery", new Board(new SimClock()))).toBeUndefined();
});

test("water through the tap fills the tank, and wets its sensors", () => {
  const { board, made } = around("h2o");
  const wet = () => {
    const bytes = board.i2c.get(0x20)?.transfer(Uint8Array.of(0x13), 1);
    return bytes instanceof Uint8Array ? 0xff & ~(bytes[0] as number) : undefined;
  };
  board.i2c.get(0x20)?.transfer(Uint8Array.of(0x0c, 0xff, 0xff), 0);
  expect(wet()).toBe(0b11);
  made.command("tap", "30");
  board.clock.advanceTo(10 * 60e6);
  expect(made.look().at(-1)).toMatch(/^tank {2}7(49|50) of 1000 L$/);
  expect(wet()).toBe(0b111);
  made.command("drain", "700");
  board.clock.advanceTo(10.1 * 60e6);
  expect(wet()).toBe(0);
});

test("a wall switch is pressed for 200 ms", () => {
  const { board, made } = around("switch");
  made.command("press", "0");
  expect(board.readPin(26)).toBe(0);
  board.clock.advanceTo(250_000);
  expect(board.readPin(26)).toBe(1);
});

test("a picture is the same behind its PNG file", () => {
  const picture = { width: 16, height: 8, lit: (x: number, y: number) => (x * 7 + y * 3) % 5 < 2 };
  expect(halfBlocks(decodePng(encodePng(picture)))).toEqual(halfBlocks(picture));
});

test("half blocks: the upper dot, the lower one, both, none", () => {
  const picture = {
    width: 4,
    height: 2,
    lit: (x: number, y: number) =>
      [
        [1, 0, 1, 0],
        [0, 1, 1, 0],
      ][y]?.[x] === 1,
  };
  expect(halfBlocks(picture)).toEqual(["▀▄█ "]);
});

test.each(SURROUNDED)("each part of %s fails in every way that it says, and works again", (profile) => {
  const { board, made } = around(profile);
  for (const { kinds, fail } of Object.values(made.parts))
    for (const kind of [...kinds, kinds[0] as string]) fail(kind);
  for (const model of board.i2c.values()) expect(model).toMatchObject({ fault: "none" });
});

test("a part of the water tank that does not answer says nothing", () => {
  const { board, made } = around("h2o");
  made.parts["mcp23017"]?.fail("nack");
  expect(board.i2c.get(0x20)?.transfer(Uint8Array.of(0x13), 1)).toBe("nack");
});
