// Which models sit where on each appliance's board: addresses, pins and buses as the profile has them. What happens to the models is for
// those who fit them: a virtual bench (surroundings.ts), a scenario.

import type { Board } from "./board.ts";
import { Bme280Model } from "./models/bme280.ts";
import { Ds18x20Model } from "./models/ds18x20.ts";
import { FlowMeter } from "./models/flow_meter.ts";
import { Hdc1080Model } from "./models/hdc1080.ts";
import { Mcp23017Model } from "./models/mcp23017.ts";
import { PzemModel } from "./models/pzem.ts";
import { Ssd1306Model } from "./models/ssd1306.ts";
import { OneWireBus } from "./one_wire_bus.ts";

/** UART of the energy profile's meter on the chips that have it. */
export const METER_UART = 2;
/** The pin on which rx433 receives. */
export const RECEIVER_PIN = 14;
/** The battery scale's HX711. */
export const HX711_PINS = { data: 5, clock: 4 };
/** As scale_sensor's config.sample.txt calibrates it: counts a kilogram, and at nothing. */
export const COUNTS_PER_KG = 21_000;
export const COUNTS_AT_ZERO = 84_000;
/** dtwonder8's shift registers, by their latch. */
export const LATCH_PIN = 15;
/** h2o's flow meter. */
export const FLOW_PIN = 14;
/** As h2o's config.sample.txt has it: pulses a second at a litre a minute. */
const FLOW_PULSE_RATE = 7.5;

export function fitDisplay(board: Board): Ssd1306Model {
  const display = new Ssd1306Model();
  board.attachI2c(0, 0x3c, display);
  return display;
}

/** `uart`: 1 on the chips that have two. */
export function fitMeter(board: Board, uart = METER_UART): PzemModel {
  return new PzemModel(board, uart);
}

export function fitWeather(board: Board) {
  const hdc1080 = new Hdc1080Model(board.clock);
  const bme280 = new Bme280Model(board.clock);
  board.attachI2c(0, 0x40, hdc1080);
  board.attachI2c(0, 0x76, bme280);
  return { hdc1080, bme280, display: fitDisplay(board) };
}

export function fitTank(board: Board) {
  const expander = new Mcp23017Model();
  board.attachI2c(0, 0x20, expander);
  return { expander, meter: new FlowMeter(board, FLOW_PIN, FLOW_PULSE_RATE), display: fitDisplay(board) };
}

/** A thermometer for each serial number, none of them on the bus yet. */
export function fitThermometers(board: Board, serials: readonly number[]) {
  const bus = new OneWireBus();
  board.attachOneWire(14, bus);
  return { bus, thermometers: serials.map((serial) => new Ds18x20Model(board.clock, serial)) };
}
