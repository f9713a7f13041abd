// Proves the parser of config.txt and the typed reads.

import { expect, test } from "bun:test";
import { Config, keyBytes, parseConfig, readTokens } from "../../device/config.ts";
import { freshNative } from "../support/fresh_native.ts";

interface Tokens {
  name: string;
  count: number;
  ratio: number;
  on: boolean;
}
const config = (text: string): Config<Tokens> => new Config<Tokens>(parseConfig(text));

test("lines of two words count, all others do not", () => {
  expect(parseConfig("ssid home\n\n  a\tb  \r\nlone\nthree words here\n# comment\n#x y\nlast one")).toEqual([
    "ssid",
    "home",
    "a",
    "b",
    "last",
    "one",
  ]);
});

test.each([
  ["a 1\nb 2\n# c 3\nc\nc 3 4\n", undefined],
  ["a 1\nc 3\n", "token number 2 is unknown"],
  ["a 1\nc None\n", "token number 2 is unknown"],
  ["# x\nA 1\na 1\n", "token number 1 is unknown"],
  ["s3cret mqttpass\n", "token number 1 is unknown"],
])("%p read with the tokens a and b known: %p", (text, message) => {
  freshNative().files.set("config.txt", Buffer.from(text));
  if (message === undefined) expect(readTokens(" a b ")).toEqual(["a", "1", "b", "2"]);
  else expect(() => readTokens(" a b ")).toThrow(new RegExp(`^${message}$`));
});

test("of a token given twice the last one counts, and None takes it away", () => {
  expect(config("name a\nname b").text("name")).toBe("b");
  expect(config("name a\nname None").textOr("name", undefined)).toBeUndefined();
});

test("typed reads give the value", () => {
  const good = config("name x\ncount 12\nratio -0.25\non 1");
  expect([good.text("name"), good.integer("count", 0, 12), good.number("ratio"), good.flag("on")]).toEqual([
    "x",
    12,
    -0.25,
    true,
  ]);
});

test("fallbacks stand in for missing tokens only", () => {
  const empty = config("");
  expect([empty.integer("count", 1, 9, 5), empty.number("ratio", 2), empty.flag("on", false)]).toEqual([5, 2, false]);
  expect(() => config("count x").integer("count", 1, 9, 5)).toThrow("count is not a number");
});

test.each([
  ["", "count is missing"],
  ["count None", "count is missing"],
  ["count 1x", "count is not a number"],
  ["count Infinity", "count is not a number"],
  ["count 1.5", "count is not a whole number from 1 to 9"],
  ["count 10", "count is not a whole number from 1 to 9"],
])("%p: %s", (text, message) => {
  expect(() => config(text).integer("count", 1, 9)).toThrow(message);
});

test("a fault names the token and never the value", () => {
  expect(() => config("on s3cret").flag("on")).toThrow(/^on is not 0 or 1$/);
});

test("a key is 64 hex digits of either case, or none", () => {
  expect(Buffer.from(keyBytes("0aF".padEnd(64, "0")) as Uint8Array).toString("hex")).toBe("0af".padEnd(64, "0"));
  for (const bad of ["", "0".repeat(63), "0".repeat(65), "g".padEnd(64, "0")]) expect(keyBytes(bad)).toBeUndefined();
});
