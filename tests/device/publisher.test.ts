// Proves when device/publisher.ts publishes: exact moments in virtual time.

import { beforeEach, expect, test } from "bun:test";
import { Loop } from "../../device/loop.ts";
import type { Mqtt } from "../../device/mqtt.ts";
import { Publisher } from "../../device/publisher.ts";
import type { MemoryChip } from "../../tools/sim/memory_native.ts";
import { freshNative } from "../support/fresh_native.ts";

let chip: MemoryChip;
let loop: Loop;
let publisher: Publisher;
let out: string[];
const line = { connected: true, room: true };

beforeEach(() => {
  out = [];
  line.connected = line.room = true;
  chip = freshNative({
    program: () => {
      loop = new Loop();
      loop.start();
    },
  });
  const mqtt = {
    get connected() {
      return line.connected;
    },
    publish(topic: string, payload: string, retain = false): boolean {
      if (!line.connected || !line.room) return false;
      out.push(`${Math.round(loop.now() / 100) / 10} ${topic} ${payload}${retain ? " retained" : ""}`);
      return true;
    },
  };
  publisher = new Publisher(loop, mqtt as unknown as Mqtt);
});

/** `X` with the value of the function at each moment, looked at every 5 s and forced every 30 s. */
function add(read: () => string | undefined, evalMs = 5000, forceMs = 30_000) {
  const value = publisher.add("X", evalMs, forceMs, read);
  chip.wake();
  return value;
}

test("the first value goes out at the first look, a changed one at the next look, an equal one when forced", () => {
  add(() => (loop.now() < 11_000 ? "a" : "b"));
  chip.run(61_000);
  expect(out).toEqual(["5 X a", "15 X b", "30 X b", "60 X b"]);
});

test("a force period shorter than the eval period counts on its own", () => {
  add(() => "v", 60_000_000, 1_800_000);
  chip.run(3_700_000);
  expect(out).toEqual(["1800 X v", "3600 X v"]);
});

test("a value that is not there yet is not published, not even when forced", () => {
  add(() => undefined);
  chip.run(61_000);
  expect(out).toEqual([]);
});

test("nothing is read or published while disconnected; what changed or was forced goes out at the next look", () => {
  let reads = 0;
  add(() => {
    reads++;
    return "v";
  });
  chip.run(6000);
  line.connected = false;
  chip.run(20_000);
  expect(reads).toBe(1);
  line.connected = true;
  chip.run(3000);
  expect(out).toEqual(["5 X v"]);
  line.connected = false;
  chip.run(3000);
  line.connected = true;
  chip.run(5000);
  // Forced at 30 s, while there was no connection.
  expect(out).toEqual(["5 X v", "35 X v"]);
});

test("a publication for which there was no room is tried again after a second", () => {
  add(() => "v", 3_600_000, 7_200_000);
  publisher.refresh();
  line.room = false;
  chip.run(2500);
  line.room = true;
  chip.run(10_000);
  expect(out).toEqual(["3 X v"]);
});

test("refresh publishes all at once and leaves the force times alone", () => {
  add(() => "v");
  publisher.add("Y", 7000, 70_000, () => "w");
  chip.run(12_000);
  out.length = 0;
  publisher.refresh();
  chip.wake();
  chip.run(20_000);
  expect(out).toEqual(["12 X v", "12 Y w", "30 X v"]);
});

test("values of different periods are looked at each in its own time", () => {
  add(() => String(loop.now()), 2000, 1e9);
  publisher.add("Y", 3000, 1e9, () => String(loop.now()));
  chip.run(6500);
  expect(out.map((each) => each.split(" ").slice(0, 2).join(" "))).toEqual(["2 X", "3 Y", "4 X", "6 X", "6 Y"]);
});

test("a read that throws does not keep the others from going out", () => {
  const errors: unknown[] = [];
  loop.onError = (error) => errors.push(error);
  add(() => {
    throw new Error("read");
  });
  publisher.add("Y", 5000, 30_000, () => "w");
  chip.run(10_500);
  expect(out).toEqual(["5 Y w"]);
  expect(errors.length).toBe(2);
});

test("a value can be looked at now; it goes out only if it changed", () => {
  let text = "v";
  const value = publisher.add("X", 60_000, 600_000, () => text);
  chip.run(61_000);
  publisher.lookNow(value);
  chip.wake();
  chip.run(1000);
  text = "w";
  publisher.lookNow(value);
  chip.wake();
  chip.run(1000);
  expect(out).toEqual(["60 X v", "62 X w"]);
});
