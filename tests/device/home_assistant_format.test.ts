// Proves that the schema by which our discovery messages are judged is Home Assistant's: it takes what the documentation shows, in the same
// forms with values of our own, and refuses what the documentation rules out.

import { expect, test } from "bun:test";
import { isDeviceTopic, readDiscovery } from "../support/home_assistant.ts";

type Json = Record<string, unknown>;
const device = { ids: "0c0ffee1", name: "Cellar", mf: "Somebody", mdl: "M1", sw: "1.0", sn: "0c0ffee1", hw: "rev2" };
const origin = { name: "something2mqtt", sw: "2.1", url: "https://example.com/support" };
const temperature = {
  p: "sensor",
  device_class: "temperature",
  unit_of_measurement: "°C",
  value_template: "{{ value_json.t }}",
  unique_id: "0c0ffee1_t",
};
const humidity = { ...temperature, device_class: "humidity", unit_of_measurement: "%", unique_id: "0c0ffee1_h" };
const both = { dev: device, o: origin, cmps: { t: temperature, h: humidity }, state_topic: "cellar/state", qos: 2 };
const read = (message: Json) => readDiscovery(JSON.stringify(message));

test("a device with two sensors on one topic (section Device discovery payload)", () => {
  const { components } = read(both);
  expect(components.get("t")).toMatchObject({ platform: "sensor", state_topic: "cellar/state" });
  expect(components.get("h")).toMatchObject({ device_class: "humidity" });
});

test("an update that removes one component by leaving it with its platform only", () => {
  expect(read({ ...both, cmps: { t: temperature, h: { p: "sensor" } } }).components.get("h")).toBeUndefined();
});

test("an update without the removed component", () => {
  expect([...read({ ...both, cmps: { t: temperature } }).components.keys()]).toEqual(["t"]);
});

test("a trigger and a sensor under their long names (section Discovery migration example)", () => {
  const { components } = read({
    device: { identifiers: ["0c0ffee1"] },
    o: { name: "something" },
    cmps: {
      one: {
        p: "device_automation",
        automation_type: "trigger",
        payload: "short_press",
        topic: "something/button1",
        type: "button_short_press",
        subtype: "button_1",
      },
      two: { p: "sensor", state_topic: "something/sensor1", unique_id: "something_sensor1" },
    },
  });
  expect(components.size).toBe(2);
});

test.each<[string, Json]>([
  ["binary sensor without a name", { p: "binary_sensor", name: null, device_class: "motion", state_topic: "garden" }],
  ["switch", { p: "switch", name: "Pump", command_topic: "pump/set", state_topic: "pump/state" }],
  ["switch with payloads", { p: "switch", cmd_t: "a", stat_t: "b", pl_on: "1", pl_off: "0", stat_on: "1", ret: true }],
  ["text", { p: "text", mode: "text", command_topic: "txt/cmd", state_topic: "txt/state", min: 2, max: 20 }],
  ["button", { p: "button", command_topic: "plug/commands", payload_press: "reboot", entity_category: "config" }],
  ["number", { p: "number", command_topic: "device/threshold" }],
  ["event", { p: "event", stat_t: "bell", event_types: ["press", "hold"], device_class: "doorbell", qos: 0 }],
  ["availability as a list", { p: "switch", cmd_t: "a", availability: [{ topic: "b", payload_available: "on" }] }],
])("%s (its own page's example, as a component)", (_what, component) => {
  const { components } = read({ ...both, state_topic: undefined, cmps: { one: { ...component, uniq_id: "one" } } });
  expect(components.get("one")).toMatchObject({ platform: component["p"] as string });
});

test("availability of the message counts for its components", () => {
  const { components } = read({ ...both, avty_t: "cellar/online", pl_avail: "yes" });
  expect(components.get("t")).toMatchObject({ availability_topic: "cellar/online", payload_available: "yes" });
});

const one = (changes: Json): Json => ({ ...both, cmps: { t: { ...temperature, ...changes } } });
test.each<[string, Json]>([
  ["no origin", { ...both, o: undefined }],
  ["an origin without a name", { ...both, o: { sw: "1" } }],
  ["no device", { ...both, dev: undefined }],
  ["a device that nothing identifies", { ...both, dev: { name: "Cellar" } }],
  ["no components", { ...both, cmps: undefined }],
  ["a component without a platform", one({ p: undefined })],
  ["a platform that is none", one({ p: "thermometer" })],
  ["an entity without unique_id", one({ unique_id: undefined })],
  ["the same unique_id twice", { ...both, cmps: { t: temperature, h: { ...humidity, unique_id: "0c0ffee1_t" } } }],
  ["a sensor without any state topic", { ...both, state_topic: undefined }],
  ["a switch without a command topic", one({ p: "switch", device_class: undefined, unit_of_measurement: undefined })],
  ["a wildcard in a topic", { ...both, state_topic: "cellar/+" }],
  ["a base topic in a component of a device", one({ stat_t: "~/t" })],
  ["a unit of another class", one({ unit_of_measurement: "%" })],
  ["a class that is none", one({ device_class: "warmth" })],
  ["a state class of another class", one({ state_class: "total" })],
  ["a sensor that configures", one({ ent_cat: "config" })],
  ["availability in both forms", { ...both, avty_t: "a", avty: [{ t: "b" }] }],
  ["an option that there is not", one({ stat_topic: "a" })],
  ["an event without types", { ...both, cmps: { t: { p: "event", uniq_id: "t", stat_t: "a" } } }],
])("%s is refused", (_what, message) => {
  expect(() => read(message)).toThrow();
});

test.each([
  ["homeassistant/device/0c0ffee1/config", true],
  ["homeassistant/device/node/0c0ffee1/config", true],
  ["homeassistant/device/a.b/config", false],
  ["homeassistant/device/config", false],
  ["homeassistant/sensor/0c0ffee1/config", false],
])("topic %s: %p", (topic, good) => {
  expect(isDeviceTopic(topic)).toBe(good);
});
