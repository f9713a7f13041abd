// Scenarios of the weather station.

import { forget, gaps, online, type Scenario, says, sees, shows, wait, world } from "../scenario.ts";

const profile = "weather";
const AIR = ["celsius 21.5", "humidity 48.2", "hPa 998.4"];

export const WEATHER: Scenario[] = [
  {
    name: "weather/values",
    profile,
    proves: ["weather.topics", "weather.read", "all.publish"],
    before: AIR,
    steps: [
      online,
      sees("Temperature", "21.5", "70s"),
      says("Humidity", "48.2"),
      says("Pressure", "998.4"),
      sees("Malfunction", "0", "1s"),
      wait("5m"),
      world("hPa 1001.1"),
      sees("Pressure", "1001.1", "66s"),
      says("Temperature"),
      says("Humidity"),
      says("Malfunction"),
    ],
  },
  {
    name: "weather/forced",
    profile,
    proves: ["weather.topics"],
    before: AIR,
    steps: [
      online,
      sees("Temperature", "21.5", "70s"),
      wait("95m"),
      gaps("Temperature", 3, "29m", "30m"),
      gaps("Pressure", 3, "29m", "30m"),
    ],
  },
  {
    name: "weather/no_hdc1080",
    profile,
    proves: ["weather.bitmap"],
    before: [...AIR, "hdc1080 nack"],
    steps: [
      online,
      sees("Malfunction", "1", "70s"),
      says("Pressure", "998.4"),
      world("hdc1080 none"),
      sees("Malfunction", "0", "70s"),
    ],
  },
  {
    name: "weather/no_bme280",
    profile,
    proves: ["weather.bitmap"],
    before: [...AIR, "bme280 nack"],
    steps: [
      online,
      sees("Malfunction", "18", "70s"),
      says("Temperature", "21.5"),
      says("Pressure"),
      world("bme280 none"),
      sees("Pressure", "998.4", "70s"),
      sees("Malfunction", "0", "2s"),
    ],
  },
  {
    name: "weather/neither",
    profile,
    proves: ["weather.bitmap"],
    before: [...AIR, "bme280 stuck", "hdc1080 stuck", "display stuck"],
    steps: [
      online,
      sees("Malfunction", "31", "70s"),
      ...["Temperature", "Humidity", "Pressure"].map((sub) => says(sub)),
      ...["bme280", "hdc1080", "display"].map((part) => world(`${part} none`)),
      sees("Malfunction", "0", "70s"),
      says("Temperature", "21.5"),
    ],
  },
  {
    name: "weather/display",
    profile,
    proves: ["weather.display", "weather.read"],
    before: AIR,
    steps: [
      online,
      wait("10s"),
      shows(/^Up 0:00:00:\d\d/),
      shows("T 21.5 C"),
      shows("H 48.2 %"),
      shows("P 998.4 hPa"),
      // 44330 m x (1 - (998.4 / 1013.25)^(1/5.255)), by hand.
      shows("Alt 124 m"),
      world("celsius 22.5"),
      wait("6s"),
      shows("T 22.5 C"),
      world("hPa 900"),
      wait("6s"),
      shows("Alt 989 m"),
      forget,
    ],
  },
];
