// Proves that a configuration file is checked before it is sent: a message per fault, and never a value in it.

import { expect, test } from "bun:test";
import { baseConfig } from "../../profiles/base_config.ts";
import { checkConfigWith } from "../../tools/lib/config_file.ts";

const GOOD = "ssid home\npassword secret\nmqttbroker 10.0.0.1\nmqttname Meter\nwatchdog 1\n";
const check = (text: string | Uint8Array) => checkConfigWith(baseConfig, text);
const faults = (text: string | Uint8Array): string[] => {
  const result = check(text);
  return "faults" in result ? result.faults : [];
};

test("a file of the old fleet is good", () => {
  expect(check(GOOD)).toEqual({
    values: { ssid: "home", password: "secret", mqttbroker: "10.0.0.1", mqttname: "Meter", watchdog: true },
  });
});

test("None means absent, comments and empty lines are passed over, CR LF is taken", () => {
  expect(faults(`# a comment\r\n\r\n${GOOD.replaceAll("\n", "\r\n")}mqttuser None\r\n`)).toEqual([]);
});

test("every missing token is named", () => {
  expect(faults("ssid home\nwatchdog None\n").sort()).toEqual([
    "mqttbroker is missing",
    "mqttname is missing",
    "watchdog is missing",
  ]);
});

test("wrong types are told with their lines and without their values", () => {
  const text = `${GOOD.replace("watchdog 1", "watchdog yes")}otakey abcdef\nmqttport 70000\nkeep maybe\n`;
  expect(faults(text)).toEqual([
    "line 5: watchdog must be 0 or 1",
    "line 6: otakey must be 64 hex digits",
    "line 7: mqttport must be a whole number from 1 to 65535",
    "line 8: keep must be auto or manual",
  ]);
});

test("unknown tokens, blanks, lone tokens and tokens given twice are told in the order of the lines", () => {
  const text = `${GOOD.replace("password secret", "password my secret")}colour red\nkeep\nssid other\ntoString x\n`;
  expect(faults(text)).toEqual([
    "line 2: password: more than one value; neither token nor value may hold blanks",
    "line 6: unknown token",
    "line 7: keep has no value (None means that it is absent)",
    "line 8: ssid was given in line 1 already",
    "line 9: unknown token",
  ]);
});

test("a word that stands where a token belongs is never shown: it may be a secret", () => {
  for (const line of ["s3cret mqttpass", "s3cret", "s3cret and more"]) {
    expect(faults(`${GOOD}${line}\n`).join("\n")).not.toContain("s3cret");
  }
});

test("binary junk is refused, as a whole or by line", () => {
  expect(faults(new Uint8Array([0xff, 0xfe, 0x80]))).toEqual(["The file is not UTF-8 text."]);
  expect(faults(`${GOOD}keep au\u0001to\n`)).toEqual(["line 6: holds bytes that are no text"]);
});

test("a file longer than the device reads is refused", () => {
  expect(faults(`${GOOD}#${"x".repeat(4096)}\n`)).toEqual(["The file is longer than 4096 bytes."]);
});
