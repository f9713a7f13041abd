// Proves when a device announces itself to Home Assistant, and what the message is whatever the device is called.

import { expect, test } from "bun:test";
import { ANNOUNCE_FUDGE_MS, announce, discoveryMessage, SETTLE_MS, TRIES_MAX } from "../../device/homeassistant.ts";
import { isDeviceTopic, readDiscovery } from "../support/home_assistant.ts";
import { CONFIG, House } from "./support.ts";

const ON = `${CONFIG}discovery homeassistant\n`;
const LINES = `Flow sensor "unit_of_meas":"L/min"
Valve switch "stat_t":"~/Valve","cmd_t":"$/Valve"`;

const message = (name: string) => discoveryMessage("0200000000aa", name, "energy", "1.2", LINES).join("");

/** Announcements since power-on, with their time since boot. */
function told(house: House): { atMs: number; topic: string; payload: string; retain: boolean }[] {
  const list: ReturnType<typeof told> = [];
  const { onPublish } = house.broker;
  house.broker.onPublish = (publication) => {
    onPublish(publication);
    const { topic, payload, retain } = publication;
    if (publication.client !== undefined && topic.startsWith("homeassistant/"))
      list.push({ atMs: house.nowMs, topic, payload: Buffer.from(payload).toString(), retain });
  };
  return list;
}

function home(config = ON, start: (again: (() => void) | undefined) => void = () => {}): House {
  return new House((appliance) => start(announce(appliance, () => LINES)), config);
}

test.each([CONFIG, `${CONFIG}discovery none\n`, `${CONFIG}discovery None\n`])(
  "not asked for, nothing is told",
  (config) => {
    const house = home(config);
    const list = told(house);
    house.boot(60_000);
    house.broker.publish("homeassistant/status", "online");
    house.chip.run(60_000);
    expect(list).toEqual([]);
  },
);

test("one retained message at each connection, within 10 s", () => {
  const house = home();
  const list = told(house);
  house.boot(0);
  while (!house.broker.retained.has("stat/Meter/LWT")) house.chip.run(100);
  const connectedMs = house.nowMs;
  house.chip.run(60_000);
  expect(list).toHaveLength(1);
  expect(isDeviceTopic(list[0]?.topic ?? "")).toBe(true);
  expect(list[0]?.retain).toBe(true);
  expect((list[0]?.atMs ?? 0) - connectedMs).toBeLessThanOrEqual(ANNOUNCE_FUDGE_MS + 100);
  house.broker.dropClients();
  house.chip.run(60_000);
  expect(list).toHaveLength(2);
  expect(list[1]?.payload).toBe(list[0]?.payload as string);
});

test("Home Assistant's birth message asks for another one, at a time of the device's own", () => {
  const delays = [1, 2, 3, 4].map((seed) => {
    const house = home();
    const list = told(house);
    for (let count = 0; count < seed; count++) house.chip.randomByte();
    house.boot(60_000);
    list.length = 0;
    const bornMs = house.nowMs;
    house.broker.publish("homeassistant/status", "online");
    house.chip.run(60_000);
    expect(list).toHaveLength(1);
    return (list[0]?.atMs ?? 0) - bornMs;
  });
  for (const delay of delays) expect(delay).toBeLessThanOrEqual(ANNOUNCE_FUDGE_MS + 100);
  expect(new Set(delays).size).toBeGreaterThan(1);
});

test("its last will does not, nor does any other word", () => {
  const house = home().boot(60_000);
  const list = told(house);
  for (const word of ["offline", "", "Online"]) house.broker.publish("homeassistant/status", word);
  house.chip.run(60_000);
  expect(list).toEqual([]);
});

test("many birth messages are one announcement", () => {
  const house = home().boot(60_000);
  const list = told(house);
  for (let count = 0; count < 20; count++) house.broker.publish("homeassistant/status", "online");
  house.chip.run(60_000);
  expect(list).toHaveLength(1);
});

test("when Home Assistant has had time to subscribe, the values come again", () => {
  const house = home().boot(90_000);
  const list = told(house);
  house.broker.publish("homeassistant/status", "online");
  while (list.length === 0) house.chip.run(100);
  house.take("Uptime");
  house.chip.run(SETTLE_MS - 200);
  expect(house.take("Uptime")).toEqual([]);
  house.chip.run(400);
  expect(house.take("Uptime")).toHaveLength(1);
});

test("a profile announces again when its components have changed", () => {
  let again: (() => void) | undefined;
  const house = home(ON, (given) => {
    again = given;
  }).boot(60_000);
  const list = told(house);
  again?.();
  house.chip.run(20_000);
  expect(list).toHaveLength(1);
});

test("an announcement that has no room goes out when there is some", () => {
  const house = home();
  const list = told(house);
  house.boot(14_000);
  const { mqtt } = house.appliance;
  const publish = mqtt.publishPieces.bind(mqtt);
  let refused = 0;
  mqtt.publishPieces = (topic, pieces) => {
    if (refused === 3) return publish(topic, pieces);
    refused++;
    return false;
  };
  house.chip.run(60_000);
  expect([refused, list.length]).toEqual([3, 1]);
});

test("it gives up, and says so, when there never is any", () => {
  const house = home();
  house.boot(14_000);
  const { mqtt } = house.appliance;
  let tries = 0;
  mqtt.publishPieces = () => {
    tries++;
    return false;
  };
  house.chip.run(600_000);
  expect(tries).toBe(TRIES_MAX);
  expect(house.take("Log").join()).toContain("homeassistant: no room for the announcement");
});

test("availability is the last will, states and commands are the device's topics", () => {
  const { device, components } = readDiscovery(message("Meter"));
  expect(device).toMatchObject({ identifiers: "0200000000aa", name: "Meter", model: "energy", sw_version: "1.2" });
  expect([...components.keys()]).toEqual(["Flow", "Valve", "Uptime", "Refresh", "Restart"]);
  expect(components.get("Flow")).toMatchObject({ name: "Flow", state_topic: "stat/Meter/Flow" });
  expect(components.get("Valve")).toMatchObject({ state_topic: "stat/Meter/Valve", command_topic: "cmnd/Meter/Valve" });
  expect(components.get("Restart")).toMatchObject({ command_topic: "cmnd/Meter/OTA", payload_press: "reboot" });
  for (const component of components.values())
    expect(component).toMatchObject({ availability_topic: "stat/Meter/LWT" });
});

test.each(['He said "no"', "C:\\pump", "Küche", "😀", "$", '"~'])("a device called %s", (name) => {
  const { device, components } = readDiscovery(message(name));
  expect(device.name).toBe(name);
  expect(components.get("Valve")).toMatchObject({
    state_topic: `stat/${name}/Valve`,
    command_topic: `cmnd/${name}/Valve`,
  });
});
