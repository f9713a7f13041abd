// The battery scale's wiring: an HX711 and the radio. What it does is scale_sensor.ts.

import { Hx711 } from "../../device/drivers/hx711.ts";
import { Peripheral } from "../../device/peripheral.ts";
import { type ScaleSensorConfig, TOKENS } from "./config.ts";
import { ScaleSensor, SLEEP_MS } from "./scale_sensor.ts";

const DATA_PIN = 5;
const CLOCK_PIN = 4;

const peripheral = new Peripheral<ScaleSensorConfig>(TOKENS);
const { config, loop } = peripheral;

peripheral.run((netnow) => {
  const a = config.number("calibration_a");
  const b = config.number("calibration_b");
  new ScaleSensor(loop, new Hx711(DATA_PIN, CLOCK_PIN), netnow, a, b, () => peripheral.sleep(SLEEP_MS));
});
