// Proves that radios of two simulations hear each other over the air of a folder, each on its own clock.

import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { AirRadio, sniffAir } from "../../tools/lib/air_radio.ts";
import { UnixDatagram } from "../../tools/lib/unix_datagram.ts";
import { Air, BROADCAST, type Radio } from "../../tools/sim/air.ts";
import { AirBridge } from "../../tools/sim/air_bridge.ts";
import { SimClock } from "../../tools/sim/clock.ts";
import { airFolder, endAfterEach, onEnd } from "../support/air_folder.ts";

const [A, B, C] = ["0200000000aa", "0200000000bb", "0200000000cc"] as const;
endAfterEach();

/** A simulation with radios; its clock moves by `run`, but not while it is held. */
function simulation(folder: string, ...macs: string[]) {
  const clock = new SimClock();
  const air = new Air(clock);
  const heard: string[] = [];
  const told: string[] = [];
  let holds = 0;
  const stage = {
    act: (act: () => void) => act(),
    hold: () => {
      holds++;
      return () => void holds--;
    },
  };
  const bridge = new AirBridge(stage, air, folder);
  onEnd(() => bridge.close());
  air.observe((frame, far) => told.push(`${far ? "far" : "own"} ${Buffer.from(frame.bytes)}`));
  const radios = macs.map((mac) => {
    const radio = {
      mac,
      channel: 6,
      longRange: true,
      heard: (frame: { from: string; bytes: Uint8Array }, rssi: number) =>
        heard.push(`${mac} < ${frame.from} ${rssi} ${Buffer.from(frame.bytes)}`),
    };
    air.add(radio);
    air.onTune(radio);
    return radio as Radio & { channel: number };
  });
  const run = (ms: number) => {
    if (holds === 0) clock.advanceTo(clock.nowUs + ms * 1000);
  };
  const send = async (from: Radio, to: string, text: string) => {
    const acknowledged: boolean[] = [];
    air.send(from, to, Buffer.from(text), (each) => acknowledged.push(each));
    await until(() => {
      run(1);
      return acknowledged.length > 0;
    });
    return acknowledged[0];
  };
  return { air, bridge, heard, told, radios, run, send, holds: () => holds };
}

/** Lets the event loop turn until it is so. */
async function until(so: () => boolean): Promise<void> {
  while (!so()) await new Promise((done) => setTimeout(done, 1));
}

test("a broadcast reaches every radio of the channel once, whoever it belongs to", async () => {
  const folder = airFolder();
  const one = simulation(folder, A, B);
  const two = simulation(folder, C);
  expect(await two.send(two.radios[0] as Radio, BROADCAST, "all")).toBe(true);
  two.run(5);
  await until(() => one.heard.length === 2);
  expect(one.heard).toEqual([`${A} < ${C} -50 all`, `${B} < ${C} -50 all`]);
  expect([one.told, two.told]).toEqual([["far all"], ["own all"]]);
});

test("a unicast is acknowledged across; the sender's clock stands still meanwhile", async () => {
  const folder = airFolder();
  const one = simulation(folder, A);
  const two = simulation(folder, B);
  two.air.settings.rssi = -77;
  expect(await two.send(two.radios[0] as Radio, A, "you")).toBe(true);
  expect(two.air.clock.nowUs).toBeLessThan(20_000);
  await until(() => one.heard.length === 1);
  expect([one.heard, two.holds()]).toEqual([[`${A} < ${B} -77 you`], 0]);
});

test("on another channel nobody hears it, and the sender learns that at once", async () => {
  const folder = airFolder();
  const one = simulation(folder, A);
  const two = simulation(folder, B);
  (one.radios[0] as { channel: number }).channel = 7;
  expect(await two.send(two.radios[0] as Radio, A, "you")).toBe(false);
  expect([one.heard, two.holds()]).toEqual([[], 0]);
});

test("losses are the sender's, from its seed", async () => {
  const folder = airFolder();
  const one = simulation(folder, A);
  const two = simulation(folder, B);
  two.air.settings.loss = 1;
  expect(await two.send(two.radios[0] as Radio, A, "lost")).toBe(false);
  two.air.settings.loss = 0;
  two.air.settings.duplicate = 1;
  await two.send(two.radios[0] as Radio, A, "twice");
  two.run(5);
  await until(() => one.heard.length === 2);
  expect(one.heard).toEqual(Array(2).fill(`${A} < ${B} -50 twice`));
});

test("a tool talks with a radio of a simulation, and a listener hears both", async () => {
  const folder = airFolder();
  const one = simulation(folder, A);
  const seen: string[] = [];
  onEnd(sniffAir(folder, (frame) => seen.push(`${frame.from} ${Buffer.from(frame.bytes)}`)));
  const heard: string[] = [];
  const tool = new AirRadio({
    folder,
    mac: C,
    channel: 6,
    longRange: true,
    onFrame: (frame) => heard.push(String(Buffer.from(frame.bytes))),
  });
  onEnd(() => tool.close());
  expect(await tool.send(A, Buffer.from("hello"))).toBe(true);
  expect(await one.send(one.radios[0] as Radio, C, "yes")).toBe(true);
  tool.channel = 5;
  expect(await tool.send(A, Buffer.from("elsewhere"))).toBe(false);
  expect([one.heard, heard]).toEqual([[`${A} < ${C} -50 hello`], ["yes"]]);
  await until(() => seen.length === 3);
  expect(seen).toEqual([`${C} hello`, `${A} yes`, `${C} elsewhere`]);
});

test("the control socket of a radio asks for its reset", async () => {
  const folder = airFolder();
  const one = simulation(folder, A);
  const asked: string[] = [];
  one.bridge.onReset = (mac) => asked.push(mac);
  const tool = new UnixDatagram(join(folder, "sniff-tool"), () => {});
  onEnd(() => tool.close());
  tool.send(join(folder, `control-${A}`), Buffer.from("explode"));
  tool.send(join(folder, `control-${A}`), Buffer.from("reset"));
  await until(() => asked.length === 1);
  expect(asked).toEqual([A]);
});

test("a bridge that is closed leaves nothing behind", () => {
  const folder = airFolder();
  simulation(folder, A, B).bridge.close();
  expect(readdirSync(folder)).toEqual([]);
});
