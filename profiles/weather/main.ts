// The weather station's wiring: HDC1080, BME280 and a display on I2C. What it does is weather.ts, what it shows screen.ts.

import { Appliance } from "../../device/appliance.ts";
import { Bme280 } from "../../device/drivers/bme280.ts";
import { Hdc1080 } from "../../device/drivers/hdc1080.ts";
import { Ssd1306 } from "../../device/drivers/ssd1306.ts";
import { announce, PROBLEM } from "../../device/homeassistant.ts";
import { TOKENS } from "./config.ts";
import { drawWeather } from "./screen.ts";
import { Weather } from "./weather.ts";

const BUS = 0;
const SDA_PIN = 21;
const SCL_PIN = 22;
const BUS_HZ = 400_000;
const BME280_ADDRESS = 0x76;
const EVAL_MS = 60_000;
const FORCE_MS = 1_800_000;

const appliance = new Appliance("weather", TOKENS);

appliance.run(() => {
  native.i2cOpen(BUS, SDA_PIN, SCL_PIN, BUS_HZ);
  const display = new Ssd1306(appliance.loop, BUS);
  const weather = new Weather(appliance.loop, new Hdc1080(BUS), new Bme280(BUS, BME280_ADDRESS), () =>
    drawWeather(display, weather, appliance.loop.now()),
  );
  const fixed = (value: number | undefined) => (value === undefined ? undefined : native.formatFixed(value, 1));
  appliance.value("Temperature", EVAL_MS, FORCE_MS, () => fixed(weather.temperature));
  appliance.value("Humidity", EVAL_MS, FORCE_MS, () => fixed(weather.humidity));
  appliance.value("Pressure", EVAL_MS, FORCE_MS, () => fixed(weather.pressure));
  appliance.value("Malfunction", EVAL_MS, FORCE_MS, () => String(weather.malfunction));
  announce(
    appliance,
    () => `Temperature sensor "dev_cla":"temperature","unit_of_meas":"\u00b0C","stat_cla":"measurement"
Humidity sensor "dev_cla":"humidity","unit_of_meas":"%","stat_cla":"measurement"
Pressure sensor "dev_cla":"atmospheric_pressure","unit_of_meas":"hPa","stat_cla":"measurement"
${PROBLEM}`,
  );
});
