// What a host firmware's messages do to the Board and what its parts answer. Clock, power, network and radio are host_machine.ts's.

import type { Board } from "./board.ts";
import type { FromBoard, FromDevice } from "./board_protocol.ts";

const EIO = -3;
const ETIMEOUT = -6;
const ENACK = -12;
const NONE = new Uint8Array(0);
/** A search step on a bus without devices. */
const NOBODY = 3;

/** Carries out a message that is the board's; the answer, if it asks for one. */
export function takeBoardMessage(board: Board, message: FromDevice): FromBoard | undefined {
  switch (message.kind) {
    case "pin mode":
      board.setPinMode(message.pin, message.mode, message.level);
      return undefined;
    case "pin level":
      board.setOutput(message.pin, message.level);
      return undefined;
    case "pin read":
      return { kind: "pin answer", level: board.readPin(message.pin) };
    case "uart open":
      board.uarts.get(message.uart)?.opened?.(message.baud);
      return undefined;
    case "uart bytes":
      board.emit({ kind: "uart", uart: message.uart, bytes: message.bytes });
      board.uarts.get(message.uart)?.received(message.bytes);
      return undefined;
    case "i2c transfer": {
      const model = board.i2c.get(message.bus * 256 + message.address);
      const answer = model?.transfer(message.written, message.readLength) ?? "nack";
      const error = answer === "nack" ? ENACK : answer === "stuck" ? ETIMEOUT : 0;
      return { kind: "i2c answer", error, bytes: typeof answer === "string" ? NONE : answer };
    }
    case "log":
      board.emit({ kind: "log", line: message.line });
      return undefined;
    case "cpu":
      board.emit({ kind: "cpu", mhz: message.mhz });
      return undefined;
    case "flash":
      board.emit(message);
      return undefined;
    case "bad":
      board.emit({ kind: "log", line: `! board message ${message.type} of ${message.length} bytes makes no sense` });
      return undefined;
    case "onewire reset": {
      const result = board.oneWire.get(message.pin)?.reset() ?? false;
      if (result === "stuck") return { kind: "onewire answer", error: EIO, bytes: NONE };
      return oneWire(Uint8Array.of(result ? 1 : 0));
    }
    case "onewire write":
      board.oneWire.get(message.pin)?.write(message.bytes);
      return oneWire(NONE);
    case "onewire read":
      return oneWire(board.oneWire.get(message.pin)?.read(message.length) ?? new Uint8Array(message.length).fill(0xff));
    case "onewire triplet":
      return oneWire(Uint8Array.of(board.oneWire.get(message.pin)?.triplet(message.direction) ?? NOBODY));
    case "hx711":
      return { kind: "hx711 answer", bits: board.readHx711(message.dataPin, message.clockPin, message.pulses) };
    case "shift":
      return { kind: "shift answer", inputs: board.exchangeShift(message.latchPin, message.bits, message.value) };
    case "edges open":
      board.edgeReceiver = { pin: message.pin, idleUs: message.idleUs };
      return undefined;
    case "edges close":
      board.edgeReceiver = undefined;
      return undefined;
    default: // hello, restart, UART close, I2C open, pulse counter: nothing to do
      return undefined;
  }
}

function oneWire(bytes: Uint8Array): FromBoard {
  return { kind: "onewire answer", error: 0, bytes };
}
