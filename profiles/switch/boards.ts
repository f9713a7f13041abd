// The boards that wall switches run on: which pins are inputs and outputs, and how their levels are read and written. What the levels
// mean is switch.ts.

/** Reads and drives a board. Bit n is input or output n; 1 is pressed or on. */
export interface SwitchBoard {
  inputs: number;
  outputs: number;
  /** -1: none. */
  ledPin: number;
  read(): number;
  /** Asks for an event (kind 3) of each change of an input, or for none any more; false where the inputs cannot tell. */
  watch(on: boolean): boolean;
  /** The first call enables the outputs. */
  write(states: number): void;
}

const OUTPUT = 3;
const PULL_UP = 1;
const PULL_DOWN = 2;
/** Pins from here on are inputs without pull resistors on the ESP32 (datasheet, table of IO pads). */
const INPUT_ONLY = 34;

/** Inputs and outputs on pins of their own. */
class DirectBoard implements SwitchBoard {
  inputs: number;
  outputs: number;
  private enabled: boolean;

  constructor(
    private readonly inPins: number[],
    private readonly outPins: number[],
    readonly ledPin: number,
    private readonly inverted: boolean,
  ) {
    this.inputs = inPins.length;
    this.outputs = outPins.length;
    this.enabled = false;
    for (const pin of inPins) native.pinMode(pin, pin >= INPUT_ONLY ? 0 : inverted ? PULL_UP : PULL_DOWN, 0);
  }

  read(): number {
    let bits = 0;
    for (let index = 0; index < this.inputs; index++) {
      if ((native.pinRead(this.inPins[index] as number) === 1) !== this.inverted) bits |= 1 << index;
    }
    return bits;
  }

  watch(on: boolean): boolean {
    try {
      for (const pin of this.inPins) native.pinWatch(pin, on);
    } catch (_) {
      return false; // no interrupts left: then the inputs are looked at all the time
    }
    return true;
  }

  write(states: number): void {
    for (let index = 0; index < this.outputs; index++) {
      const pin = this.outPins[index] as number;
      const level = (states >> index) & 1;
      if (this.enabled) native.pinWrite(pin, level);
      else native.pinMode(pin, OUTPUT, level);
    }
    this.enabled = true;
  }
}

const OUTPUT_ENABLE_PIN = 32; // active low
const LATCH_PIN = 15;
const CLOCK_PIN = 14;
const DATA_IN_PIN = 16;
const DATA_OUT_PIN = 13;
const SHIFTED = 8;

/** dtwonder8: a 74HC165 and a 74HC595 in one transaction. */
class ShiftBoard implements SwitchBoard {
  inputs: number;
  outputs: number;
  ledPin: number;
  private states: number;
  private enabled: boolean;

  constructor() {
    this.inputs = this.outputs = SHIFTED;
    this.ledPin = -1;
    this.states = 0;
    this.enabled = false;
  }

  /** Not before the first `write`: a transaction carries the outputs too. */
  read(): number {
    return ~this.exchange() & 0xff;
  }

  /** The 74HC165 has no line that tells. */
  watch(_on: boolean): boolean {
    return false;
  }

  write(states: number): void {
    this.states = states;
    this.exchange();
    if (this.enabled) return;
    // Only now: through a warm restart the 74HC595 has kept its outputs, and nothing has clicked.
    native.pinMode(OUTPUT_ENABLE_PIN, OUTPUT, 0);
    this.enabled = true;
  }

  private exchange(): number {
    return native.shiftExchange(LATCH_PIN, CLOCK_PIN, DATA_IN_PIN, DATA_OUT_PIN, SHIFTED, this.states);
  }
}

/** The board of the config token `driver`, or undefined. */
export function switchBoard(driver: string): SwitchBoard | undefined {
  switch (driver) {
    case "Direct4":
      return new DirectBoard([26, 34, 33, 35], [17, 16, 32, 12], 2, true);
    case "dtwonder2":
      return new DirectBoard([36, 39], [16, 2], -1, true);
    case "dtwonder4":
      return new DirectBoard([36, 39, 33, 35], [16, 2, 32, 12], -1, true);
    case "hoffer6":
      return new DirectBoard([36, 39, 32, 33, 25, 26, 27, 14], [4, 16, 17, 18, 19, 23], 2, false);
    case "minir4":
      return new DirectBoard([27, 0], [26], 19, true);
    case "dtwonder8":
      return new ShiftBoard();
    default:
      return undefined;
  }
}
