// Proves each sentence of the protocol about the central, in virtual time on the simulated air.

import { beforeEach, expect, test } from "bun:test";
import type { Loop } from "../../device/loop.ts";
import {
  NetnowCentral,
  PAIR_ANSWER_MS,
  TIME_FUDGE_MS,
  TIME_PERIOD_MS,
  TIME_TOLERANCE_MS,
} from "../../device/netnow_central.ts";
import {
  BACK,
  CONFIRM,
  DATA,
  netnowKeys,
  PAIR,
  PING,
  PLAIN,
  TIME,
  timeMinus,
  timePlus,
  WAKEUP,
} from "../../device/netnow_codec.ts";
import { NetnowRadio } from "../../device/netnow_radio.ts";
import { TIDS_MAX } from "../../device/netnow_tids.ts";
import { BROADCAST } from "../../tools/sim/air.ts";
import type { MemoryChip } from "../../tools/sim/memory_native.ts";
import { netnowBench, OTHER_MAC_TEXT, type OtherEnd } from "../support/netnow_bench.ts";

let chip: MemoryChip;
let other: OtherEnd;
let central: NetnowCentral;
let data: [payload: string, mac: string, rssi: number][];

beforeEach(() => {
  data = [];
  ({ chip, other } = netnowBench((loop: Loop) => {
    native.espnowOn(1, true);
    central = new NetnowCentral(loop, new NetnowRadio(loop), netnowKeys("key", "group"));
    central.onData = (payload, mac, rssi) => data.push([Buffer.from(payload).toString(), mac, rssi]);
  }));
  chip.run(10);
});

const tid = (number: number) => new Uint8Array(12).fill(number);
/** The network time now, from the newest broadcast. */
function timeNow(): Uint8Array {
  const newest = other.heardAll.at(-1);
  if (newest === undefined) throw new Error("nothing was heard");
  return timePlus(newest.time, other.nowMs - newest.atMs);
}
const confirmed = () =>
  other
    .take()
    .filter((each) => each.subtype === CONFIRM)
    .map((each) => each.payload);

test("it says the time at start, to all", () => {
  const [first, ...rest] = other.take();
  expect(rest).toEqual([]);
  expect(first).toMatchObject({ type: TIME, subtype: PLAIN, to: BROADCAST, payload: new Uint8Array(0) });
  expect((first?.time[0] as number) & 0x80).toBe(0);
});

test("then every 25 s plus up to 10 s at random", () => {
  other.take();
  chip.run(3_600_000);
  const times = other.take().map((each) => each.atMs);
  const waits = times.slice(1).map((at, index) => at - (times[index] as number));
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(TIME_PERIOD_MS);
  expect(Math.max(...waits)).toBeLessThanOrEqual(TIME_PERIOD_MS + TIME_FUDGE_MS);
  expect(new Set(waits).size).toBeGreaterThan(50);
});

test("the time advances with the clock and never stands still", () => {
  const [first] = other.take();
  for (let number = 1; number <= 5; number++) {
    other.send({ type: WAKEUP, tid: tid(number) });
    chip.run(number);
  }
  chip.run(1000);
  const seen = [first, ...other.take()];
  for (let index = 1; index < seen.length; index++) {
    const stepMs = timeMinus(
      (seen[index] as { time: Uint8Array }).time,
      (seen[index - 1] as { time: Uint8Array }).time,
    );
    expect(stepMs).toBeGreaterThan(0);
  }
  other.send({ type: WAKEUP, tid: tid(9) });
  chip.run(100_000);
  const [early, ...later] = other.take();
  const last = later.at(-1);
  const drift = timeMinus((last as { time: Uint8Array }).time, (early as { time: Uint8Array }).time);
  expect(Math.abs(drift - ((last?.atMs as number) - (early?.atMs as number)))).toBeLessThanOrEqual(2);
});

test("a confirm or back data restarts the period", () => {
  other.take();
  for (let count = 0; count < 10; count++) {
    chip.run(TIME_PERIOD_MS - 1000);
    if (count % 2 === 0) central.sendBack(Uint8Array.of(1, 2));
    else other.send({ type: WAKEUP, tid: tid(count) });
  }
  chip.run(100);
  expect(other.take().filter((each) => each.subtype === PLAIN)).toEqual([]);
});

test("back data goes to all with the time", () => {
  other.take();
  expect(central.sendBack(Uint8Array.of(1, 2, 3))).toBe(true);
  chip.run(10);
  expect(other.take()).toMatchObject([{ type: TIME, subtype: BACK, to: BROADCAST, payload: Uint8Array.of(1, 2, 3) }]);
});

test("a pair request is answered with the time at once, at most once in 30 s", () => {
  other.take();
  other.send({ type: PAIR });
  chip.run(10);
  expect(other.take()).toMatchObject([{ type: TIME, subtype: PLAIN }]);
  chip.run(PAIR_ANSWER_MS - 8000);
  other.take();
  other.send({ type: PAIR });
  chip.run(20);
  expect(other.take().length).toBe(0);
  expect(central.counts.of("pair")).toBe(1);
  chip.run(8000);
  other.take();
  other.send({ type: PAIR });
  chip.run(20);
  expect(other.take().length).toBe(1);
});

test("a wakeup is confirmed whatever its time", () => {
  other.take();
  other.send({ type: WAKEUP, tid: tid(1), time: new Uint8Array(12).fill(0xff) });
  chip.run(10);
  expect(confirmed()).toEqual([tid(1)]);
});

for (const [name, type] of [
  ["data", DATA],
  ["a ping", PING],
] as const) {
  test(`${name} with the network time is confirmed`, () => {
    other.send({ type, tid: tid(1), time: timeNow() });
    chip.run(10);
    expect(confirmed()).toEqual([tid(1)]);
  });

  for (const [offMs, taken] of [
    [-TIME_TOLERANCE_MS - 10, false],
    [-TIME_TOLERANCE_MS + 10, true],
    [TIME_TOLERANCE_MS - 10, true],
    [TIME_TOLERANCE_MS + 10, false],
  ] as const) {
    test(`${name} ${offMs} ms off is ${taken ? "taken" : "dropped"}`, () => {
      other.send({ type, tid: tid(1), time: timePlus(timeNow(), offMs), payload: type === DATA ? tid(7) : tid(0) });
      chip.run(10);
      expect(confirmed().length).toBe(taken ? 1 : 0);
      expect(central.counts.of(offMs < 0 ? "past" : "future")).toBe(taken ? 0 : 1);
      expect(data.length).toBe(taken && type === DATA ? 1 : 0);
    });
  }
}

test("data goes to the observer with the sender's MAC and RSSI", () => {
  other.send({ type: DATA, tid: tid(1), time: timeNow(), payload: Buffer.from("hello") });
  chip.run(10);
  expect(data).toEqual([["hello", OTHER_MAC_TEXT, -50]]);
});

test("the moment of reception counts, not that of processing", () => {
  const time = timePlus(timeNow(), -TIME_TOLERANCE_MS + 50);
  other.send({ type: DATA, tid: tid(1), time });
  // The frame is in the queue while the program is busy elsewhere.
  const { turn } = chip.boot;
  chip.boot.turn = () => native.now() + 500;
  chip.run(600);
  chip.boot.turn = turn;
  chip.wake();
  chip.run(10);
  expect(data.length).toBe(1);
});

for (const type of [WAKEUP, PING, DATA]) {
  test(`type ${type}: the same tid within 2 s is a replay`, () => {
    other.send({ type, tid: tid(1), time: timeNow() });
    chip.run(1990);
    other.send({ type, tid: tid(1), time: timeNow() });
    chip.run(10);
    expect(confirmed().length).toBe(1);
    expect(central.counts.of("replay")).toBe(1);
  });
}

test("a tid is forgotten after 2 s", () => {
  other.send({ type: WAKEUP, tid: tid(1) });
  chip.run(2010);
  other.send({ type: WAKEUP, tid: tid(1) });
  chip.run(10);
  expect(confirmed().length).toBe(2);
});

test("more tids than are kept are refused for a moment, not believed twice", () => {
  for (let number = 0; number <= TIDS_MAX; number++) {
    other.send({ type: WAKEUP, tid: tid(number + 1) });
    chip.run(20);
  }
  expect(central.counts.of("full")).toBe(1);
  other.send({ type: WAKEUP, tid: tid(1) });
  chip.run(10);
  expect(central.counts.of("replay")).toBe(1);
  chip.run(2000);
  other.take();
  other.send({ type: WAKEUP, tid: tid(TIDS_MAX + 1) });
  chip.run(10);
  expect(confirmed().length).toBe(1);
});

test("another central's time is nothing for it", () => {
  other.send({ type: TIME, subtype: PLAIN });
  chip.run(10);
  expect(central.counts.of("role")).toBe(1);
});

test("what does not verify is counted by its reason", () => {
  const frame = other.send({ type: WAKEUP, tid: tid(1) });
  const bad = frame.slice();
  bad[20] = (bad[20] as number) ^ 1;
  other.replay(bad);
  chip.run(20);
  other.replay(frame.slice(0, 30));
  chip.run(20);
  expect(central.counts.text()).toBe("accepted 1 hmac 1 short 1");
});
