// The water tank's wiring: level sensors behind an MCP23017, flow meter, display, topics. What it does is h2o.ts.

import { Appliance } from "../../device/appliance.ts";
import { ConfigError } from "../../device/config.ts";
import { Mcp23017 } from "../../device/drivers/mcp23017.ts";
import { Ssd1306 } from "../../device/drivers/ssd1306.ts";
import { announce, PROBLEM } from "../../device/homeassistant.ts";
import type { Value } from "../../device/publisher.ts";
import { type H2oConfig, TOKENS } from "./config.ts";
import { Flow, glitchNs } from "./flow.ts";
import { H2o } from "./h2o.ts";
import { Level, parseSensors } from "./level.ts";
import { drawTank, levelText } from "./screen.ts";

const BUS = 0;
const SDA_PIN = 21;
const SCL_PIN = 22;
const BUS_HZ = 400_000;
const EXPANDER = 0x20;
const FLOW_PIN = 14;
const SECOND = 1000;
const MINUTE = 60_000;

const appliance = new Appliance<H2oConfig>("h2o", TOKENS);

appliance.run(() => {
  const { config, loop } = appliance;
  const unit = config.text("unit");
  const capacity = config.number("capacity");
  const sensors = parseSensors(config.text("levelsensors"));
  if (sensors === undefined) throw new ConfigError("levelsensors is not a list of ascending percentages");
  const pulseRate = config.number("flowpulserate");
  const maxFlow = config.number("maxflow");
  if (!(pulseRate > 0 && maxFlow > 0)) throw new ConfigError("flowpulserate and maxflow must be above 0");

  let flow: Flow | undefined;
  try {
    native.pulseOpen(FLOW_PIN, glitchNs(pulseRate, maxFlow));
    flow = new Flow(pulseRate, maxFlow, loop.now(), native.pulseRead());
  } catch (error) {
    // A chip without a counter still tells the level.
    appliance.log.line(`flow meter: ${error}`);
  }
  native.i2cOpen(BUS, SDA_PIN, SCL_PIN, BUS_HZ);
  const h2o = new H2o(loop, new Mcp23017(BUS, EXPANDER), new Level(sensors), flow, capacity);

  const fixed = (value: number | undefined, digits: number) =>
    value === undefined ? undefined : native.formatFixed(value, digits);
  const volume = () => (h2o.percent === undefined ? undefined : (h2o.percent * capacity) / 100);
  appliance.value("VolUnit", 1000 * MINUTE, 30 * MINUTE, () => unit);
  appliance.value("CoarseLevelPct", SECOND, 10 * MINUTE, () => fixed(h2o.percent, 0));
  appliance.value("CoarseLevelVol", SECOND, 10 * MINUTE, () => fixed(volume(), 0));
  appliance.value("EstimatedLevelVol", 10 * SECOND, 10 * MINUTE, () => {
    const coarse = volume();
    return coarse === undefined ? undefined : native.formatFixed(coarse + h2o.pumped, 0);
  });
  appliance.value("EstimatedLevelStr", 10 * SECOND, 10 * MINUTE, () => levelText(h2o, unit) || undefined);
  /** Repeated at each look while it is not 0.0. */
  const repeated = (name: string, evalMs: number, read: () => number) => {
    const value: Value = appliance.value(name, evalMs, 30 * MINUTE, () => {
      const text = native.formatFixed(read(), 1);
      if (text !== "0.0") value.last = undefined;
      return text;
    });
  };
  if (flow !== undefined) {
    const meter = flow;
    let lookedAt = 0;
    repeated("Flow", 10 * SECOND, () => meter.rate);
    repeated("Pumped", MINUTE, () => {
      const since = meter.total - lookedAt;
      lookedAt = meter.total;
      return since;
    });
    appliance.value("PumpedAfterLevelChange", 10 * SECOND, 30 * MINUTE, () => fixed(h2o.pumped, 1));
  }
  appliance.value("Malfunctions", 10 * SECOND, 30 * MINUTE, () => String(h2o.malfunctions));
  appliance.value("LevelSensorMap", SECOND, 30 * MINUTE, () =>
    h2o.level.wet === undefined ? undefined : h2o.level.map,
  );

  announce(appliance as unknown as Appliance, () => components(unit, flow !== undefined));

  const display = new Ssd1306(loop, BUS);
  loop.task(() => drawTank(display, h2o, unit, appliance as unknown as Appliance), false, "screen").every(SECOND);
});

/** The tank as Home Assistant sees it. A class of its comes with units that it knows there; others make it refuse the component. */
function components(unit: string, hasFlow: boolean): string {
  const isKnown = unit === "L" || unit === "gal";
  const quoted = `"unit_of_meas":${JSON.stringify(unit)}`;
  const stored = `${quoted},"stat_cla":"measurement"${isKnown ? ',"dev_cla":"volume_storage"' : ""}`;
  let lines = `CoarseLevelPct sensor "name":"Level","unit_of_meas":"%","stat_cla":"measurement"
CoarseLevelVol sensor "name":"Volume at the level",${stored}
EstimatedLevelVol sensor "name":"Volume",${stored}
EstimatedLevelStr sensor "name":"Level and pumped"
LevelSensorMap sensor "name":"Level sensors","ent_cat":"diagnostic"
${PROBLEM.split("Malfunction").join("Malfunctions")}`;
  if (hasFlow) {
    lines += `
Flow sensor "unit_of_meas":${JSON.stringify(`${unit}/min`)},"stat_cla":"measurement"${isKnown ? ',"dev_cla":"volume_flow_rate"' : ""}
Pumped sensor "name":"Pumped in a minute",${quoted},"stat_cla":"measurement"
PumpedAfterLevelChange sensor "name":"Pumped at this level",${quoted},"stat_cla":"total_increasing"${isKnown ? ',"dev_cla":"water"' : ""}`;
  }
  return lines;
}
