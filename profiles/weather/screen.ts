// The weather station's display.

import type { Ssd1306 } from "../../device/drivers/ssd1306.ts";
import { uptimeText } from "../../device/uptime.ts";
import { altitudeOf, type Weather } from "./weather.ts";

const CELLS = 16;

/** Draws everything; the display sends what changed. */
export function drawWeather(display: Ssd1306, weather: Weather, nowMs: number): void {
  const { temperature, humidity, pressure } = weather;
  display.text(0, 0, `Up ${uptimeText(nowMs)}`, CELLS);
  display.text(0, 2, `T ${figure(temperature)} C`, CELLS);
  display.text(0, 3, `H ${figure(humidity)} %`, CELLS);
  display.text(0, 4, `P ${figure(pressure)} hPa`, CELLS);
  const altitude = pressure === undefined ? "-" : native.formatFixed(altitudeOf(pressure), 0);
  display.text(0, 5, `Alt ${altitude} m`, CELLS);
  display.show();
}

function figure(value: number | undefined): string {
  return value === undefined ? "-" : native.formatFixed(value, 1);
}
