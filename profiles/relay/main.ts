// The relays' wiring: topics and commands for each, and the display. What they do is relay.ts, what is shown screen.ts.

import { Appliance } from "../../device/appliance.ts";
import { Ssd1306 } from "../../device/drivers/ssd1306.ts";
import { announce } from "../../device/homeassistant.ts";
import { TOKENS } from "./config.ts";
import { LIMITS_S, RELAY_PINS, Relays } from "./relay.ts";
import { drawRelays } from "./screen.ts";

const BUS = 0;
const SDA_PIN = 21;
const SCL_PIN = 22;
const BUS_HZ = 400_000;
const EVAL_MS = 1000;
const FORCE_MS = 1_800_000;
const DISPLAY_MS = 1000;

const appliance = new Appliance("relay", TOKENS);

appliance.run(() => {
  const relays = new Relays(appliance.loop);
  for (let relay = 0; relay < RELAY_PINS.length; relay++) {
    appliance.value(`${relay}/State`, EVAL_MS, FORCE_MS, () => (relays.isOn(relay) ? "1" : "0"));
    appliance.command(`${relay}/TurnOnWithTimeout`, (payload) => {
      if (!relays.turnOn(relay, payload)) appliance.log.line(`relay ${relay}: not a number: ${payload.slice(0, 40)}`);
    });
  }
  native.i2cOpen(BUS, SDA_PIN, SCL_PIN, BUS_HZ);
  const display = new Ssd1306(appliance.loop, BUS);
  appliance.loop.task(() => drawRelays(display, relays, appliance), false, "screen").every(DISPLAY_MS);
  announce(appliance, () => {
    let lines = "";
    for (let relay = 0; relay < RELAY_PINS.length; relay++) {
      const command = `"cmd_t":"$/${relay}/TurnOnWithTimeout"`;
      const limitS = LIMITS_S[relay];
      // Home Assistant's switch knows no time: it is on for as long as it may be.
      lines += `${relay} switch "name":"Relay ${relay}","stat_t":"~/${relay}/State","stat_on":"1","stat_off":"0",${command},"pl_on":"${limitS}","pl_off":"0"
${relay}_s number "name":"Relay ${relay} on for",${command},"dev_cla":"duration","unit_of_meas":"s","min":0,"max":${limitS},"mode":"box"\n`;
    }
    return lines;
  });
});
