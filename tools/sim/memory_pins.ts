// The pins, UARTs and I2C buses of an in-memory chip: the chip's side of the Board.

import type { Board } from "./board.ts";
import { type Boot, type MemoryChip, UART_BUFFER } from "./memory_native.ts";
import { checkPin, EINVAL, EIO, ENOENT, ETIMEOUT, nativeError } from "./native_error.ts";

/** Sets a pin up; mode as enum port_gpio_mode. */
export function setPinMode(board: Board, boot: Boot, pin: number, mode: number, level: number): void {
  board.setPinMode(pin, mode, level);
  boot.watched.delete(pin);
  if (board.outputs.has(pin)) boot.inputs.delete(pin);
  else boot.inputs.add(pin);
}

/** The pins, UARTs and I2C buses of a boot. */
export function pinApi(chip: MemoryChip, boot: Boot) {
  const board = chip.board;
  const uart = (number: number) => {
    const port = boot.uarts.get(number);
    if (port === undefined) throw nativeError(ENOENT, `UART ${number} is not open`);
    return port;
  };
  const api: Pick<
    Native,
    | "pinMode"
    | "pinWrite"
    | "pinRead"
    | "uartOpen"
    | "uartWrite"
    | "uartRead"
    | "uartClose"
    | "i2cOpen"
    | "i2cTransfer"
    | "i2cClose"
  > = {
    pinMode: (pin, mode, level) => {
      checkPin(pin);
      setPinMode(board, boot, pin, mode, level);
    },
    pinWrite: (pin, level) => {
      checkPin(pin);
      if (!board.outputs.has(pin)) throw nativeError(EINVAL, `pin ${pin} is no output`);
      board.setOutput(pin, level === 0 ? 0 : 1);
    },
    pinRead: (pin) => {
      checkPin(pin);
      return board.readPin(pin);
    },
    uartOpen: (number, _txPin, _rxPin, baud) => {
      if (!(number >= 0 && number <= 2)) throw nativeError(EINVAL, `no UART ${number}`);
      boot.uarts.set(number, { baud, bytes: [] });
      board.uarts.get(number)?.opened?.(baud);
    },
    uartWrite: (number, bytes) => {
      uart(number);
      if (bytes.length > UART_BUFFER) return false;
      const copy = bytes.slice();
      board.emit({ kind: "uart", uart: number, bytes: copy });
      board.uarts.get(number)?.received(copy);
      return true;
    },
    uartRead: (number, bytes, start) => {
      const waiting = uart(number).bytes;
      if (waiting.length === 0) return 0;
      const taken = waiting.splice(0, Math.max(0, bytes.length - start));
      bytes.set(taken, start);
      return taken.length;
    },
    uartClose: (number) => {
      boot.uarts.delete(number);
    },
    i2cOpen: (bus, _sdaPin, _sclPin, _hz) => {
      if (!(bus >= 0 && bus <= 1)) throw nativeError(EINVAL, `no I2C bus ${bus}`);
      boot.i2c.add(bus);
    },
    i2cTransfer: (bus, address, bytes, readLength) => {
      if (!boot.i2c.has(bus)) throw nativeError(ENOENT, `I2C bus ${bus} is not open`);
      const answer = board.i2c.get(bus * 256 + address)?.transfer(bytes.slice(), readLength) ?? "nack";
      if (answer === "stuck") throw nativeError(ETIMEOUT, "the I2C bus is stuck");
      if (answer === "nack") return undefined;
      if (answer.length !== readLength) throw nativeError(EIO, "the model answered with a wrong length");
      return answer;
    },
    i2cClose: (bus) => {
      boot.i2c.delete(bus);
    },
  };
  return api;
}
