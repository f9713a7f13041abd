// Proves each sentence of the reference on the thermometers: main.ts with the framework on a chip in memory, models on its 1-Wire bus.

import { expect, test } from "bun:test";
import { Ds18x20Model, type ThermometerFault } from "../../tools/sim/models/ds18x20.ts";
import { OneWireBus } from "../../tools/sim/one_wire_bus.ts";
import { ProfileDevice, profileProgram } from "../support/profile_device.ts";

const MINUTE_MS = 60_000;
const program = profileProgram("termo");

interface House {
  device: ProfileDevice;
  bus: OneWireBus;
  thermometers: Ds18x20Model[];
}
function house(count: number): House {
  const bus = new OneWireBus();
  const thermometers: Ds18x20Model[] = [];
  const device = new ProfileDevice(program, "", ({ board }) => {
    board.attachOneWire(14, bus);
    for (let serial = 1; serial <= count; serial++) {
      const model = new Ds18x20Model(board.clock, serial);
      bus.attach(model);
      thermometers.push(model);
    }
  });
  return { device, bus, thermometers };
}
const topic = (model: Ds18x20Model) => `Temperature/${Buffer.from(model.rom).toString("hex")}`;
const faulty = ({ thermometers }: House, fault: ThermometerFault) => {
  for (const each of thermometers) each.fault = fault;
};

test("each thermometer has a topic with its ROM in hex, one decimal", () => {
  const { device, thermometers } = house(3);
  thermometers.forEach((each, index) => {
    each.celsius = 20.25 + index;
  });
  device.start(MINUTE_MS);
  expect(topic(thermometers[0] as Ds18x20Model)).toBe(
    "Temperature/28010000000000ef".replace(
      "ef",
      Buffer.from((thermometers[0] as Ds18x20Model).rom.subarray(7)).toString("hex"),
    ),
  );
  const temperatures = thermometers.map((each) => device.take(topic(each)).at(-1));
  expect(temperatures.map((text) => /^\d+\.\d$/.test(text ?? ""))).toEqual([true, true, true]);
  temperatures.forEach((text, index) => {
    expect(Math.abs(Number(text) - 20.25 - index)).toBeLessThanOrEqual(0.06);
  });
  device.run(2 * MINUTE_MS);
  expect(device.take("Malfunction")).toEqual(["0"]);
});

test("it reads about every 5 s", () => {
  const { device, thermometers } = house(1);
  device.start();
  const before = thermometers[0]?.conversions ?? 0;
  device.run(5 * MINUTE_MS);
  expect(Math.abs((thermometers[0]?.conversions ?? 0) - before - 60)).toBeLessThanOrEqual(1);
});

test("a steady temperature is forced out every 5 min, a step is filtered and told", () => {
  const { device, thermometers } = house(1);
  const model = thermometers[0] as Ds18x20Model;
  device.start(10 * MINUTE_MS);
  device.take(topic(model));
  device.run(15 * MINUTE_MS);
  expect(device.take(topic(model))).toEqual(["21.0", "21.0", "21.0"]);
  model.celsius = 24;
  device.run(5000);
  const first = Number(device.take(topic(model))[0] ?? 21);
  expect(first).toBeLessThan(23);
  device.run(10 * MINUTE_MS);
  const told = device.take(topic(model)).map(Number);
  expect(told.length).toBeGreaterThan(3);
  expect(told).toEqual(told.toSorted((a, b) => a - b));
  expect(told.at(-1)).toBeCloseTo(24, 0);
});

test("a change below the estimate's sigma is not told", () => {
  const { device, thermometers } = house(1);
  const model = thermometers[0] as Ds18x20Model;
  device.start(11 * MINUTE_MS);
  device.take(topic(model));
  model.celsius = 21.0625;
  device.run(4 * MINUTE_MS);
  expect(device.take(topic(model)).length).toBeLessThanOrEqual(1); // the forced one
});

test("nothing found is 1; the bus is searched every 30 s until there are some", () => {
  const { device, bus } = house(0);
  device.start(3 * MINUTE_MS);
  expect(device.take("Malfunction")).toEqual(["1"]);
  const model = new Ds18x20Model(device.board.clock, 9);
  bus.attach(model);
  device.run(45_000);
  expect(device.take(topic(model)).length).toBeGreaterThan(0);
  device.run(MINUTE_MS);
  expect(device.take("Malfunction")).toEqual(["0"]);
});

test("a conversion that nobody answers is 2", () => {
  const made = house(2);
  made.device.start(3 * MINUTE_MS).take("Malfunction");
  faulty(made, "absent");
  made.device.run(2 * MINUTE_MS);
  expect(made.device.take("Malfunction")).toEqual(["2"]);
});

test("5 for each CRC error and 3 for each that does not answer, when none could be read", () => {
  const made = house(3);
  const { device, thermometers } = made;
  device.start(3 * MINUTE_MS).take("Malfunction");
  faulty(made, "crc");
  device.run(2 * MINUTE_MS);
  expect(device.take("Malfunction")).toEqual(["125"]);
  (thermometers[0] as Ds18x20Model).fault = "absent";
  device.run(2 * MINUTE_MS);
  expect(device.take("Malfunction")).toEqual(["75"]);
  (thermometers[1] as Ds18x20Model).fault = "none";
  device.run(2 * MINUTE_MS);
  expect(device.take("Malfunction")).toEqual(["0"]);
});

test("15 min of failure restart the device", () => {
  const made = house(1);
  const { device } = made;
  device.start(3 * MINUTE_MS);
  faulty(made, "absent");
  device.run(14 * MINUTE_MS);
  expect(device.chip.resets).toEqual([]);
  device.run(2 * MINUTE_MS);
  expect(device.chip.resets.length).toBe(1);
  expect(device.chip.nvs.get("hearth/reboot")).toContain("15 min");
});
