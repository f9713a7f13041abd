// Proves the thermometers' driver on models that answer bit by bit: search, both families, CRC, buses on which something is wrong.

import { beforeEach, expect, test } from "bun:test";
import { CONVERT_MS, crc8, Ds18x20 } from "../../device/drivers/ds18x20.ts";
import type { MemoryChip } from "../../tools/sim/memory_native.ts";
import { Ds18x20Model } from "../../tools/sim/models/ds18x20.ts";
import { OneWireBus } from "../../tools/sim/one_wire_bus.ts";
import { repeatable } from "../../tools/sim/random.ts";
import { freshNative } from "../support/fresh_native.ts";

const PIN = 14;
let chip: MemoryChip;
let bus: OneWireBus;
let driver: Ds18x20;
beforeEach(() => {
  chip = freshNative();
  bus = new OneWireBus();
  chip.board.attachOneWire(PIN, bus);
  driver = new Ds18x20(PIN);
});
const attach = (serial: number, family?: 0x10 | 0x28) => {
  const model = new Ds18x20Model(chip.clock, serial, family);
  bus.attach(model);
  return model;
};
const hex = (rom: Uint8Array) => Buffer.from(rom).toString("hex");
const converted = () => {
  expect(driver.convert()).toBe(true);
  chip.run(CONVERT_MS);
};

test("the CRC of the application note's ROM", () => {
  expect(crc8(Uint8Array.of(0x02, 0x1c, 0xb8, 0x01, 0, 0, 0, 0xa2), 8)).toBe(0);
});

test("the search finds each device once, whatever their codes are", () => {
  const random = repeatable(7);
  for (let count = 1; count <= 16; count++) {
    const model = attach(Math.floor(random() * 2 ** 48), count % 3 === 0 ? 0x10 : 0x28);
    expect(model.rom.length).toBe(8);
    expect(driver.search().map(hex).sort()).toEqual(
      (bus.devices as Ds18x20Model[]).map((each) => hex(each.rom)).sort(),
    );
  }
});

test("codes that differ in the last bit of their serials only", () => {
  for (const serial of [0, 1, 2 ** 47, 2 ** 47 + 1]) attach(serial);
  expect(driver.search().length).toBe(4);
});

test("an empty bus and a stuck one have nobody", () => {
  expect(driver.search()).toEqual([]);
  expect(driver.convert()).toBe(false);
  bus.stuck = true;
  expect(driver.search()).toEqual([]);
  expect(driver.convert()).toBe(false);
});

for (const family of [0x28, 0x10] as const) {
  test(`temperatures of family ${family.toString(16)}`, () => {
    const model = attach(0x123456, family);
    for (const celsius of [-55, -10.125, -0.5, 0, 0.0625, 0.5, 21.4375, 21.75, 85, 125]) {
      model.celsius = celsius;
      converted();
      expect(driver.read(model.rom)).toBe(celsius);
    }
  });
}

test("each device tells its own temperature", () => {
  const [a, b] = [attach(1), attach(2)];
  a.celsius = 10;
  b.celsius = 30;
  converted();
  expect([driver.read(a.rom), driver.read(b.rom)]).toEqual([10, 30]);
});

test("what can be wrong with an answer", () => {
  const [model, present] = [attach(1), attach(2)];
  converted();
  model.fault = "crc";
  expect(driver.read(model.rom)).toBe("crc");
  model.fault = "absent";
  expect(driver.read(model.rom)).toBe("bus");
  present.fault = "absent";
  expect(driver.read(model.rom)).toBe("bus");
  bus.stuck = true;
  expect(driver.read(model.rom)).toBe("bus");
});

test("no noise is taken for a temperature", () => {
  const model = attach(1);
  model.celsius = 21;
  converted();
  model.fault = "noise";
  for (let count = 0; count < 500; count++) expect([21, "crc", "bus"]).toContain(driver.read(model.rom));
});
