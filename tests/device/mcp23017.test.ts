// Proves the port expander's driver on a model of the part: pull-ups, which bit is which pin, a part that does not answer.

import { beforeEach, expect, test } from "bun:test";
import { Mcp23017 } from "../../device/drivers/mcp23017.ts";
import { Mcp23017Model } from "../../tools/sim/models/mcp23017.ts";
import { freshNative } from "../support/fresh_native.ts";

let model: Mcp23017Model;
let mcp: Mcp23017;
beforeEach(() => {
  model = new Mcp23017Model();
  freshNative().board.attachI2c(0, 0x20, model);
  native.i2cOpen(0, 21, 22, 400_000);
  mcp = new Mcp23017(0, 0x20);
});

test("open inputs are high, grounded ones low, port A in the high byte", () => {
  expect(mcp.begin()).toBe(true);
  expect(mcp.read()).toBe(0xffff);
  for (let pin = 0; pin < 16; pin++) {
    model.low = 1 << pin;
    expect(mcp.read()).toBe(0xffff & ~(1 << pin));
  }
});

test("without its beginning the pins float", () => {
  expect(mcp.read()).toBe(0);
});

test("a part that is not there", () => {
  model.fault = "nack";
  expect(mcp.begin()).toBe(false);
  expect(mcp.read()).toBeUndefined();
});

test("a stuck bus is thrown", () => {
  model.fault = "stuck";
  expect(() => mcp.begin()).toThrow("stuck");
});
