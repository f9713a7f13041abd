// Proves the range test's pair end to end: both main.ts on chips in memory, the simulated air, and a broker.

import { expect, test } from "bun:test";
import { DATA, decodeFrame, netnowKeys } from "../../device/netnow_codec.ts";
import type { Program } from "../../tools/sim/memory_native.ts";
import { profileProgram } from "../support/profile_device.ts";
import { ScaleHouse } from "../support/scale_house.ts";

const central = profileProgram("tnowc");
const peripheral = profileProgram("tnowp");

interface Said {
  atMs: number;
  from: string;
  text: string;
}

/** A house of the pair, and what each said to the other. */
function house(peripheralProgram = peripheral): { home: ScaleHouse; said: Said[] } {
  const home = new ScaleHouse(central, peripheralProgram, { rssi: -71 });
  // Without the scale's own tokens, which a range test does not know.
  const config = Buffer.from(home.sensor.files.get("config.txt") as Uint8Array).toString();
  home.sensor.files.set("config.txt", Buffer.from(config.replace(/^calibration_.*\n/gm, "")));
  const said: Said[] = [];
  home.air.observe((frame) => {
    const packet = decodeFrame(netnowKeys("a-long-random-key", "home"), frame.bytes);
    if (typeof packet === "string") throw new Error(packet);
    const text = Buffer.from(packet.payload).toString();
    if (packet.type === DATA || packet.subtype === 2) said.push({ atMs: home.nowMs, from: frame.from, text });
  });
  home.manager.start();
  home.run(30_000);
  home.sensor.start();
  return { home, said };
}

const waits = (said: Said[]) => said.slice(1).map((each, index) => each.atMs - (said[index] as Said).atMs);

test("the peripheral tells the RSSI of the last back data every 15 to 30 s, 1001 at first", () => {
  const { home, said } = house();
  home.run(30 * 60_000);
  const mine = said.filter((each) => each.from === "020000000002");
  expect(mine[0]?.text).toBe("stat/TNow/YourRSSI\n1001");
  expect(mine.at(-1)?.text).toBe("stat/TNow/YourRSSI\n-71");
  for (const waitMs of waits(mine)) {
    expect(waitMs).toBeGreaterThanOrEqual(14_990);
    expect(waitMs).toBeLessThanOrEqual(30_010);
  }
});

test("the central sends back the RSSI every 60 to 120 s", () => {
  const { home, said } = house();
  home.run(30 * 60_000);
  const back = said.filter((each) => each.from === "020000000001");
  expect(back.length).toBeGreaterThan(14);
  expect(new Set(back.map((each) => each.text))).toEqual(new Set(["stat/TNowP/YourRSSI\n-71"]));
  for (const waitMs of waits(back)) {
    expect(waitMs).toBeGreaterThanOrEqual(59_990);
    expect(waitMs).toBeLessThanOrEqual(120_010);
  }
});

test("the central forwards values, and only those", () => {
  const program: Program = (native) => {
    const real = native.encodeText;
    native.encodeText = (text) => real(text.startsWith("stat/TNow/YourRSSI") ? "stat/TNow/Value\n42.5" : text);
    peripheral(native);
  };
  const { home } = house(program);
  home.run(5 * 60_000);
  expect(new Set(home.of("Value"))).toEqual(new Set(["42.5"]));
  const other = house();
  other.home.run(5 * 60_000);
  expect(other.home.of("Value")).toEqual([]);
});
