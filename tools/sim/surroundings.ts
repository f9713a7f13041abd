// What is around each appliance on a virtual bench: models of its parts on the board, what a person does to them, and what a person sees.
// The energy meter's surroundings are household.ts.

import type { Board } from "./board.ts";
import {
  COUNTS_AT_ZERO,
  COUNTS_PER_KG,
  fitDisplay,
  fitTank,
  fitThermometers,
  fitWeather,
  HX711_PINS,
  RECEIVER_PIN,
} from "./fittings.ts";
import { THERMOMETER_FAULTS } from "./models/ds18x20.ts";
import { I2C_FAULTS, type I2cPart } from "./models/i2c_part.ts";
import { ev1527, ht6p20 } from "./models/key_fob.ts";
import { LoadCell } from "./models/load_cell.ts";
import { halfBlocks, type Picture } from "./picture.ts";

/** A part that can fail. */
export interface FaultyPart {
  kinds: readonly string[];
  /** `kind`: one of those; the first one is no fault. */
  fail(kind: string): void;
}

export interface Surroundings {
  /** A line for each command, as the console's help shows it. */
  help: string;
  /** Carries a command out and tells what it did; undefined when it has no such command. Throws an Error that tells what is wrong with it. */
  command(word: string, argument: string): string | undefined;
  /** What a person sees there now. */
  look(): string[];
  /** The display, where there is one. */
  picture: Picture | undefined;
  /** What can be made to fail, by its name. */
  parts: Record<string, FaultyPart>;
}

const MAKERS: Record<string, (board: Board) => Surroundings> = {
  relay,
  termo,
  weather,
  h2o,
  rx433,
  switch: wall,
  scale_sensor: scale,
};

/** Puts the profile's parts on the board. Undefined for a profile without surroundings of its own. */
export function surroundingsOf(profile: string, board: Board): Surroundings | undefined {
  return MAKERS[profile]?.(board);
}

/** What a person sees of a profile without parts. */
export function bareBoard(board: Board): Surroundings {
  return {
    help: "                   nothing is around it: `pin` drives its inputs",
    command: () => undefined,
    look: () => [[...board.outputs].map(([pin, level]) => `pin ${pin} ${level === 1 ? "●" : "○"}`).join("   ")],
    picture: undefined,
    parts: {},
  };
}

/** Profiles that have some. */
export const SURROUNDED = Object.keys(MAKERS);

function number(text: string, min: number, max: number): number {
  const value = text === "" ? Number.NaN : Number(text);
  if (!(value >= min && value <= max)) throw new Error(`takes a number from ${min} to ${max}`);
  return value;
}

/** A part, or several alike, whose field `fault` takes these kinds. */
function part<K extends string>(kinds: readonly K[], ...models: { fault: K }[]): FaultyPart {
  return {
    kinds,
    fail: (kind) => {
      for (const model of models) model.fault = kind as K;
    },
  };
}

const i2cPart = (model: I2cPart) => part(I2C_FAULTS, model);

function lamps(board: Board, pins: readonly number[], onLevel: number): string {
  return pins.map((pin, at) => `${at} ${board.outputs.get(pin) === onLevel ? "●" : "○"}`).join("   ");
}

function relay(board: Board): Surroundings {
  const display = fitDisplay(board);
  return {
    help: "cmd 1/TurnOnWithTimeout 30   turns relay 1 on for 30 s",
    command: () => undefined,
    look: () => [...halfBlocks(display.picture), `relays  ${lamps(board, [25, 26, 27, 33], 0)}`],
    picture: display.picture,
    parts: { display: i2cPart(display) },
  };
}

function wall(board: Board): Surroundings {
  const manuals = [26, 34, 33, 35]; // the board of config.sample.txt, Direct4: active low
  for (const pin of manuals) board.drive(pin, 1);
  return {
    help: "press N            presses wall switch N (0 to 3) for 200 ms",
    command: (word, argument) => {
      if (word !== "press") return undefined;
      const pin = manuals[number(argument, 0, 3)] as number;
      board.drive(pin, 0);
      board.clock.after(200_000, () => board.drive(pin, 1));
      return `wall switch ${argument} is pressed`;
    },
    look: () => [`outputs  ${lamps(board, [17, 16, 32, 12], 1)}`],
    picture: undefined,
    parts: {},
  };
}

function termo(board: Board): Surroundings {
  const { bus, thermometers } = fitThermometers(board, [0x1001, 0x1002]);
  for (const each of thermometers) bus.attach(each);
  return {
    help: "warm 23.5          temperature of the room in °C",
    command: (word, argument) => {
      if (word !== "warm") return undefined;
      const celsius = number(argument, -55, 125);
      for (const each of thermometers) each.celsius = celsius;
      return `the room has ${celsius} °C`;
    },
    look: () => thermometers.map((each) => `${Buffer.from(each.rom).toString("hex")}  ${each.celsius} °C`),
    picture: undefined,
    parts: { thermometers: part(THERMOMETER_FAULTS, ...thermometers) },
  };
}

function weather(board: Board): Surroundings {
  const { hdc1080, bme280, display } = fitWeather(board);
  return {
    help: "warm 23.5          temperature in °C\nhumidity 60        in %\npressure 998       in hPa",
    command: (word, argument) => {
      if (word === "warm") hdc1080.celsius = bme280.celsius = number(argument, -40, 85);
      else if (word === "humidity") hdc1080.humidity = bme280.humidity = number(argument, 0, 100);
      else if (word === "pressure") bme280.hPa = number(argument, 300, 1100);
      else return undefined;
      return `${word} is ${argument}`;
    },
    look: () => halfBlocks(display.picture),
    picture: display.picture,
    parts: { hdc1080: i2cPart(hdc1080), bme280: i2cPart(bme280), display: i2cPart(display) },
  };
}

function h2o(board: Board): Surroundings {
  const SENSORS = [20, 40, 60, 80, 100]; // as config.sample.txt, and its 1000 L
  const CAPACITY = 1000;
  const { expander, display, meter } = fitTank(board);
  let litres = 0;
  const fill = (more: number): void => {
    litres = Math.max(0, Math.min(CAPACITY, litres + more));
    expander.low = SENSORS.reduce(
      (bits, percent, at) => bits | (litres >= (percent / 100) * CAPACITY ? 1 << at : 0),
      0,
    );
  };
  fill(450);
  meter.onFlow = fill;
  return {
    help: "tap 12             opens the tap into the tank, L/min (0 closes it)\ndrain 300          takes litres out of the tank",
    command: (word, argument) => {
      if (word === "tap") meter.perMinute = number(argument, 0, 30);
      else if (word === "drain") fill(-number(argument, 0, CAPACITY));
      else return undefined;
      return `the tank has ${litres.toFixed(0)} L, ${meter.perMinute} L/min come in`;
    },
    look: () => [...halfBlocks(display.picture), `tank  ${litres.toFixed(0)} of ${CAPACITY} L`],
    picture: display.picture,
    parts: { mcp23017: i2cPart(expander), display: i2cPart(display) },
  };
}

function rx433(board: Board): Surroundings {
  return {
    help: "fob CODE           presses an EV1527 key fob (0 to 16777215)\nht CODE            presses an HT6P20 key fob (its upper 24 bits)",
    command: (word, argument) => {
      if (word === "fob") board.transmit(RECEIVER_PIN, ev1527(number(argument, 0, 0xffffff)));
      else if (word === "ht") board.transmit(RECEIVER_PIN, ht6p20(number(argument, 0, 0xffffff) * 16 + 5));
      else return undefined;
      return `key fob ${argument} is pressed`;
    },
    look: () => [],
    picture: undefined,
    parts: {},
  };
}

function scale(board: Board): Surroundings {
  const cell = new LoadCell(board, HX711_PINS, COUNTS_PER_KG, COUNTS_AT_ZERO, 12);
  return {
    help: "weigh 12.5         puts so many kg on the scale\nnoise 0.1          it trembles by so many kg",
    command: (word, argument) => {
      if (word === "weigh") cell.kg = number(argument, -100, 300);
      else if (word === "noise") cell.noiseKg = number(argument, 0, 100);
      else return undefined;
      return `${cell.kg} kg are on the scale, trembling by ${cell.noiseKg} kg${cell.present ? "" : ", its HX711 is dead"}`;
    },
    look: () => [`scale  ${cell.kg} kg`],
    picture: undefined,
    parts: {
      hx711: {
        kinds: ["none", "silence"],
        fail: (kind) => {
          cell.present = kind === "none";
        },
      },
    },
  };
}
