// Proves that a device's file follows a configuration that was kept, without losing what the tools noted in it.

import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deviceFileWith, updateDeviceFile } from "../../tools/lib/device_file.ts";

const folder = mkdtempSync(join(tmpdir(), "hearth-device-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("the tools' own lines stay, tokens and other comments are the new file's", () => {
  const before = "#profile energy\n#group house\n#group low\n# a remark\nssid old\notakey 11\n";
  expect(deviceFileWith(before, "ssid new\n# another\n")).toBe(
    "#profile energy\n#group house\n#group low\nssid new\n# another\n",
  );
  expect(deviceFileWith(before, "#group attic\nssid new\n")).toBe("#profile energy\n#group attic\nssid new\n");
  expect(deviceFileWith("", "ssid new\n")).toBe("ssid new\n");
});

test("it is replaced whole, readable by its owner only, and only when it differs", () => {
  const file = join(folder, "meter.txt");
  writeFileSync(file, "#profile energy\nssid old\n");
  expect(updateDeviceFile(file, "ssid new\n")).toBe(true);
  expect(readFileSync(file, "utf8")).toBe("#profile energy\nssid new\n");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(updateDeviceFile(file, "ssid new\n")).toBe(false);
  expect(readdirSync(folder)).toEqual(["meter.txt"]);
});

test("none is made where none was", () => {
  const file = join(folder, "other.txt");
  expect(updateDeviceFile(file, "ssid new\n")).toBe(false);
  expect(existsSync(file)).toBe(false);
});
