// Proves the forms in which a simulation shows what happens: rows for a person, times and durations.

import { expect, test } from "bun:test";
import { describe, fold, formatTime, parseDuration, type SimEvent } from "../../tools/sim/events.ts";

/** Without colours. */
const plain = (text: string | undefined) => text?.replaceAll(/\x1b\[[0-9;]*m/g, "");

test("times are those of the device's clock, with days when there are some", () => {
  expect([0, 3_723_004.9, 90_061_000].map(formatTime)).toEqual(["00:00:00.000", "01:02:03.004", "1d 01:01:01.000"]);
});

test("durations have a unit", () => {
  expect(["500ms", "90s", "10m", "1.5h", "1d"].map(parseDuration)).toEqual([
    500, 90_000, 600_000, 5_400_000, 86_400_000,
  ]);
  expect(["", "10", "0s", "-1s", "ten", "1w"].map(parseDuration)).toEqual(new Array(6).fill(undefined));
});

test("a publication is a row of time, topic and value; a retained one says so", () => {
  const event = { t: 1000, kind: "publish", topic: "stat/m/V", payload: "230.0", retain: false } as const;
  expect(plain(describe(event, 12))).toBe("00:00:01.000  stat/m/V      230.0");
  expect(plain(describe({ ...event, topic: "stat/m/LWT", payload: "online", retain: true }, 12))).toBe(
    "00:00:01.000  stat/m/LWT    online (retained)",
  );
});

test("pins, frames, clocks and subscriptions are not for a person's screen", () => {
  for (const event of [
    { t: 0, kind: "pin", pin: 2, level: 1 },
    { t: 0, kind: "frame", bus: "uart2", toChip: true, hex: "f804" },
    { t: 0, kind: "cpu", mhz: 80 },
    { t: 0, kind: "subscribe", client: "m", topics: ["a"] },
  ] as SimEvent[])
    expect(describe(event, 10)).toBeUndefined();
});

test("a value that does not fit goes on below itself, parted where it may be", () => {
  const line = "one two three four five six seven eight nine ten";
  const row = plain(describe({ t: 0, kind: "log", line }, 8, 54)) ?? "";
  expect(row.split("\n")).toEqual([
    "00:00:00.000  log       one two three four five six ",
    "                        seven eight nine ten",
  ]);
  expect(fold("x".repeat(50), 30)).toEqual(["x".repeat(30), "x".repeat(20)]);
  expect(fold(line, 25).join("")).toBe(line);
  expect(fold("a\nb", Number.POSITIVE_INFINITY)).toEqual(["a b"]);
});
