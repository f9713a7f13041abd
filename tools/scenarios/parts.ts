// The parts around an appliance in a scenario, and the lines by which a person or fate acts on them. The models are tools/sim/models'.

import type { Board } from "../sim/board.ts";
import {
  COUNTS_AT_ZERO,
  COUNTS_PER_KG,
  FLOW_PIN,
  fitDisplay,
  fitMeter,
  fitTank,
  fitThermometers,
  fitWeather,
  HX711_PINS,
  LATCH_PIN,
  METER_UART,
  RECEIVER_PIN,
} from "../sim/fittings.ts";
import { THERMOMETER_FAULTS } from "../sim/models/ds18x20.ts";
import { I2C_FAULTS, type I2cPart } from "../sim/models/i2c_part.ts";
import { ev1527, ht6p20, noise } from "../sim/models/key_fob.ts";
import { PZEM_FAULTS } from "../sim/models/pzem.ts";
import type { Ssd1306Model } from "../sim/models/ssd1306.ts";
import type { Picture } from "../sim/picture.ts";
import { repeatable } from "../sim/random.ts";

export interface Parts {
  /** Carries a line out. Throws an Error for one that it does not know. */
  act(word: string, args: string[]): void;
  /** The display, where there is one. */
  picture?: Picture;
}

const MAKERS: Record<string, (board: Board, uart: number) => Parts> = {
  energy,
  relay: (board) => withDisplay(fitDisplay(board), {}),
  switch: wall,
  termo,
  weather,
  h2o,
  rx433,
  scale_sensor: scale,
};

/** Puts the profile's parts on the board. A profile without any has none to act on. `uart`: the energy meter's. */
export function partsOf(profile: string, board: Board, uart = METER_UART): Parts {
  const make = MAKERS[profile];
  return make === undefined ? { act: unknown } : make(board, uart);
}

function unknown(word: string): never {
  throw new Error(`nothing here takes "${word}"`);
}

type Acts = Record<string, (...args: string[]) => void>;

function acting(acts: Acts): Parts["act"] {
  return (word, args) => {
    const act = acts[word] ?? unknown(word);
    act(...args);
  };
}

function number(text: string | undefined): number {
  const value = Number(text);
  if (text === undefined || !Number.isFinite(value)) throw new Error(`${text} is no number`);
  return value;
}

function oneOf<T extends string>(text: string | undefined, known: readonly T[]): T {
  const found = known.find((each) => each === text);
  if (found === undefined) throw new Error(`${text} is none of ${known.join(", ")}`);
  return found;
}

/** `display FAULT` and what else there is. */
function withDisplay(display: Ssd1306Model, acts: Acts): Parts {
  return { act: acting({ ...acts, display: fault(display) }), picture: display.picture };
}

function fault(part: I2cPart): (text?: string) => void {
  return (text) => {
    part.fault = oneOf(text, I2C_FAULTS);
  };
}

function energy(board: Board, uart: number): Parts {
  const meter = fitMeter(board, uart);
  const set = (key: "volts" | "amps" | "watts") => (value?: string) => {
    meter[key] = number(value);
  };
  return {
    act: acting({
      volts: set("volts"),
      amps: set("amps"),
      watts: set("watts"),
      meter: (value) => {
        meter.fault = oneOf(value, PZEM_FAULTS);
      },
    }),
  };
}

/** Where dtwonder8's outputs are seen: pins that no chip has. */
export const SHIFTED_OUTPUTS = 100;

/** `inputs BITS`: the levels at dtwonder8's shift register, the last digit is input 0. */
function wall(board: Board): Parts {
  let inputs = 0xff;
  board.attachShift(LATCH_PIN, {
    exchange: (bits, value) => {
      for (let bit = 0; bit < bits; bit++) board.setOutput(SHIFTED_OUTPUTS + bit, (value >> bit) & 1);
      return inputs;
    },
  });
  return {
    act: acting({
      inputs: (bits) => {
        inputs = Number.parseInt(bits ?? "", 2);
      },
    }),
  };
}

/** Three thermometers with serial numbers 1, 2, 3, of which as many as told are on the bus. */
function termo(board: Board): Parts {
  const { bus, thermometers: all } = fitThermometers(board, [1, 2, 3]);
  const each = (index: string | undefined) => all[number(index)] ?? unknown(`thermometer ${index}`);
  return {
    act: acting({
      thermometers: (count) => {
        bus.devices.splice(0, bus.devices.length, ...all.slice(0, number(count)));
      },
      celsius: (index, value) => {
        each(index).celsius = number(value);
      },
      thermometer: (index, value) => {
        each(index).fault = oneOf(value, THERMOMETER_FAULTS);
      },
    }),
  };
}

function weather(board: Board): Parts {
  const { hdc1080, bme280, display } = fitWeather(board);
  return withDisplay(display, {
    celsius: (value) => {
      hdc1080.celsius = number(value);
    },
    humidity: (value) => {
      hdc1080.humidity = number(value);
    },
    hPa: (value) => {
      bme280.hPa = number(value);
    },
    hdc1080: fault(hdc1080),
    bme280: fault(bme280),
  });
}

/** `wet 00011`: the lowest sensor is the last digit. */
function h2o(board: Board): Parts {
  const { expander, meter, display } = fitTank(board);
  return withDisplay(display, {
    wet: (bits) => {
      expander.low = Number.parseInt(bits ?? "", 2);
    },
    flow: (value) => {
      meter.perMinute = number(value);
    },
    /** Pulses of a width in ns on the meter's pin. */
    pulses: (count, widthNs) => board.pulses(FLOW_PIN, number(count), number(widthNs)),
    expander: fault(expander),
  });
}

function rx433(board: Board): Parts {
  const random = repeatable(1);
  return {
    act: acting({
      ev1527: (code, frames, unitUs) =>
        board.transmit(RECEIVER_PIN, ev1527(number(code), number(frames), number(unitUs))),
      ht6p20: (code, frames) => board.transmit(RECEIVER_PIN, ht6p20(number(code), number(frames))),
      noise: (ms) => board.transmit(RECEIVER_PIN, noise(number(ms), random)),
    }),
  };
}

/** A battery scale on its HX711. */
function scale(board: Board): Parts {
  let kg = 12.5;
  let spread = 0;
  let outlier = 0;
  let count = 0;
  let left = Number.POSITIVE_INFINITY;
  /** What the next reading is off by. */
  const error = (): number => {
    const at = count++;
    if (outlier !== 0) return at % 4 === 0 ? (at % 8 === 0 ? outlier : -outlier) : 0;
    return spread * (at % 6);
  };
  board.attachHx711(HX711_PINS.data, HX711_PINS.clock, {
    clocked: () => (left-- <= 0 ? undefined : Math.round((kg + error()) * COUNTS_PER_KG + COUNTS_AT_ZERO) & 0xffffff),
  });
  return {
    act: acting({
      kg: (value) => {
        kg = number(value);
      },
      /** Six readings differ by so many kg from one to the next. */
      spread: (value) => {
        spread = number(value);
      },
      /** Each fourth reading is off by so many kg, up and down in turn. */
      outlier: (value) => {
        outlier = number(value);
      },
      /** So many readings are left before the part falls silent. */
      readings: (value) => {
        left = value === "all" ? Number.POSITIVE_INFINITY : number(value);
      },
    }),
  };
}
