// Proves each sentence of the reference on the weather station: main.ts with the framework on a chip in memory, models on its I2C bus.

import { expect, test } from "bun:test";
import { altitudeOf } from "../../profiles/weather/weather.ts";
import { Bme280Model } from "../../tools/sim/models/bme280.ts";
import { Hdc1080Model } from "../../tools/sim/models/hdc1080.ts";
import { Ssd1306Model } from "../../tools/sim/models/ssd1306.ts";
import { expectPicture } from "../support/pictures.ts";
import { ProfileDevice, profileProgram } from "../support/profile_device.ts";

const MINUTE_MS = 60_000;
const program = profileProgram("weather");

function station() {
  let parts: { hdc1080: Hdc1080Model; bme280: Bme280Model; oled: Ssd1306Model } | undefined;
  const device = new ProfileDevice(program, "", ({ board }) => {
    parts = { hdc1080: new Hdc1080Model(board.clock), bme280: new Bme280Model(board.clock), oled: new Ssd1306Model() };
    Object.assign(parts.hdc1080, { celsius: 21.5, humidity: 48.2 });
    Object.assign(parts.bme280, { celsius: 23.5, humidity: 42.2, hPa: 998.4 });
    board.attachI2c(0, 0x40, parts.hdc1080);
    board.attachI2c(0, 0x76, parts.bme280);
    board.attachI2c(0, 0x3c, parts.oled);
  });
  return { device, ...(parts as NonNullable<typeof parts>) };
}
const told = (device: ProfileDevice) =>
  ["Temperature", "Humidity", "Pressure", "Malfunction"].map((topic) => device.take(topic).join());

test("one decimal each, after at most a minute, and only changes until 30 min are over", () => {
  const { device, bme280 } = station();
  device.start(2 * MINUTE_MS);
  expect(told(device)).toEqual(["21.5", "48.2", "998.4", "0"]);
  device.run(10 * MINUTE_MS);
  expect(told(device)).toEqual(["", "", "", ""]);
  bme280.hPa = 1001.1;
  device.run(MINUTE_MS);
  expect(told(device)).toEqual(["", "", "1001.1", ""]);
  device.run(20 * MINUTE_MS);
  expect(told(device)).toEqual(["21.5", "48.2", "1001.1", "0"]);
});

test("sensors are read every 5 s", () => {
  const { device, hdc1080 } = station();
  device.start();
  const before = hdc1080.transfers;
  device.run(MINUTE_MS);
  expect((hdc1080.transfers - before) / 3).toBe(12);
});

test("without the HDC1080 (1) the BME280 stands in", () => {
  const { device, hdc1080 } = station();
  hdc1080.fault = "nack";
  device.start(2 * MINUTE_MS);
  expect(told(device)).toEqual(["23.5", "42.2", "998.4", "1"]);
});

test("without the BME280 there is no pressure (2 + 16)", () => {
  const { device, bme280 } = station();
  bme280.fault = "nack";
  device.start(2 * MINUTE_MS);
  expect(told(device)).toEqual(["21.5", "48.2", "", "18"]);
  bme280.fault = "none";
  device.run(2 * MINUTE_MS);
  expect(told(device)).toEqual(["", "", "998.4", "0"]);
});

test("without either (31), and with a stuck bus, the device goes on", () => {
  const { device, hdc1080, bme280, oled } = station();
  for (const part of [hdc1080, bme280, oled]) part.fault = "stuck";
  device.start(2 * MINUTE_MS);
  expect(told(device)).toEqual(["", "", "", "31"]);
  for (const part of [hdc1080, bme280, oled]) part.fault = "none";
  device.run(2 * MINUTE_MS);
  expect(told(device)).toEqual(["21.5", "48.2", "998.4", "0"]);
  expect(device.chip.resets).toEqual([]);
});

test("channels of the BME280 that have no value are 16", () => {
  const { device, bme280 } = station();
  bme280.raw = [519_888, 0x80000, 30_000];
  device.start(2 * MINUTE_MS);
  expect(told(device)).toEqual(["21.5", "48.2", "", "16"]);
});

test("the altitude is that of the standard atmosphere", () => {
  expect(altitudeOf(1013.25)).toBe(0);
  // ICAO standard atmosphere: 898.76 hPa at 1000 m, 795.0 hPa at 2000 m.
  expect(Math.abs(altitudeOf(898.76) - 1000)).toBeLessThan(2);
  expect(Math.abs(altitudeOf(795.01) - 2000)).toBeLessThan(3);
});

test("the display", () => {
  const { device, oled } = station();
  device.start(MINUTE_MS);
  expectPicture("weather", oled.picture);
});
