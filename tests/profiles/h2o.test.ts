// Proves each sentence of the reference on the water tank: main.ts with the framework on a chip in memory, expander, display and flow meter
// as models.

import { expect, test } from "bun:test";
import { FlowMeter } from "../../tools/sim/models/flow_meter.ts";
import { Mcp23017Model } from "../../tools/sim/models/mcp23017.ts";
import { Ssd1306Model } from "../../tools/sim/models/ssd1306.ts";
import { halfBlocks } from "../../tools/sim/picture.ts";
import { expectPicture } from "../support/pictures.ts";
import { ProfileDevice, profileProgram } from "../support/profile_device.ts";

const MINUTE_MS = 60_000;
const TOKENS = "unit L\ncapacity 1000\nlevelsensors 20,40,60,80,100\nflowpulserate 7.5\nmaxflow 30\n";
const program = profileProgram("h2o");

function tank(wet = 0b11) {
  const mcp = new Mcp23017Model();
  mcp.low = wet;
  const oled = new Ssd1306Model();
  let meter: FlowMeter | undefined;
  const device = new ProfileDevice(program, TOKENS, ({ board }) => {
    board.attachI2c(0, 0x20, mcp);
    board.attachI2c(0, 0x3c, oled);
    meter = new FlowMeter(board, 14, 7.5);
  });
  return { device, mcp, oled, meter: meter as FlowMeter };
}

test("what is told of a tank at rest", () => {
  const { device } = tank();
  device.start(MINUTE_MS);
  const told = (topic: string) => device.take(topic);
  expect(told("CoarseLevelPct")).toEqual(["40"]);
  expect(told("CoarseLevelVol")).toEqual(["400"]);
  expect(told("EstimatedLevelVol")).toEqual(["400"]);
  expect(told("EstimatedLevelStr")).toEqual(["40% + 0L"]);
  expect(told("LevelSensorMap")).toEqual(["1,1,0,0,0"]);
  expect(told("Malfunctions")).toEqual(["0"]);
  expect(told("Flow")).toEqual(["0.0"]);
  expect(told("PumpedAfterLevelChange")).toEqual(["0.0"]);
  device.run(30 * MINUTE_MS);
  expect(told("VolUnit")).toEqual(["L"]);
  expect(told("CoarseLevelPct").length).toBe(3);
  expect(told("Flow")).toEqual(["0.0"]);
  expect(told("Pumped")).toEqual(["0.0", "0.0"]);
});

test("a change of level counts after 4 equal readings", () => {
  const { device, mcp } = tank();
  device.start();
  device.take("CoarseLevelPct");
  mcp.low = 0b111;
  device.run(2900);
  mcp.low = 0b11;
  device.run(5000);
  expect(device.take("CoarseLevelPct")).toEqual([]);
  mcp.low = 0b111;
  device.run(6000);
  expect(device.take("CoarseLevelPct")).toEqual(["60"]);
});

test("sensors are the lowest of 16 inputs, port A above port B", () => {
  const { device, mcp } = tank(0xff1f);
  device.start();
  expect(device.take("LevelSensorMap")).toEqual(["1,1,1,1,1"]);
  mcp.low = 0xff00;
  device.run(6000);
  expect(device.take("LevelSensorMap")).toEqual(["0,0,0,0,0"]);
});

test("flow and volume while water flows, repeated; the estimate grows until the level changes", () => {
  const { device, mcp, meter } = tank();
  device.start(MINUTE_MS);
  for (const topic of ["Flow", "Pumped", "EstimatedLevelStr", "EstimatedLevelVol"]) device.take(topic);
  meter.perMinute = 12;
  device.run(5 * MINUTE_MS);
  const flows = device.take("Flow").slice(1);
  expect(flows.length).toBeGreaterThan(25);
  expect(new Set(flows)).toEqual(new Set(["12.0"]));
  const pumped = device.take("Pumped").map(Number);
  expect(pumped.slice(1)).toEqual([12, 12, 12, 12]);
  expect(device.take("EstimatedLevelStr").at(-1)).toMatch(/^40% \+ (58|59|60)L$/);
  expect(Number(device.take("EstimatedLevelVol").at(-1))).toBeGreaterThan(457);
  mcp.low = 0b111;
  meter.perMinute = 0;
  device.run(30_000);
  expect(device.take("EstimatedLevelStr").at(-1)).toMatch(/^60% \+ [01]L$/);
  device.take("PumpedAfterLevelChange");
  device.take("Flow");
  device.run(MINUTE_MS);
  expect(device.take("Flow")).toEqual([]);
});

test("a flow over maxflow is ignored", () => {
  const { device, meter } = tank();
  device.start(MINUTE_MS);
  device.take("Flow");
  meter.perMinute = 31;
  device.run(MINUTE_MS);
  // The reading of the second in which it began had only a part of it.
  expect(
    device
      .take("Flow")
      .map(Number)
      .every((rate) => rate < 31 / 6),
  ).toBe(true);
  device.run(MINUTE_MS);
  device.take("Flow");
  device.take("Pumped");
  device.run(5 * MINUTE_MS);
  expect(device.take("Flow")).toEqual([]);
  expect(device.take("Pumped")).toEqual([]);
});

test("a wet sensor above a dry one is 1, and the level is the highest wet one's", () => {
  const { device } = tank(0b101);
  device.start(MINUTE_MS);
  expect(device.take("Malfunctions")).toEqual(["1"]);
  expect(device.take("CoarseLevelPct")).toEqual(["60"]);
  expect(device.take("LevelSensorMap")).toEqual(["1,0,1,0,0"]);
});

test.each(["nack", "stuck"] as const)(
  "an expander that does not start (%s) is 2 and reads 100, tried again after 10 min",
  (fault) => {
    const { device, mcp } = tank();
    mcp.fault = fault;
    device.start(MINUTE_MS);
    expect(device.take("Malfunctions")).toEqual(["2"]);
    expect(device.take("CoarseLevelPct")).toEqual(["100"]);
    expect(device.take("LevelSensorMap")).toEqual([]);
    mcp.fault = "none";
    device.run(8 * MINUTE_MS);
    expect(device.take("Malfunctions")).toEqual([]);
    device.run(2 * MINUTE_MS);
    expect(device.take("Malfunctions")).toEqual(["0"]);
    expect(device.take("CoarseLevelPct").at(-1)).toBe("40");
  },
);

test("a reading that fails is 4 and reads 100; the part is set up again when it is back", () => {
  const { device, mcp } = tank();
  device.start(MINUTE_MS);
  device.take("CoarseLevelPct");
  device.take("Malfunctions");
  mcp.fault = "nack";
  device.run(15_000);
  expect(device.take("CoarseLevelPct")).toEqual(["100"]);
  expect(device.take("Malfunctions")).toEqual(["4"]);
  mcp.powerOn();
  mcp.fault = "none";
  device.run(15_000);
  expect(device.take("CoarseLevelPct")).toEqual(["40"]);
  expect(device.take("Malfunctions")).toEqual(["0"]);
});

test("a chip without a pulse counter tells the level only", () => {
  const { device, oled } = tank();
  device.chip.options.onBoot = (native) => {
    native.pulseOpen = () => {
      throw new Error("no counter");
    };
  };
  device.start(MINUTE_MS);
  expect(device.take("CoarseLevelPct")).toEqual(["40"]);
  expect(device.take("Flow")).toEqual([]);
  expectPicture("h2o_no_meter", oled.picture);
});

test("the display of a tank at rest, of a faulty one, and while water flows", () => {
  const rest = tank();
  rest.device.start(MINUTE_MS);
  expectPicture("h2o", rest.oled.picture);
  const faulty = tank(0b101);
  faulty.device.start(MINUTE_MS);
  expectPicture("h2o_error", faulty.oled.picture);
  rest.meter.perMinute = 12;
  rest.device.run(20_000);
  const bars = new Set<string>();
  for (let second = 0; second < 4; second++) {
    rest.device.run(1000);
    bars.add(
      halfBlocks(rest.oled.picture)
        .map((line) => line.slice(0, 12))
        .join(),
    );
  }
  expect(bars.size).toBe(2);
  expectPicture("h2o_flow", rest.oled.picture);
});
