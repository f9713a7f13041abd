// Properties of both versions of ESP-NOW under seeded schedules of traffic, losses, reboots and an attacker who says again what was said:
// no frame is taken twice by either side, no message is handed on twice, and what was recorded makes no central speak.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { decodeFrame, netnowKeys, PAIR, WAKEUP } from "../../device/netnow_codec.ts";
import { repeatable } from "../../tools/sim/random.ts";
import { NetnowPair, probeProgram } from "../support/netnow_pair.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

/** More of them: NETNOW_SEEDS=1000 bun test tests/device/netnow_replay.test.ts. A seed that fails goes into KNOWN. */
const SEEDS = Number(process.env["NETNOW_SEEDS"] ?? 12);
const KNOWN: number[] = [];
const STEPS = 300;

const program = probeProgram();

/** What happens is drawn from the seed. */
function schedule(seed: number, versions: { central: string; peripheral: string }): NetnowPair {
  const pair = new NetnowPair(program, seed, versions);
  const chance = repeatable(seed);
  const below = (limit: number) => Math.floor(chance() * limit);
  Object.assign(pair.air.settings, { loss: 0.2, ackLoss: 0.2, duplicate: 0.1, reorder: 0.1 });
  pair.central.start();
  pair.peripheral.start();
  pair.run(120_000);
  for (let step = 0; step < STEPS; step++) {
    const what = below(100);
    const chip = below(2) === 0 ? pair.central : pair.peripheral;
    if (what < 2) void chip.pressReset();
    else if (what < 4) {
      void chip.powerCut();
      pair.run(below(2000));
      chip.start();
    } else if (what < 75) {
      // Mostly what was said a moment ago, now and then anything.
      const back = below(4) === 0 ? below(pair.recorded.length) : below(Math.min(10, pair.recorded.length));
      const frame = pair.recorded[pair.recorded.length - 1 - back];
      if (frame !== undefined) pair.replay(frame);
    }
    pair.run(below(3) === 0 ? below(6000) : below(100));
  }
  return pair;
}

function twice(some: readonly string[]): string[] {
  return some.filter((each, at) => some.indexOf(each) !== at);
}

const seeds = [...KNOWN, ...Array.from({ length: SEEDS }, (_, index) => index + 1)];
const keys = netnowKeys("key", "group");

for (const versions of [
  { central: "3", peripheral: "3" },
  { central: "auto", peripheral: "auto" },
]) {
  describe(`central ${versions.central}, peripheral ${versions.peripheral}`, () => {
    test.each(seeds)("seed %d: no frame is taken twice, no message is handed on twice", (seed) => {
      const pair = schedule(seed, versions);
      for (const chip of [pair.central, pair.peripheral]) expect([seed, twice(pair.taken(chip))]).toEqual([seed, []]);
      const data = pair.told(pair.central, "data ");
      const back = pair.told(pair.peripheral, "back ");
      expect([seed, twice(data), twice(back)]).toEqual([seed, [], []]);
      expect(Math.min(data.length, back.length)).toBeGreaterThan(5);
    });
  });
}

describe("version 2, as far as it promises it,", () => {
  test.each(seeds)("seed %d: no data, no ping and no time is taken twice", (seed) => {
    const pair = schedule(seed, { central: "2", peripheral: "2" });
    const promised = pair.taken(pair.central).filter((frame) => {
      const packet = decodeFrame(keys, new Uint8Array(Buffer.from(frame, "hex")));
      // Its weakness: a wakeup and a request to pair can be said again later.
      return typeof packet === "object" && packet.type !== PAIR && packet.type !== WAKEUP;
    });
    expect([seed, twice(promised)]).toEqual([seed, []]);
    expect([seed, twice(pair.taken(pair.peripheral))]).toEqual([seed, []]);
    expect(pair.told(pair.central, "data ").length).toBeGreaterThan(5);
    expect(promised.length).toBeGreaterThan(5);
  });
});

describe("a central of version 3 that hears all that was ever said", () => {
  for (const [name, prepare] of [
    ["", () => {}],
    [" after a restart", (pair: NetnowPair) => void pair.central.pressReset()],
    [
      " after the loss of its NVS",
      (pair: NetnowPair) => {
        pair.central.nvs.clear();
        void pair.central.pressReset();
      },
    ],
  ] as const) {
    test(`says nothing but its beacons${name}`, async () => {
      const pair = new NetnowPair(program, 1, { central: "3", peripheral: "3" });
      pair.central.start();
      pair.peripheral.start();
      pair.run(60_000);
      await pair.peripheral.powerCut();
      prepare(pair);
      pair.run(5000);
      const recorded = pair.recorded.slice();
      expect(recorded.filter((frame) => frame.from === pair.peripheral.uniqueId).length).toBeGreaterThan(10);
      const taken = pair.taken(pair.central).length;
      for (const frame of recorded) {
        pair.replay(frame);
        pair.run(100);
      }
      const mine = pair.recorded.slice(recorded.length).filter((frame) => frame.from === pair.central.uniqueId);
      const said = mine.map((frame) => frame.bytes[1]);
      expect(said.filter((type) => type === 16).length).toBeGreaterThan(3);
      // What it tells its peripherals by itself (4) is no answer.
      expect(said.filter((type) => type !== 16 && type !== 4)).toEqual([]);
      expect(pair.taken(pair.central).length).toBe(taken);
    });
  }
});

test("version 2 does not promise it: a wakeup said again is confirmed again", async () => {
  const pair = new NetnowPair(program, 1, { central: "2", peripheral: "2" });
  pair.central.start();
  pair.peripheral.start();
  pair.run(60_000);
  await pair.peripheral.pressReset();
  pair.run(10_000);
  const wakeup = pair.recorded.find((frame) => {
    const packet = decodeFrame(keys, frame.bytes);
    return typeof packet === "object" && packet.type === WAKEUP;
  });
  const before = pair.taken(pair.central).length;
  if (wakeup !== undefined) pair.replay(wakeup);
  pair.run(10);
  expect(pair.taken(pair.central).length).toBe(before + 1);
});
