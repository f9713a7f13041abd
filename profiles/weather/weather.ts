// What the weather station does: when its sensors are read, which one a value comes from, what a malfunction is. Registers are
// device/drivers/; the display is screen.ts, topics' periods are main.ts.

import { BME280_CONVERT_MS, type Bme280 } from "../../device/drivers/bme280.ts";
import { HDC1080_CONVERT_MS, type Hdc1080 } from "../../device/drivers/hdc1080.ts";
import type { Loop, Task } from "../../device/loop.ts";

export const FIRST_MS = 15_000;
export const READ_MS = 5000;

export const NO_HDC1080 = 1;
export const NO_BME280 = 2;
export const NO_HUMIDITY = 4;
export const NO_TEMPERATURE = 8;
export const NO_PRESSURE = 16;

const SEA_LEVEL_HPA = 1013.25;

export class Weather {
  /** Degrees Celsius, percent, hPa; undefined before the first good reading. */
  temperature: number | undefined;
  humidity: number | undefined;
  pressure: number | undefined;
  /** A bitmap of the constants. */
  malfunction: number;
  private hasBme280: boolean;
  private hdc1080Began: boolean;
  private bme280Began: boolean;
  private readonly fetch: Task;

  constructor(
    loop: Loop,
    private readonly hdc1080: Hdc1080,
    private readonly bme280: Bme280,
    private readonly onReading: () => void,
  ) {
    this.malfunction = 0;
    this.temperature = this.humidity = this.pressure = undefined;
    this.hasBme280 = this.hdc1080Began = this.bme280Began = false;
    this.fetch = loop.task(() => this.read(), false, "weather read");
    const start = loop.task(() => this.start(), false, "weather");
    loop.task(() => start.every(READ_MS), false).once(FIRST_MS - READ_MS);
  }

  private start(): void {
    this.hdc1080Began = asked(() => this.hdc1080.start()) === true;
    this.bme280Began =
      asked(() => {
        // A part that was away has forgotten nothing, but it may be another one.
        if (!this.hasBme280) this.hasBme280 = this.bme280.begin();
        return this.hasBme280 && this.bme280.start();
      }) === true;
    this.hasBme280 = this.bme280Began;
    this.fetch.once(Math.max(HDC1080_CONVERT_MS, BME280_CONVERT_MS));
  }

  private read(): void {
    let malfunction = (this.hdc1080Began ? 0 : NO_HDC1080) | (this.bme280Began ? 0 : NO_BME280);
    const first = this.hdc1080Began ? asked(() => this.hdc1080.read()) : undefined;
    const second = this.bme280Began ? asked(() => this.bme280.read()) : undefined;
    // The HDC1080 is the better thermometer and hygrometer (its neighbour warms itself); the BME280 stands in.
    const temperature = first?.temperature ?? second?.temperature;
    const humidity = first?.humidity ?? second?.humidity;
    const pressure = second?.pressure;
    if (temperature === undefined) malfunction |= NO_TEMPERATURE;
    else this.temperature = temperature;
    if (humidity === undefined) malfunction |= NO_HUMIDITY;
    else this.humidity = humidity;
    if (pressure === undefined) malfunction |= NO_PRESSURE;
    else this.pressure = pressure;
    this.malfunction = malfunction;
    this.onReading();
  }
}

/** A stuck bus is as good as a part that does not answer. */
function asked<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch (_) {
    return undefined;
  }
}

/** Metres above sea level by the international barometric formula. */
export function altitudeOf(hPa: number): number {
  return 44330 * (1 - (hPa / SEA_LEVEL_HPA) ** (1 / 5.255));
}
