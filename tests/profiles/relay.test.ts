// Proves each sentence of the reference on the relays: main.ts with the framework on a chip in memory.

import { expect, setDefaultTimeout, test } from "bun:test";
import { bootPins } from "../../profiles/relay/boot_pins.ts";
import { LIMITS_S } from "../../profiles/relay/relay.ts";
import { Ssd1306Model } from "../../tools/sim/models/ssd1306.ts";
import { halfBlocks } from "../../tools/sim/picture.ts";
import { expectPicture } from "../support/pictures.ts";
import { ProfileDevice, profileProgram } from "../support/profile_device.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const PINS = [25, 26, 27, 33];
const program = profileProgram("relay");
const started = () => new ProfileDevice(program).start();
/** Active low. */
const on = (device: ProfileDevice) => PINS.map((pin) => device.board.outputs.get(pin) === 0);

test("the boot sets all pins to off before anything runs", () => {
  expect(bootPins).toEqual(PINS.map((pin) => ({ pin, mode: 3, level: 1 })));
});

test("no relay is on at the start", () => {
  const device = started();
  expect(on(device)).toEqual([false, false, false, false]);
  expect(device.pins.filter((each) => PINS.some((pin) => each === `${pin}=0`))).toEqual([]);
});

test("a relay is on for as long as asked, and its state is told", () => {
  const device = started();
  device.take("1/State");
  device.command("1/TurnOnWithTimeout", "30");
  expect(on(device)).toEqual([false, true, false, false]);
  device.run(29_800);
  expect(on(device)[1]).toBe(true);
  device.run(200);
  expect(on(device)[1]).toBe(false);
  device.run(2000);
  expect(device.take("1/State")).toEqual(["1", "0"]);
});

test("asked again, the time counts from then", () => {
  const device = started().command("0/TurnOnWithTimeout", "10").run(8000).command("0/TurnOnWithTimeout", "10");
  device.run(8000);
  expect(on(device)[0]).toBe(true);
  device.run(2000);
  expect(on(device)[0]).toBe(false);
});

for (const payload of ["0", "-5"]) {
  test(`${payload} turns off`, () => {
    const device = started().command("2/TurnOnWithTimeout", "100");
    expect(on(device)[2]).toBe(true);
    device.command("2/TurnOnWithTimeout", payload);
    expect(on(device)[2]).toBe(false);
  });
}

test("relay 0 is on for 10 min at most, the others for a day", () => {
  expect(LIMITS_S).toEqual([600, 86_400, 86_400, 86_400]);
  const device = started();
  for (let relay = 0; relay < 4; relay++) device.command(`${relay}/TurnOnWithTimeout`, "1e9");
  device.run(599_000);
  expect(on(device)).toEqual([true, true, true, true]);
  device.run(2000);
  expect(on(device)).toEqual([false, true, true, true]);
  device.run((86_400 - 602) * 1000);
  expect(on(device)).toEqual([false, true, true, true]);
  device.run(2000);
  expect(on(device)).toEqual([false, false, false, false]);
});

for (const payload of ["", " ", "abc", "1x", "NaN", "Infinity"]) {
  test(`${JSON.stringify(payload)} is no number: logged, and nothing changes`, () => {
    const device = started().command("3/TurnOnWithTimeout", "100");
    device.take("Log");
    device.command("3/TurnOnWithTimeout", payload);
    expect(on(device)[3]).toBe(true);
    expect(device.take("Log").join()).toContain("relay 3: not a number");
  });
}

test("states are forced every 30 min", () => {
  const device = started();
  device.take("0/State");
  device.run(60 * 60_000);
  expect(device.take("0/State")).toEqual(["0", "0"]);
});

test("the display has a box for each relay, filled and blinking when on, network, MQTT and uptime", () => {
  const oled = new Ssd1306Model();
  const device = new ProfileDevice(program, "", ({ board }) => board.attachI2c(0, 0x3c, oled)).start();
  device.command("1/TurnOnWithTimeout", "100");
  const pictures = new Set<string>();
  for (let second = 0; second < 4; second++) {
    device.run(1000);
    pictures.add(halfBlocks(oled.picture).slice(0, 16).join());
  }
  expect(pictures.size).toBe(2);
  while (!oled.lit(48, 16)) device.run(500);
  expectPicture("relay", oled.picture);
});
