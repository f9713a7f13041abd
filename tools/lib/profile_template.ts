// The files of a new profile: a lamp on a pin, small and whole, to be changed into what it is to be. docs/PROFILE.md walks through that.

/** Path relative to the checkout's root -> content. `name` is a profile's: see new_profile.ts. */
export function profileFiles(name: string): Map<string, string> {
  const label = name.charAt(0).toUpperCase() + name.slice(1);
  return new Map([
    [`profiles/${name}/config.ts`, config(name)],
    [`profiles/${name}/config.sample.txt`, sample(label)],
    [`profiles/${name}/${name}.ts`, behaviour(name)],
    [`profiles/${name}/main.ts`, main(name)],
    [`tests/profiles/${name}.test.ts`, test(name)],
  ]);
}

const config = (name: string) => `// The schema of ${name}'s configuration (PC only: the device sees types, and TOKENS).

import type { z } from "zod";
import type { BaseTokens } from "../../device/config.ts";
import { baseConfig, integer, tokensOf } from "../base_config.ts";

export const config = baseConfig.extend({
  pin: integer(0, 33).describe("pin of the lamp; high is on"),
});

export const TOKENS = tokensOf(config);

export type ProfileConfig = z.infer<typeof config> & BaseTokens;
`;

const sample = (label: string) => `ssid MyNetwork
password MyPassword
mqttbroker 192.168.1.10
mqttname ${label}
watchdog 1
otakey None
pin 26
`;

const behaviour = (
  name: string,
) => `// What ${name} does: a lamp on a pin, switched by a word. Wiring and topics are main.ts.

const OUTPUT = 3;

export class Lamp {
  isOn: boolean;

  constructor(private readonly pin: number) {
    this.isOn = false;
    native.pinMode(pin, OUTPUT, 0);
  }

  /** \`on\`, \`1\`, \`up\`, \`off\`, \`0\`, \`down\`. False for anything else, which changes nothing. */
  command(word: string): boolean {
    const on = word === "on" || word === "1" || word === "up";
    if (!on && word !== "off" && word !== "0" && word !== "down") return false;
    this.isOn = on;
    native.pinWrite(this.pin, on ? 1 : 0);
    return true;
  }
}
`;

const main = (
  name: string,
) => `// The wiring of ${name}: configuration, topics and commands. What it does is ${name}.ts.

import { Appliance } from "../../device/appliance.ts";
import { announce } from "../../device/homeassistant.ts";
import { type ProfileConfig, TOKENS } from "./config.ts";
import { Lamp } from "./${name}.ts";

const EVAL_MS = 1000;
const FORCE_MS = 1_800_000;

const appliance = new Appliance<ProfileConfig>("${name}", TOKENS);

appliance.run(() => {
  const lamp = new Lamp(appliance.config.integer("pin", 0, 33));
  const state = appliance.value("Lamp", EVAL_MS, FORCE_MS, () => (lamp.isOn ? "1" : "0"));
  appliance.command("Lamp", (payload) => {
    if (lamp.command(payload)) appliance.publisher.lookNow(state);
    else appliance.log.line(\`lamp: neither on nor off: \${payload.slice(0, 40)}\`);
  });
  announce(
    appliance as unknown as Appliance,
    () => \`Lamp switch "stat_t":"~/Lamp","cmd_t":"$/Lamp","pl_on":"1","pl_off":"0"\`,
  );
});
`;

const test = (
  name: string,
) => `// Proves what ${name} does: main.ts with the framework on a chip in memory, in virtual time.

import { beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { Program } from "../../tools/sim/memory_native.ts";
import { ProfileDevice, profileProgram } from "../support/profile_device.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const PIN = 26;
let program: Program;
beforeAll(async () => {
  program = await profileProgram("${name}");
});
const started = () => new ProfileDevice(program, \`pin \${PIN}\\n\`).start();

test("the lamp is off at the start, and says so", () => {
  const device = started();
  expect(device.board.outputs.get(PIN)).toBe(0);
  expect(device.take("Lamp")).toEqual(["0"]);
});

test("it is switched, and says so at once", () => {
  const device = started();
  device.take("Lamp");
  device.command("Lamp", "on");
  expect(device.board.outputs.get(PIN)).toBe(1);
  device.command("Lamp", "down");
  expect(device.board.outputs.get(PIN)).toBe(0);
  expect(device.take("Lamp")).toEqual(["1", "0"]);
});

test("another word is logged, and changes nothing", () => {
  const device = started().command("Lamp", "on");
  device.command("Lamp", "dim");
  expect(device.board.outputs.get(PIN)).toBe(1);
  expect(device.take("Log").join()).toContain("neither on nor off: dim");
});

test("the state is forced every 30 min", () => {
  const device = started();
  device.take("Lamp");
  device.run(60 * 60_000);
  expect(device.take("Lamp")).toEqual(["0", "0"]);
});
`;
