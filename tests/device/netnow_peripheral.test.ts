// Proves each sentence of the protocol about the peripheral, in virtual time on the simulated air.

import { beforeEach, describe, expect, test } from "bun:test";
import type { Loop } from "../../device/loop.ts";
import {
  BACK,
  CONFIRM,
  DATA,
  netnowKeys,
  PAIR,
  type Packet,
  PING,
  PLAIN,
  TIME,
  timeMinus,
  timePlus,
  WAKEUP,
} from "../../device/netnow_codec.ts";
import {
  CHANNEL_MS,
  CHANNELS,
  NetnowPeripheral,
  PAIR_MS,
  PING_CONFIRM_MS,
  PING_MS,
  STEP_MAX_MS,
  TIME_TOLERANCE_MS,
  WAKEUP_CONFIRM_MS,
  WAKEUP_MS,
  WAKEUPS_HERE,
} from "../../device/netnow_peripheral.ts";
import { NetnowRadio } from "../../device/netnow_radio.ts";
import { BROADCAST } from "../../tools/sim/air.ts";
import type { MemoryChip } from "../../tools/sim/memory_native.ts";
import { netnowBench, OTHER_MAC, OTHER_MAC_TEXT, OtherEnd } from "../support/netnow_bench.ts";

let chip: MemoryChip;
let other: OtherEnd;
let peripheral: NetnowPeripheral;
let ready: number;
let back: [payload: number[], rssi: number][];

/** The network time at the start of the test. */
const ORIGIN = new Uint8Array([0x12, 0x34, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0]);
const PAIRED: [string, string][] = [
  ["netnow/manager", OTHER_MAC_TEXT],
  ["netnow/channel", "1"],
];

function start(kept: [string, string][] = [], files: string[] = []): void {
  ready = 0;
  back = [];
  ({ chip, other } = netnowBench(
    (loop: Loop) => {
      peripheral = new NetnowPeripheral(loop, new NetnowRadio(loop), netnowKeys("key", "group"), true);
      peripheral.onReady = () => ready++;
      peripheral.onBack = (payload, rssi) => back.push([[...payload], rssi]);
    },
    (made) => {
      for (const [key, value] of kept) made.nvs.set(key, value);
      for (const file of files) made.files.set(file, new Uint8Array(1));
    },
  ));
  chip.run(10);
}

const at = (ms: number) => timePlus(ORIGIN, ms);
const now = () => at(other.nowMs);
const say = (subtype: number, time: Uint8Array, more: Partial<Packet> = {}) => {
  other.send({ type: TIME, subtype, time, ...more });
  chip.run(10);
};
const ofType = (type: number) => other.take().filter((each) => each.type === type);

/** Paired and with the time known. */
function startReady(): void {
  start(PAIRED);
  const wakeup = other.take().at(-1);
  say(CONFIRM, now(), { payload: wakeup?.tid as Uint8Array });
  expect(peripheral.ready).toBe(true);
  other.take();
}

describe("unpaired", () => {
  beforeEach(() => start());

  test("it asks to be paired every second, to all, with zeros", () => {
    chip.run(4 * PAIR_MS);
    const asked = other.take();
    expect(asked.length).toBe(5);
    for (const each of asked) {
      expect(each).toMatchObject({ type: PAIR, to: BROADCAST, time: new Uint8Array(12), tid: new Uint8Array(12) });
    }
  });

  test("it steps through channels 1 to 13, 5 s each, and again", () => {
    for (let step = 0; step < 2 * CHANNELS; step++) {
      expect(native.espnowChannel()).toBe((step % CHANNELS) + 1);
      chip.run(CHANNEL_MS);
    }
  });

  test("data is refused", () => expect(peripheral.send(Uint8Array.of(1))).toBe(false));

  test("the first valid time adopts its sender, and is the network time", () => {
    chip.run(2 * CHANNEL_MS);
    other.channel = 3;
    say(PLAIN, now());
    expect(peripheral.ready).toBe(true);
    expect(ready).toBe(1);
    expect(peripheral.manager).toBe(OTHER_MAC_TEXT);
    expect(chip.nvs.get("netnow/manager")).toBe(OTHER_MAC_TEXT);
    expect(chip.nvs.get("netnow/channel")).toBe("3");
    other.take();
    chip.run(60_000);
    expect(other.take()).toEqual([]);
    expect(native.espnowChannel()).toBe(3);
  });

  test("a frame with another key is not adopted", () => {
    const frame = other.send({ type: TIME, time: now() });
    chip.run(5);
    expect(peripheral.manager).toBe(OTHER_MAC_TEXT);
    start();
    frame[30] = (frame[30] as number) ^ 1;
    other.replay(frame);
    chip.run(10);
    expect(peripheral.manager).toBe(undefined);
    expect(peripheral.counts.of("hmac")).toBe(1);
  });
});

describe("pairing anew", () => {
  test("a file pair.txt forces it, once", () => {
    start(PAIRED, ["pair.txt"]);
    expect(ofType(PAIR).length).toBe(1);
    expect(chip.files.has("pair.txt")).toBe(false);
    expect(chip.nvs.has("netnow/manager")).toBe(false);
  });

  test("the profile's own trigger forces it", () => {
    startReady();
    peripheral.pair();
    chip.run(10);
    expect(peripheral.ready).toBe(false);
    expect(ofType(PAIR).length).toBe(1);
  });

  test.each([
    [
      "a manager that is no MAC",
      [
        ["netnow/manager", "junk"],
        ["netnow/channel", "1"],
      ],
    ],
    ["a manager without a channel", [["netnow/manager", OTHER_MAC_TEXT]]],
    [
      "a channel out of range",
      [
        ["netnow/manager", OTHER_MAC_TEXT],
        ["netnow/channel", "14"],
      ],
    ],
    ["a channel alone", [["netnow/channel", "1"]]],
  ] as [string, [string, string][]][])("%s is not paired", (_, kept) => {
    start(kept);
    expect(ofType(PAIR).length).toBe(1);
  });
});

describe("paired, time unknown", () => {
  beforeEach(() => start(PAIRED));

  test("it sends a wakeup with a new tid every 5 s", () => {
    chip.run(2 * WAKEUP_MS);
    const wakeups = ofType(WAKEUP);
    expect(wakeups.map((each) => Math.round(each.atMs / 1000))).toEqual([0, 5, 10]);
    expect(wakeups.every((each) => each.to === OTHER_MAC)).toBe(true);
    expect(new Set(wakeups.map((each) => Buffer.from(each.tid).toString("hex"))).size).toBe(3);
  });

  test("the confirm of its tid makes the time trusted", () => {
    const [wakeup] = ofType(WAKEUP);
    chip.run(WAKEUP_CONFIRM_MS - 50);
    say(CONFIRM, now(), { payload: wakeup?.tid as Uint8Array });
    expect(ready).toBe(1);
    chip.run(60_000);
    expect(other.take()).toEqual([]);
  });

  test("a confirm after 1 s is too late", () => {
    const [wakeup] = ofType(WAKEUP);
    chip.run(WAKEUP_CONFIRM_MS + 10);
    say(CONFIRM, now(), { payload: wakeup?.tid as Uint8Array });
    expect(peripheral.ready).toBe(false);
  });

  test("other times are not believed", () => {
    say(PLAIN, now());
    say(CONFIRM, now(), { payload: new Uint8Array(12).fill(1) });
    say(BACK, now(), { payload: Uint8Array.of(1) });
    expect(peripheral.ready).toBe(false);
    expect(back).toEqual([]);
    expect(peripheral.counts.of("unasked")).toBe(3);
  });

  test("data is refused", () => expect(peripheral.send(Uint8Array.of(1))).toBe(false));

  test("another sender is not the manager", () => {
    const [wakeup] = ofType(WAKEUP);
    const stranger = new OtherEnd(chip, other.air, 1, "001122334455");
    stranger.send({ type: TIME, subtype: CONFIRM, time: now(), payload: wakeup?.tid as Uint8Array });
    chip.run(10);
    expect(peripheral.ready).toBe(false);
    expect(peripheral.counts.of("stranger")).toBe(1);
  });

  test("after wakeups in vain it looks on the other channels, and keeps the one where it is heard", () => {
    other.channel = 7;
    for (let second = 0; second < 120 && !peripheral.ready; second++) {
      chip.run(990);
      const wakeup = ofType(WAKEUP).at(-1);
      if (wakeup !== undefined) say(CONFIRM, now(), { payload: wakeup.tid });
    }
    expect(peripheral.ready).toBe(true);
    expect(chip.nvs.get("netnow/channel")).toBe("7");
    expect(chip.nvs.get("netnow/manager")).toBe(OTHER_MAC_TEXT);
    expect(other.nowMs).toBeLessThan((WAKEUPS_HERE + CHANNELS) * WAKEUP_MS);
  });
});

describe("paired, time known", () => {
  beforeEach(startReady);

  for (const [name, afterMs, offMs, believed] of [
    ["a step ahead that fits the clock", 30_000, 0, true],
    ["one nearly 1 s early", 30_000, -TIME_TOLERANCE_MS + 20, true],
    ["one nearly 1 s late", 30_000, TIME_TOLERANCE_MS - 20, true],
    ["one more than 1 s early", 30_000, -TIME_TOLERANCE_MS - 20, false],
    ["one more than 1 s late", 30_000, TIME_TOLERANCE_MS + 20, false],
    ["a step just below 2 min", STEP_MAX_MS - 500, 0, true],
    ["a step above 2 min", STEP_MAX_MS + 100, 0, false],
    ["a time before the last one", 100, -500, false],
  ] as const) {
    test(`${name} is ${believed ? "believed" : "asked about"}`, () => {
      chip.run(afterMs);
      const claimed = timePlus(now(), offMs);
      say(PLAIN, claimed);
      const pings = ofType(PING);
      expect(pings.length).toBe(believed ? 0 : 1);
      if (!believed) expect(pings[0]).toMatchObject({ to: OTHER_MAC, time: claimed });
    });
  }

  test("an equal time is a replay", () => {
    const time = now();
    say(PLAIN, time);
    say(PLAIN, time);
    expect(peripheral.counts.of("replay")).toBe(1);
    expect(ofType(PING)).toEqual([]);
  });

  test("the same tid within 2 s is a replay", () => {
    const tid = new Uint8Array(12).fill(9);
    say(PLAIN, now(), { tid });
    chip.run(1000);
    say(PLAIN, now(), { tid });
    expect(peripheral.counts.of("replay")).toBe(1);
  });

  test("it asks at most once in 10 s", () => {
    for (let count = 0; count < 9; count++) {
      say(PLAIN, at(10_000_000 + count));
      chip.run(990);
    }
    expect(ofType(PING).length).toBe(1);
    chip.run(PING_MS - 9000);
    say(PLAIN, at(20_000_000));
    expect(ofType(PING).length).toBe(1);
  });

  test("the confirm of the ping within 5 s makes the new value the network time", () => {
    const NEW_MS = 10_000_000;
    const beganMs = other.nowMs;
    say(PLAIN, at(NEW_MS));
    const [ping] = ofType(PING);
    chip.run(PING_CONFIRM_MS - 100);
    say(CONFIRM, at(NEW_MS + other.nowMs - beganMs), { payload: ping?.tid as Uint8Array });
    peripheral.send(Uint8Array.of(1));
    chip.run(10);
    const sentMs = timeMinus(ofType(DATA)[0]?.time as Uint8Array, at(NEW_MS)) - (other.nowMs - beganMs);
    expect(Math.abs(sentMs)).toBeLessThan(30);
  });

  test("the confirm of the ping after 5 s is not believed", () => {
    say(PLAIN, at(10_000_000));
    const [ping] = ofType(PING);
    chip.run(PING_CONFIRM_MS + 50);
    say(CONFIRM, at(10_005_060), { payload: ping?.tid as Uint8Array });
    peripheral.send(Uint8Array.of(1));
    chip.run(10);
    expect(Math.abs(timeMinus(ofType(DATA)[0]?.time as Uint8Array, now()))).toBeLessThan(1000);
  });

  test("data carries the network time of the moment it is sent, to the manager", () => {
    chip.run(45_000);
    expect(peripheral.send(Uint8Array.of(1, 2))).toBe(true);
    chip.run(10);
    const [data] = ofType(DATA);
    expect(data).toMatchObject({ to: OTHER_MAC, payload: Uint8Array.of(1, 2) });
    expect(Math.abs(timeMinus(data?.time as Uint8Array, at(data?.atMs as number)))).toBeLessThan(20);
  });

  test("the radio's acknowledgement decides success", () => {
    const outcomes: boolean[] = [];
    peripheral.send(Uint8Array.of(1), (acknowledged) => outcomes.push(acknowledged));
    chip.run(50);
    other.channel = 2;
    peripheral.send(Uint8Array.of(1), (acknowledged) => outcomes.push(acknowledged));
    chip.run(50);
    expect(outcomes).toEqual([true, false]);
  });

  test("the time is that of reception, however late the frame is looked at", () => {
    const { turn } = chip.boot;
    chip.boot.turn = () => native.now() + 400;
    other.send({ type: TIME, time: now() });
    chip.run(800);
    chip.boot.turn = turn;
    chip.wake();
    chip.run(10);
    peripheral.send(Uint8Array.of(1));
    chip.run(10);
    expect(Math.abs(timeMinus(ofType(DATA)[0]?.time as Uint8Array, now()))).toBeLessThan(30);
  });

  test("back data is handed on with its RSSI", () => {
    say(BACK, now(), { payload: Uint8Array.of(4, 5) });
    expect(back).toEqual([[[4, 5], -50]]);
  });

  test("what only a central hears is counted", () => {
    other.send({ type: WAKEUP });
    chip.run(10);
    expect(peripheral.counts.of("role")).toBe(1);
  });

  test("more frames than the radio's queue are refused", () => {
    const taken = Array.from({ length: 12 }, () => peripheral.send(Uint8Array.of(1)));
    expect(taken.filter((each) => each).length).toBe(8);
  });
});
