// The water tank's display: the tank as a bar at the left, figures beside it.

import type { Appliance } from "../../device/appliance.ts";
import type { Ssd1306 } from "../../device/drivers/ssd1306.ts";
import { HEIGHT } from "../../device/drivers/ssd1306.ts";
import { uptimeText } from "../../device/uptime.ts";
import type { H2o } from "./h2o.ts";

const BAR = 12;
const FAULTY_BAR = 5;
const MARK = 6;
const TEXT_X = 16;
const CELLS = 14;

/** Draws everything; the display sends what changed. */
export function drawTank(display: Ssd1306, h2o: H2o, unit: string, appliance: Appliance): void {
  const nowMs = appliance.loop.now();
  drawBar(display, h2o, Math.floor(nowMs / 1000) % 2 === 1);
  const address = native.netAddress();
  // The tail is what tells devices of one home apart.
  const tail = address.slice(address.indexOf(".", address.indexOf(".") + 1) + 1);
  display.text(TEXT_X, 0, appliance.net?.up ? tail : "no net", CELLS);
  display.text(TEXT_X, 1, appliance.mqtt.connected ? "MQTT up" : "MQTT down", CELLS);
  display.text(TEXT_X, 2, uptimeText(nowMs), CELLS);
  display.text(TEXT_X, 4, h2o.malfunctions === 0 ? levelText(h2o, unit) : `Error ${h2o.malfunctions}`, CELLS);
  display.text(TEXT_X, 6, flowText(h2o, unit), CELLS);
  display.show();
}

/** `40% + 12L`, or "" before the first reading. */
export function levelText(h2o: H2o, unit: string): string {
  const percent = h2o.percent;
  if (percent === undefined) return "";
  return `${native.formatFixed(percent, 0)}% + ${native.formatFixed(h2o.pumped, 0)}${unit}`;
}

function flowText(h2o: H2o, unit: string): string {
  if (h2o.flow === undefined) return "Flow meter MF";
  if (h2o.flow.rate === 0) return "No flow";
  return `${native.formatFixed(h2o.flow.rate, 1)}${unit}/min`;
}

function drawBar(display: Ssd1306, h2o: H2o, dark: boolean): void {
  const faulty = h2o.malfunctions !== 0;
  const width = faulty ? FAULTY_BAR : BAR;
  const flowing = h2o.flow !== undefined && h2o.flow.rate > 0;
  const height = flowing && dark ? 0 : Math.round(((h2o.percent ?? 0) / 100) * HEIGHT);
  display.fill(0, HEIGHT - height, width, height, true);
  display.fill(0, 0, width, HEIGHT - height, false);
  display.fill(width, 0, BAR + 1 - width, HEIGHT, false);
  const { sensors } = h2o.level;
  for (let index = 0; faulty && index < sensors.length; index++) {
    const y = Math.min(HEIGHT - 2, HEIGHT - Math.round(((sensors[index] as number) / 100) * HEIGHT));
    if (h2o.level.isWet(index)) display.fill(MARK, y, MARK, 2, true);
    else display.fill(MARK, y, 2, 2, true);
  }
}
