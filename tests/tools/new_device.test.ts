// Proves that `bun run new_device` makes device files that the tools take: checked by the profile's schema, with a key each, never over another.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkConfig } from "../../tools/lib/config_file.ts";
import { ROOT } from "../../tools/lib/paths.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hearth-new-device-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function make(...args: string[]): { code: number; out: string; err: string } {
  const env = { ...process.env, NO_COLOR: "1", HEARTH_DEVICES: folder };
  const command = [process.execPath, join(ROOT, "tools", "new_device.ts"), ...args];
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { stdin: "ignore", env });
  return { code: exitCode, out: stdout.toString(), err: stderr.toString() };
}

const read = (name: string) => readFileSync(join(folder, `${name}.txt`), "utf8");
const profiles = readdirSync(join(ROOT, "profiles")).filter((name) =>
  existsSync(join(ROOT, "profiles", name, "config.sample.txt")),
);

test.each(profiles)("a device file for %s passes its schema", async (profile) => {
  expect(make(`the_${profile}`, profile).code).toBe(0);
  expect(await checkConfig(profile, read(`the_${profile}`))).toHaveProperty("values");
});

test("the key is the device's own, is not printed, and only the owner may read it", () => {
  const made = [make("first", "energy"), make("second", "energy", "--json")];
  const keys = ["first", "second"].map((name) => /^otakey ([0-9a-f]{64})$/m.exec(read(name))?.[1]);
  expect(new Set(keys).size).toBe(2);
  for (const { out, err } of made) for (const key of keys) expect(out + err).not.toContain(key as string);
  expect(statSync(join(folder, "first.txt")).mode & 0o777).toBe(0o600);
  expect(JSON.parse(made[1]?.out ?? "")).toMatchObject({ name: "second", profile: "energy" });
});

test("name and group stand in the file", () => {
  expect(make("attic", "energy", "--group", "house").code).toBe(0);
  expect(read("attic")).toMatch(/^#profile energy\n#group house\n/);
  expect(read("attic")).toContain("\nmqttname attic\n");
});

test("a device that exists keeps its file", () => {
  make("cellar", "energy");
  const before = read("cellar");
  const { code, err } = make("cellar", "energy");
  expect([code, err]).toEqual([1, expect.stringContaining("exists: a device keeps its key")]);
  expect(read("cellar")).toBe(before);
});

test.each([
  [["a/b", "energy"], "a/b: a name has 1 to 32 letters"],
  [["ok", "no_such"], "there is no profile no_such"],
  [["ok", "../energy"], "there is no profile ../energy"],
  [["ok", "energy", "--group", "a b"], "--group a b: a name has"],
])("%p is wrong usage", (args, message) => {
  const { code, err } = make(...args);
  expect([code, err]).toEqual([2, expect.stringContaining(message)]);
});
