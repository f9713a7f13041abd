// Parts with timing of their own on an in-memory chip: 1-Wire, HX711, shift registers, pulse counter, edge receiver, pin edges.

import { EdgeCutter } from "./edge_cutter.ts";
import type { Boot, MemoryChip } from "./memory_native.ts";
import { setPinMode } from "./memory_pins.ts";
import { checkPin, EBUSY, EINVAL, EIO, ENOENT, nativeError } from "./native_error.ts";
import type { Bit } from "./one_wire_bus.ts";

const ONEWIRE_MAX = 64;
const PULSE_FILTER_MAX_NS = 12787;
const EDGES_IDLE_MAX_US = 32767;
const EVENT_EDGES = 7;
/** A search step on a bus without devices. */
const NOBODY = 3;

type BusApi = Pick<
  Native,
  "onewireReset" | "onewireWrite" | "onewireRead" | "onewireTriplet" | "hx711Read" | "shiftExchange"
>;
type SignalApi = Pick<Native, "pulseOpen" | "pulseRead" | "pulseClose" | "edgesOpen" | "edgesClose" | "pinWatch">;

export function partApi(chip: MemoryChip, boot: Boot): BusApi & SignalApi {
  return { ...busApi(chip, boot), ...signalApi(chip, boot) };
}

function busApi(chip: MemoryChip, boot: Boot): BusApi {
  const board = chip.board;
  const oneWire = (pin: number, length = 0) => {
    checkPin(pin);
    if (!(length >= 0 && length <= ONEWIRE_MAX)) throw nativeError(EINVAL, `${length} bytes at once on a 1-Wire bus`);
    return board.oneWire.get(pin);
  };
  /** A part sets its pin up: an input, or an output that is low. */
  const takePin = (pin: number, mode: number) => {
    if (mode === 0 ? boot.inputs.has(pin) : board.outputs.get(pin) === 0) return;
    setPinMode(board, boot, pin, mode, 0);
  };
  return {
    onewireReset: (pin) => {
      const result = oneWire(pin)?.reset() ?? false;
      if (result === "stuck") throw nativeError(EIO, "the 1-Wire bus is held low");
      return result;
    },
    onewireWrite: (pin, bytes) => {
      oneWire(pin, bytes.length)?.write(bytes);
    },
    onewireRead: (pin, length) => oneWire(pin, length)?.read(length) ?? new Uint8Array(length).fill(0xff),
    onewireTriplet: (pin, direction) => oneWire(pin)?.triplet(direction as Bit) ?? NOBODY,
    hx711Read: (dataPin, clockPin, pulses) => {
      checkPin(dataPin);
      checkPin(clockPin);
      if (!(pulses >= 25 && pulses <= 27)) throw nativeError(EINVAL, `an HX711 takes 25 to 27 pulses, not ${pulses}`);
      takePin(dataPin, 0);
      takePin(clockPin, 3);
      const bits = board.readHx711(dataPin, clockPin, pulses);
      return bits === undefined ? undefined : (bits << 8) >> 8;
    },
    shiftExchange: (latchPin, clockPin, inPin, outPin, bits, value) => {
      for (const pin of [latchPin, clockPin, inPin, outPin]) checkPin(pin);
      if (!(bits >= 1 && bits <= 32)) throw nativeError(EINVAL, `cannot shift ${bits} bits`);
      return board.exchangeShift(latchPin, bits, value & (2 ** bits - 1));
    },
  };
}

function signalApi(chip: MemoryChip, boot: Boot): SignalApi {
  return {
    pulseOpen: (pin, filterNs) => {
      checkPin(pin);
      if (!(filterNs >= 0 && filterNs <= PULSE_FILTER_MAX_NS)) throw nativeError(EINVAL, `no filter of ${filterNs} ns`);
      if (boot.pulses !== undefined) throw nativeError(EBUSY, "the pulse counter is open");
      boot.pulses = { pin, filterNs, count: 0 };
    },
    pulseRead: () => {
      if (boot.pulses === undefined) throw nativeError(ENOENT, "the pulse counter is not open");
      return boot.pulses.count >>> 0;
    },
    pulseClose: () => {
      boot.pulses = undefined;
    },
    edgesOpen: (pin, filterUs, idleUs, _hardware) => {
      checkPin(pin);
      if (!(filterUs >= 0 && filterUs < idleUs && idleUs <= EDGES_IDLE_MAX_US))
        throw nativeError(EINVAL, `no filter of ${filterUs} us with a silence of ${idleUs} us`);
      if (boot.edges !== undefined) throw nativeError(EBUSY, "the edge receiver is open");
      boot.edges = new EdgeCutter(pin, filterUs, idleUs, (data) => chip.post(EVENT_EDGES, pin, 0, data));
      chip.board.edgeReceiver = { pin, idleUs };
    },
    edgesClose: () => {
      boot.edges = undefined;
      chip.board.edgeReceiver = undefined;
    },
    pinWatch: (pin, on) => {
      if (!boot.inputs.has(pin)) throw nativeError(EINVAL, `pin ${pin} is no input`);
      if (on) boot.watched.add(pin);
      else boot.watched.delete(pin);
    },
  };
}
