import { expect, test } from "bun:test";
import { Board } from "../../tools/sim/board.ts";
import { SimClock } from "../../tools/sim/clock.ts";
import { modbusCrc, PzemModel, withCrc } from "../../tools/sim/models/pzem.ts";

function bench() {
  const board = new Board(new SimClock());
  const meter = new PzemModel(board, 2);
  meter.opened(9600);
  const answers: { t: number; hex: string }[] = [];
  board.chip = {
    uartBytes: (_uart, bytes) => answers.push({ t: board.clock.nowUs, hex: Buffer.from(bytes).toString("hex") }),
    pinLevel: () => {},
    networkChanged: () => {},
  };
  const ask = (hex: string) => {
    meter.received(Buffer.from(hex, "hex"));
    board.clock.advanceTo(board.clock.nowUs + 500_000);
    return answers.at(-1)?.hex;
  };
  return { board, meter, ask, answers };
}

const READ_ALL = "f8040000000a6464";

test("the check sum is Modbus's", () => {
  expect(modbusCrc(Buffer.from("123456789"))).toBe(0x4b37);
  expect(Buffer.from(withCrc([0xf8, 4, 0, 0, 0, 10])).toString("hex")).toBe(READ_ALL);
});

test("all ten input registers come scaled, low words first", () => {
  const { meter, ask } = bench();
  Object.assign(meter, { volts: 231.5, amps: 100.123, watts: 23178.4, energyWh: 70000, hertz: 49.9 });
  // 2315; 100123 = 0x1871B; 231784 = 0x38968; 70000 = 0x11170; 499; pf 1.00; alarm as 23178 > 23000
  expect(ask(READ_ALL)?.slice(0, -4)).toBe("f80414090b871b0001896800031170000101f30064ffff");
});

test("the answer comes after request, pause and answer have gone over the wire", () => {
  const { ask, answers } = bench();
  ask(READ_ALL);
  const character = (10 / 9600) * 1e6;
  expect(answers[0]?.t).toBeCloseTo((8 + 3.5 + 25) * character + 30_000, -2);
});

test("a request in two pieces is one request, a broken one is never answered", () => {
  const { board, meter, answers } = bench();
  meter.received(Buffer.from(READ_ALL.slice(0, 6), "hex"));
  board.clock.advanceTo(2000);
  meter.received(Buffer.from(READ_ALL.slice(6), "hex"));
  board.clock.advanceTo(500_000);
  expect(answers.length).toBe(1);
  meter.received(Buffer.from("f8040000000a6465", "hex"));
  board.clock.advanceTo(1_000_000);
  expect(answers.length).toBe(1);
});

test("another address is not answered, the own one is", () => {
  const { ask } = bench();
  expect(ask(Buffer.from(withCrc([2, 4, 0, 0, 0, 1])).toString("hex"))).toBeUndefined();
  expect(ask(Buffer.from(withCrc([1, 4, 0, 0, 0, 1])).toString("hex"))?.slice(0, 6)).toBe("010402");
});

test("the address can be changed and the energy reset", () => {
  const { meter, ask } = bench();
  meter.energyWh = 5;
  const change = Buffer.from(withCrc([0xf8, 6, 0, 2, 0, 7])).toString("hex");
  expect(ask(change)).toBe(change);
  expect(meter.address).toBe(7);
  const reset = Buffer.from(withCrc([7, 0x42])).toString("hex");
  expect(ask(reset)).toBe(reset);
  expect(meter.energyWh).toBe(0);
});

test("unknown functions and registers are answered with exceptions", () => {
  const { ask } = bench();
  expect(ask(Buffer.from(withCrc([0xf8, 5, 0, 0, 0, 1])).toString("hex"))?.slice(0, 6)).toBe("f88501");
  expect(ask(Buffer.from(withCrc([0xf8, 4, 0, 9, 0, 2])).toString("hex"))?.slice(0, 6)).toBe("f88402");
});

test("each fault spoils the answer in its way", () => {
  const { meter, ask, answers } = bench();
  const good = ask(READ_ALL) as string;
  meter.fault = "crc";
  expect(ask(READ_ALL)).toBe(
    good.slice(0, -2) + (Number.parseInt(good.slice(-2), 16) ^ 0xff).toString(16).padStart(2, "0"),
  );
  meter.fault = "length";
  expect(ask(READ_ALL)?.length).toBe(good.length - 2);
  meter.fault = "exception";
  expect(ask(READ_ALL)?.slice(0, 6)).toBe("f88404");
  meter.fault = "noise";
  expect(ask(READ_ALL)).toBe(`5500ff${good}`);
  meter.fault = "half";
  expect(ask(READ_ALL)).toBe(good.slice(0, 24));
  const before = answers.length;
  meter.fault = "silence";
  ask(READ_ALL);
  expect(answers.length).toBe(before);
});
