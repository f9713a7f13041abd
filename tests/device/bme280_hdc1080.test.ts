// Proves the drivers of BME280 and HDC1080 on models of the parts: worked examples, values over the whole range, conversion times, faults.

import { beforeEach, describe, expect, test } from "bun:test";
import { BME280_CONVERT_MS, Bme280, decodeBme280Calibration } from "../../device/drivers/bme280.ts";
import { decodeHdc1080, HDC1080_CONVERT_MS, Hdc1080 } from "../../device/drivers/hdc1080.ts";
import type { MemoryChip } from "../../tools/sim/memory_native.ts";
import { Bme280Model, CALIBRATION } from "../../tools/sim/models/bme280.ts";
import { Hdc1080Model } from "../../tools/sim/models/hdc1080.ts";
import { freshNative } from "../support/fresh_native.ts";

let chip: MemoryChip;
let part: Bme280Model;
let other: Hdc1080Model;
let bme280: Bme280;
let hdc1080: Hdc1080;
beforeEach(() => {
  chip = freshNative();
  part = new Bme280Model(chip.clock);
  other = new Hdc1080Model(chip.clock);
  chip.board.attachI2c(0, 0x76, part);
  chip.board.attachI2c(0, 0x40, other);
  native.i2cOpen(0, 21, 22, 400_000);
  bme280 = new Bme280(0, 0x76);
  hdc1080 = new Hdc1080(0);
  chip.run(20);
});

describe("BME280", () => {
  const measured = () => {
    expect(bme280.begin()).toBe(true);
    expect(bme280.start()).toBe(true);
    chip.run(BME280_CONVERT_MS);
    return bme280.read();
  };

  test("the datasheet's worked example: 25.08 °C, 1006.53 hPa", () => {
    part.raw = [519_888, 415_148, 30_000];
    const reading = measured();
    expect(reading?.temperature).toBeCloseTo(25.08, 2);
    expect(reading?.pressure).toBeCloseTo(1006.5327, 3);
  });

  test.each([
    [-20, 90, 950],
    [0, 0.5, 1013.25],
    [21.3, 45, 1030],
    [45, 100, 700],
  ])("%d °C, %d %, %d hPa", (celsius, humidity, hPa) => {
    Object.assign(part, { celsius, humidity, hPa });
    const reading = measured();
    expect(reading?.temperature).toBeCloseTo(celsius, 1);
    expect(Math.abs((reading?.humidity ?? 0) - humidity)).toBeLessThan(0.05);
    expect(reading?.pressure).toBeCloseTo(hPa, 1);
  });

  test("while it measures there is no value", () => {
    bme280.begin();
    bme280.start();
    expect(bme280.read()).toBeUndefined();
  });

  test("channels that were not measured have no value", () => {
    part.raw = [0x80000, 0x80000, 0x8000];
    expect(measured()).toEqual({ temperature: undefined, humidity: undefined, pressure: undefined });
  });

  test("signed calibration words of 12 bits", () => {
    const second = Uint8Array.of(0, 0, 0, 0xff, 0xef, 0xff, 0x80);
    const calibration = decodeBme280Calibration(new Uint8Array(26), second);
    expect(calibration.slice(15)).toEqual([-1, -2, -128]);
    expect(CALIBRATION.h.length).toBe(6);
  });

  test("another chip id, or none, is no BME280", () => {
    const transfer = part.transfer.bind(part);
    part.transfer = (written, length) => (written[0] === 0xd0 ? Uint8Array.of(0x58) : transfer(written, length));
    expect(bme280.begin()).toBe(false);
    part.fault = "nack";
    expect(bme280.begin()).toBe(false);
    expect(bme280.start()).toBe(false);
  });
});

describe("HDC1080", () => {
  test.each([
    [-40, 0],
    [0, 12.5],
    [21.3, 45],
    [80, 99.9],
  ])("%d °C, %d %", (celsius, humidity) => {
    Object.assign(other, { celsius, humidity });
    expect(hdc1080.start()).toBe(true);
    chip.run(HDC1080_CONVERT_MS);
    const reading = hdc1080.read();
    expect(Math.abs((reading?.temperature ?? 99) - celsius)).toBeLessThan(0.01);
    expect(Math.abs((reading?.humidity ?? 999) - humidity)).toBeLessThan(0.01);
  });

  test("it does not acknowledge while it measures", () => {
    hdc1080.start();
    chip.run(12);
    expect(hdc1080.read()).toBeUndefined();
    chip.run(2);
    expect(hdc1080.read()).toBeDefined();
  });

  test("a part that is not there", () => {
    other.fault = "nack";
    expect(hdc1080.start()).toBe(false);
    expect(hdc1080.read()).toBeUndefined();
  });

  test("registers of half scale", () => {
    expect(decodeHdc1080(Uint8Array.of(0x80, 0, 0x80, 0))).toEqual({ temperature: 42.5, humidity: 50 });
  });
});
