// Proves what each profile announces to Home Assistant: whole, in Home Assistant's format, and true of the topics that the device has.

import { expect, setDefaultTimeout, test } from "bun:test";
import { Template } from "@huggingface/jinja";
import { PIECES_MAX } from "../../device/mqtt.ts";
import { sampleTokens } from "../../tools/bench/device.ts";
import { Ds18x20Model } from "../../tools/sim/models/ds18x20.ts";
import { OneWireBus } from "../../tools/sim/one_wire_bus.ts";
import { type Surroundings, surroundingsOf } from "../../tools/sim/surroundings.ts";
import { type Component, isDeviceTopic, readDiscovery } from "../support/home_assistant.ts";
import { NAME, ProfileDevice, profileProgram } from "../support/profile_device.ts";
import { AnsweringMeter } from "../support/pzem_answers.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

/** Published, and of no use as a component. */
const LEFT_OUT = ["LWT", "Log", "OTA", "VolUnit"];
/** Published when a peripheral sends; tests/profiles/scale.test.ts and tnow.test.ts prove that it is. */
const OVER_THE_AIR = ["Weight", "Value"];

interface Case {
  /** `id platform topic class unit state-class`, `-` for none, without what every appliance has. */
  expected: string[];
  /** What makes the device publish all that it can. */
  act?: (device: ProfileDevice, around: Surroundings | undefined) => void;
}

const CASES: Record<string, Case> = {
  energy: {
    expected: [
      "V sensor V voltage V measurement",
      "Vmin sensor Vmin voltage V measurement",
      "Vmax sensor Vmax voltage V measurement",
      "A sensor A current A measurement",
      "Amax sensor Amax current A measurement",
      "W sensor W power W measurement",
      "VA sensor VA apparent_power VA measurement",
      "Vnow sensor Vnow voltage V measurement",
      "Anow sensor Anow current A measurement",
      "Wnow sensor Wnow power W measurement",
      "VAnow sensor VAnow apparent_power VA measurement",
      "Ticker button Ticker - - -",
      "Malfunction binary_sensor Malfunction problem - -",
    ],
    act: (device) => device.command("Ticker", "on"),
  },
  h2o: {
    expected: [
      "CoarseLevelPct sensor CoarseLevelPct - % measurement",
      "CoarseLevelVol sensor CoarseLevelVol volume_storage L measurement",
      "EstimatedLevelVol sensor EstimatedLevelVol volume_storage L measurement",
      "EstimatedLevelStr sensor EstimatedLevelStr - - -",
      "LevelSensorMap sensor LevelSensorMap - - -",
      "Malfunctions binary_sensor Malfunctions problem - -",
      "Flow sensor Flow volume_flow_rate L/min measurement",
      "Pumped sensor Pumped - L measurement",
      "PumpedAfterLevelChange sensor PumpedAfterLevelChange water L total_increasing",
    ],
    act: (_device, around) => around?.command("tap", "12"),
  },
  relay: {
    expected: [0, 1, 2, 3].flatMap((relay) => [
      `${relay} switch ${relay}/State - - -`,
      `${relay}_s number ${relay}/TurnOnWithTimeout duration s -`,
    ]),
  },
  rx433: {
    expected: ["Keyfob event Keyfob - - -", "Statistics sensor Statistics - - -"],
    act: (_device, around) => around?.command("fob", "4242"),
  },
  scale_manager: {
    expected: ["Weight sensor Weight weight kg measurement", "Malfunction binary_sensor Malfunction problem - -"],
  },
  switch: {
    expected: [
      "Program text Program - - -",
      "ProgramCompilation sensor ProgramCompilation - - -",
      ...[0, 1, 2, 3].map((output) => `${output} switch ${output}/State - - -`),
      ...[0, 1, 2, 3].map((manual) => `Manual${manual} event Manual${manual}/Event button - -`),
    ],
    act: (device, around) => {
      device.command("Program", "0:P:-0/+0;1:T:-1/+1;2:R:-2/+2;3:P:-3/+3");
      for (const manual of ["0", "1", "2", "3"]) {
        around?.command("press", manual);
        device.run(1000);
      }
    },
  },
  termo: {
    expected: [
      "Malfunction binary_sensor Malfunction problem - -",
      "Temperature_280210000000000c sensor Temperature/280210000000000c temperature °C measurement",
      "Temperature_2801100000000055 sensor Temperature/2801100000000055 temperature °C measurement",
    ],
  },
  tnowc: { expected: ["Value sensor Value - - -"] },
  weather: {
    expected: [
      "Temperature sensor Temperature temperature °C measurement",
      "Humidity sensor Humidity humidity % measurement",
      "Pressure sensor Pressure atmospheric_pressure hPa measurement",
      "Malfunction binary_sensor Malfunction problem - -",
    ],
  },
};
const COMMON = [
  "Uptime sensor Uptime duration min -",
  "Refresh button Refresh - - -",
  "Restart button OTA restart - -",
];

async function connected(profile: string, tokens = "", prepare: (device: ProfileDevice) => void = () => {}) {
  const all = `${[...sampleTokens(profile), "discovery homeassistant", tokens].join("\n")}\n`;
  return new ProfileDevice(await profileProgram(profile), all, prepare).start().run(30_000);
}

/** The last announcement. */
function announced(device: ProfileDevice): { topic: string; payload: string; retain: boolean } {
  const found = device.broker.seen.filter((each) => each.topic.startsWith("homeassistant/device/")).at(-1);
  if (found === undefined) throw new Error("nothing was announced");
  return { ...found, payload: new TextDecoder().decode(found.payload) };
}

function topicsOf(component: Component): { state: string | undefined; command: string | undefined } {
  return {
    state: "state_topic" in component ? component.state_topic : undefined,
    command: "command_topic" in component ? component.command_topic : undefined,
  };
}

function row(id: string, component: Component): string {
  const { state, command } = topicsOf(component);
  const of = (key: string) => (component as Record<string, unknown>)[key] ?? "-";
  const topic = (state ?? command ?? "").split("/").slice(2).join("/");
  return `${id} ${component.platform} ${topic} ${of("device_class")} ${of("unit_of_measurement")} ${of("state_class")}`;
}

for (const [profile, { expected, act }] of Object.entries(CASES)) {
  test(`${profile}: every topic is announced, and every announced one is there`, async () => {
    let around: Surroundings | undefined;
    const device = await connected(profile, "", ({ board }) => {
      if (profile === "energy") new AnsweringMeter(board, 2);
      else around = surroundingsOf(profile, board);
    });
    act?.(device, around);
    device.run(3_700_000);
    const { topic, payload, retain } = announced(device);
    expect([isDeviceTopic(topic), retain]).toEqual([true, true]);
    const { device: about, components } = readDiscovery(payload);
    expect(about).toMatchObject({ name: NAME, model: profile });
    const list = [...components].map(([id, component]) => [id, component as Component] as const);
    expect(list.map(([id, component]) => row(id, component)).sort()).toEqual([...expected, ...COMMON].sort());

    const published = new Set(
      device.broker.seen
        .filter((each) => each.client !== undefined)
        .map((each) => each.topic.split("/").slice(2).join("/")),
    );
    const states = list.flatMap(([, component]) => topicsOf(component).state ?? []);
    const commands = list.flatMap(([, component]) => topicsOf(component).command ?? []);
    const own = (sub: string) => `stat/${NAME}/${sub}`;
    const silent = states.filter((each) => !published.has(each.split("/").slice(2).join("/")));
    if (profile === "scale_manager" || profile === "tnowc")
      expect(silent.every((each) => [...OVER_THE_AIR, "Malfunction"].map(own).includes(each))).toBe(true);
    else expect(silent).toEqual([]);
    for (const each of device.broker.seen) {
      if (each.client === undefined || !each.topic.startsWith(`stat/${NAME}/`)) continue;
      if (!LEFT_OUT.map(own).includes(each.topic)) expect(states).toContain(each.topic);
    }
    const filters = device.broker.filters;
    for (const each of commands) expect(filters).toContain(each);
    for (const each of filters.filter((filter) => filter.startsWith("cmnd/"))) expect(commands).toContain(each);
  });
}

test("thermometers that are found later are announced later", async () => {
  const bus = new OneWireBus();
  const device = await connected("termo", "", ({ board }) => board.attachOneWire(14, bus));
  expect(announced(device).payload).not.toContain("Temperature_");
  bus.attach(new Ds18x20Model(device.board.clock, 1));
  device.run(60_000);
  expect(announced(device).payload).toContain("Temperature_28");
});

test("a unit that Home Assistant does not know has no class", async () => {
  const { components } = readDiscovery(announced(await connected("h2o", 'unit "bu"')).payload);
  expect(components.get("EstimatedLevelVol")).toMatchObject({ unit_of_measurement: '"bu"' });
  for (const id of ["EstimatedLevelVol", "Flow", "PumpedAfterLevelChange"])
    expect(components.get(id)).not.toHaveProperty("device_class");
});

test("the longest messages are within the client's bound", async () => {
  const name = `mqttname ${"N".repeat(32)}`;
  const lights = await connected("switch", `driver dtwonder8\n${name}`);
  const warm = await connected("termo", name, ({ board }) => {
    const bus = new OneWireBus();
    board.attachOneWire(14, bus);
    for (let serial = 1; serial <= 16; serial++) bus.attach(new Ds18x20Model(board.clock, serial));
  });
  for (const device of [lights, warm]) {
    const { payload } = announced(device);
    expect(readDiscovery(payload).components.size).toBeGreaterThan(18);
    expect(Buffer.byteLength(payload)).toBeLessThan(PIECES_MAX);
  }
});

/** A template as Home Assistant renders it, by an implementation of Jinja that is not ours. */
const render = (template: string | undefined, value: string) => new Template(template ?? "").render({ value });

test.each([
  ["0", "OFF"],
  ["1", "ON"],
  ["24", "ON"],
])("malfunction %s is %s, and its code an attribute", async (code, state) => {
  const component = readDiscovery(announced(await connected("weather")).payload).components.get("Malfunction");
  if (component?.platform !== "binary_sensor") throw new Error("no binary sensor");
  expect(render(component.value_template, code)).toBe(state);
  expect(JSON.parse(render(component.json_attributes_template, code))).toEqual({ code });
});

test("what a wall switch does is an event of a type that was announced", async () => {
  const component = readDiscovery(announced(await connected("switch")).payload).components.get("Manual0");
  if (component?.platform !== "event") throw new Error("no event");
  for (const event of ["P", "L", "T+", "T-", "R+", "R-"]) {
    expect(JSON.parse(render(component.value_template, event))).toEqual({ event_type: event });
    expect(component.event_types).toContain(event);
  }
});

test("a key fob's code is an attribute of the event", async () => {
  const component = readDiscovery(announced(await connected("rx433")).payload).components.get("Keyfob");
  if (component?.platform !== "event") throw new Error("no event");
  const event = JSON.parse(render(component.value_template, "EV1527:4242"));
  expect(event).toEqual({ event_type: "press", code: "EV1527:4242" });
  expect(component.event_types).toEqual(["press"]);
});
