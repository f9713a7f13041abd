// The world around one virtual chip: pins, UARTs, I2C and 1-Wire buses, parts on pins and the access point. Machines (the host firmware's launcher, the
// in-memory native) drive the chip's side of it; device models (tools/sim/models) and people drive the other side.

import type { SimClock } from "./clock.ts";
import type { Level } from "./edge_cutter.ts";
import type { OneWireBus } from "./one_wire_bus.ts";

/** A device on a UART. Bytes take time on the wire; a model answers through `Board.uartDeliver`. */
export interface UartModel {
  /** The chip opened the port. */
  opened?(baud: number): void;
  /** Bytes from the chip, at the clock's present time. */
  received(bytes: Uint8Array): void;
}

/** A device on an I2C bus. */
export interface I2cModel {
  /** The answer to a transfer: the bytes read (exactly `readLength`), "nack", or "stuck" for a bus that never comes free. */
  transfer(written: Uint8Array, readLength: number): Uint8Array | "nack" | "stuck";
}

/** An HX711 on a data and a clock pin. */
export interface Hx711Model {
  /** The chip clocks `pulses` times: 24 bits, or undefined while the part holds its data line high. */
  clocked(pulses: number): number | undefined;
}

/** Shift registers on a latch line. */
export interface ShiftModel {
  /** One transaction of port_shift_exchange; returns the inputs, the bit shifted first lowest. */
  exchange(bits: number, value: number): number;
}

/** What the Wi-Fi or Ethernet around the chip does. */
export interface Network {
  /** False: no access point answers, and a connection that was up is lost. */
  available: boolean;
  /** Virtual time from connect to an address. */
  joinMs: number;
  ip: string;
  rssi: number;
  channel: number;
}

export type BoardEvent =
  | { kind: "pin"; pin: number; level: number }
  /** `toChip`: from a model, else from the chip. */
  | { kind: "uart"; uart: number; bytes: Uint8Array; toChip?: boolean }
  | { kind: "net"; state: "off" | "on" | "connecting" | "up" | "lost" }
  | { kind: "log"; line: string }
  | { kind: "reset"; reason: ResetReason }
  /** A storage operation (enum host_cut_kind), numbered since the process started; only with --count-flash. */
  | { kind: "flash"; operation: number; count: number }
  | { kind: "cpu"; mhz: number };

export type ResetReason = "power on" | "software" | "watchdog" | "panic" | "deep sleep" | "brown-out";
/** In the order of enum port_reset. */
export const RESET_REASONS: readonly ResetReason[] = [
  "power on",
  "software",
  "watchdog",
  "panic",
  "deep sleep",
  "brown-out",
];

// enum port_gpio_mode
const PULL_UP = 1;
const OUTPUT = 3;
const OPEN_DRAIN = 4;
/** A silence that ends any burst. */
const QUIET_US = 100_000;

export class Board {
  readonly clock: SimClock;
  readonly network: Network = { available: true, joinMs: 1500, ip: "127.0.0.1", rssi: -55, channel: 6 };
  /** Levels that the chip drives, by pin. */
  readonly outputs = new Map<number, number>();
  /** Levels that the world drives, by pin; a pin not in here floats to its pull. */
  readonly inputs = new Map<number, number>();
  readonly uarts = new Map<number, UartModel>();
  /** By `bus * 256 + address`. */
  readonly i2c = new Map<number, I2cModel>();

  /** By pin. */
  readonly oneWire = new Map<number, OneWireBus>();
  /** By data pin; the clock pin is checked. */
  readonly hx711 = new Map<number, { clockPin: number; model: Hx711Model }>();
  /** By latch pin. */
  readonly shift = new Map<number, ShiftModel>();
  /** The edge receiver that the chip has opened; set by the machine. */
  edgeReceiver: { pin: number; idleUs: number } | undefined;

  /** By pin, as the chip has set them up. */
  readonly #pulls = new Map<number, number>();
  readonly #listeners = new Set<(event: BoardEvent) => void>();
  /** Set by the machine: takes what the world does to the chip. */
  chip: ChipSide | undefined;

  constructor(clock: SimClock) {
    this.clock = clock;
  }

  /** Observes what happens on the board, in order. Returns a function that ends it. */
  observe(listener: (event: BoardEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(event: BoardEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  attachUart(uart: number, model: UartModel): void {
    this.uarts.set(uart, model);
  }

  attachI2c(bus: number, address: number, model: I2cModel): void {
    this.i2c.set(bus * 256 + address, model);
  }

  attachOneWire(pin: number, bus: OneWireBus): void {
    this.oneWire.set(pin, bus);
  }

  attachHx711(dataPin: number, clockPin: number, model: Hx711Model): void {
    this.hx711.set(dataPin, { clockPin, model });
  }

  attachShift(latchPin: number, model: ShiftModel): void {
    this.shift.set(latchPin, model);
  }

  /** The answer of the HX711 on these pins; undefined also when there is none. */
  readHx711(dataPin: number, clockPin: number, pulses: number): number | undefined {
    const part = this.hx711.get(dataPin);
    return part?.clockPin === clockPin ? part.model.clocked(pulses) : undefined;
  }

  /** The inputs of the shift registers on this latch line; all ones when there are none. */
  exchangeShift(latchPin: number, bits: number, value: number): number {
    const mask = 2 ** bits - 1;
    const inputs = this.shift.get(latchPin)?.exchange(bits, value >>> 0) ?? mask;
    return (inputs & mask) >>> 0;
  }

  /** The world gives `count` pulses of this width to a pin. */
  pulses(pin: number, count: number, widthNs = 1_000_000): void {
    this.chip?.pulses?.(pin, count, widthNs);
  }

  /** The world sends a signal to a pin from now on; the line is quiet (low) afterwards. The chip learns of it at every silence, when a receiver would. */
  transmit(pin: number, levels: readonly Level[]): void {
    const idleUs = this.edgeReceiver?.pin === pin ? this.edgeReceiver.idleUs : QUIET_US;
    let atUs = this.clock.nowUs;
    let batch: Level[] = [];
    for (const [level, us] of merged([...levels, [0, QUIET_US]])) {
      batch.push([level, us]);
      if (us >= idleUs) {
        const told = batch;
        this.clock.at(atUs + idleUs, () => this.chip?.edges?.(pin, told));
        batch = [];
      }
      atUs += us;
    }
  }

  /** A model sends bytes to the chip now. */
  uartDeliver(uart: number, bytes: Uint8Array): void {
    this.emit({ kind: "uart", uart, bytes, toChip: true });
    this.chip?.uartBytes(uart, bytes);
  }

  /** The chip sets a pin up; mode as enum port_gpio_mode. */
  setPinMode(pin: number, mode: number, level: number): void {
    this.#pulls.set(pin, mode === PULL_UP || mode === OPEN_DRAIN ? 1 : 0);
    if (mode >= OUTPUT) this.setOutput(pin, level);
    else this.outputs.delete(pin);
  }

  /** The chip drives a pin. */
  setOutput(pin: number, level: number): void {
    if (this.outputs.get(pin) === level) return;
    this.outputs.set(pin, level);
    this.emit({ kind: "pin", pin, level });
  }

  /** The level at a pin of the chip. */
  readPin(pin: number): number {
    return this.inputs.get(pin) ?? this.outputs.get(pin) ?? this.#pulls.get(pin) ?? 0;
  }

  /** The chip has restarted: its pins float, its receiver is off. */
  resetPins(): void {
    this.outputs.clear();
    this.#pulls.clear();
    this.edgeReceiver = undefined;
  }

  /** Another program begins on the same chip: what the one before drove floats, but for these pins. */
  keepOutputs(pins: readonly number[]): void {
    for (const pin of [...this.outputs.keys(), ...this.#pulls.keys()])
      if (!pins.includes(pin)) this.setPinMode(pin, 0, 0);
    this.edgeReceiver = undefined;
  }

  /** The world drives an input pin. */
  drive(pin: number, level: number): void {
    if (this.inputs.get(pin) === level) return;
    this.inputs.set(pin, level);
    this.chip?.pinLevel(pin, level);
  }

  /** Switches the access point (or the cable's other end) on or off. */
  setNetwork(available: boolean): void {
    this.network.available = available;
    this.chip?.networkChanged();
  }
}

/** The chip as the world sees it; implemented by machines. */
export interface ChipSide {
  uartBytes(uart: number, bytes: Uint8Array): void;
  pinLevel(pin: number, level: number): void;
  networkChanged(): void;
  pulses?(pin: number, count: number, widthNs: number): void;
  edges?(pin: number, levels: readonly Level[]): void;
}

/** Neighbours of the same level as one. */
function merged(levels: readonly Level[]): Level[] {
  const out: [0 | 1, number][] = [];
  for (const [level, us] of levels) {
    const last = out.at(-1);
    if (last?.[0] === level) last[1] += us;
    else out.push([level, us]);
  }
  return out;
}
