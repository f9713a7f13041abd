// What a Board's parts answer to the messages of a host firmware: 1-Wire buses, HX711, shift registers, the edge receiver's place.

import type { Board } from "./board.ts";
import type { FromBoard, FromDevice } from "./board_protocol.ts";

const EIO = -3;
const NONE = new Uint8Array(0);
/** A search step on a bus without devices. */
const NOBODY = 3;

/** The answer to a message about a part; undefined when there is none to give. */
export function answerParts(board: Board, message: FromDevice): FromBoard | undefined {
  switch (message.kind) {
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
    default:
      return undefined;
  }
}

function oneWire(bytes: Uint8Array): FromBoard {
  return { kind: "onewire answer", error: 0, bytes };
}
