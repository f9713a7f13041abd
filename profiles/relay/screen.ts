// The relays' display: a box per relay, network, MQTT, uptime.

import type { Appliance } from "../../device/appliance.ts";
import type { Ssd1306 } from "../../device/drivers/ssd1306.ts";
import { uptimeText } from "../../device/uptime.ts";
import { RELAY_PINS, type Relays } from "./relay.ts";

const CELLS = 16;
const BOX = 24;
const BOX_STEP = 32;
const BOX_Y = 4;

/** Draws everything; the display sends what changed. A relay that is on blinks with the seconds. */
export function drawRelays(display: Ssd1306, relays: Relays, appliance: Appliance): void {
  const nowMs = appliance.loop.now();
  const blink = Math.floor(nowMs / 1000) % 2 === 0;
  for (let relay = 0; relay < RELAY_PINS.length; relay++) {
    const x = relay * BOX_STEP + 4;
    display.fill(x + 1, BOX_Y + 1, BOX - 2, BOX - 2, relays.isOn(relay) && blink);
    display.box(x, BOX_Y, BOX, BOX);
  }
  display.text(0, 4, appliance.net?.up ? native.netAddress() : "no net", CELLS);
  display.text(0, 5, appliance.mqtt.connected ? "MQTT up" : "MQTT down", CELLS);
  display.text(0, 6, uptimeText(nowMs), CELLS);
  display.show();
}
