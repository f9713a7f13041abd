// Proves that `bun run new_profile` makes a profile that passes all that a profile has to, builds, and runs on the firmware.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { checkConfigWith } from "../../tools/lib/config_file.ts";
import { profileFiles } from "../../tools/lib/profile_template.ts";
import { CheckoutCopy } from "../support/checkout_copy.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const NAME = "porch_light";
let copy: CheckoutCopy;
beforeAll(async () => {
  copy = new CheckoutCopy();
  expect(await make(NAME)).toMatchObject({ code: 0, err: "" });
});
afterAll(() => copy.close());

const make = (...args: string[]) => copy.run("tools/new_profile.ts", ...args);

test("it passes formatter, linter and compiler", async () => {
  expect(await copy.check(NAME)).toBe("");
});

test("it passes its own test", async () => {
  const { code, err } = await copy.run("test", `tests/profiles/${NAME}.test.ts`);
  expect([code, err]).toEqual([0, expect.stringContaining("4 pass")]);
});

test("its sample passes its schema", async () => {
  const { config } = await import(join(copy.folder, `profiles/${NAME}/config.ts`));
  const sample = readFileSync(join(copy.folder, `profiles/${NAME}/config.sample.txt`), "utf8");
  expect(checkConfigWith(config, sample)).toMatchObject({ values: { mqttname: "Porch_light", pin: 26 } });
});

test("its bundle runs on the firmware", async () => {
  const bench = await copy.bench(NAME, "porch", ["pin 26"]);
  try {
    const said: string[] = [];
    bench.broker?.observe((event) => {
      if (event.kind === "publish" && event.topic === "stat/porch/Lamp")
        said.push(Buffer.from(event.payload).toString());
    });
    await bench.machine.powerOn();
    expect(await bench.world.until(() => said.includes("0"), 120_000)).toBe(true);
    await bench.broker?.publish("cmnd/porch/Lamp", "on");
    expect(await bench.world.until(() => said.includes("1"), 10_000)).toBe(true);
    expect(bench.machine.board.outputs.get(26)).toBe(1);
  } finally {
    await bench.close();
  }
});

test("it says what was made and what comes next; --json in one object", async () => {
  const { out } = await make("said");
  for (const path of profileFiles("said").keys()) expect(out).toContain(path);
  expect(out).toMatch(/bun test tests\/profiles\/said.test.ts[\s\S]*bun run sim said[\s\S]*README.md/);
  const { out: json } = await make("told", "--json");
  expect(JSON.parse(json)).toEqual({ profile: "told", files: [...profileFiles("told").keys()] });
});

test("the longest name fits into a bundle's header", async () => {
  const name = "a".repeat(16);
  expect((await make(name)).code).toBe(0);
  expect(new TextDecoder().decode((await copy.bundle(name)).subarray(48, 64))).toBe(name);
});

test.each(["Porch", "4lamps", "porch-light", "a/b", "..", "", "ä", "a".repeat(17), "main", "config", "boot_pins"])(
  "%p is no name",
  async (name) => {
    const before = readdirSync(join(copy.folder, "profiles"));
    const { code, err } = await make(name);
    expect([code, err]).toEqual([2, expect.stringContaining(`${name}: `)]);
    expect(readdirSync(join(copy.folder, "profiles"))).toEqual(before);
  },
);

test("a profile that exists is left alone", async () => {
  const path = join(copy.folder, `profiles/${NAME}/main.ts`);
  await Bun.write(path, "// mine\n");
  const { code, err } = await make(NAME);
  expect([code, err]).toEqual([1, expect.stringContaining(`profiles/${NAME} exists: take another name`)]);
  expect(readFileSync(path, "utf8")).toBe("// mine\n");
});

test("so is a test of that name, and nothing is half made", async () => {
  await Bun.write(join(copy.folder, "tests/profiles/lonely.test.ts"), "// mine\n");
  const { code, out } = await make("lonely", "--json");
  expect(code).toBe(1);
  expect(JSON.parse(out)).toEqual({ error: expect.stringContaining("tests/profiles/lonely.test.ts exists") });
  expect(existsSync(join(copy.folder, "profiles/lonely"))).toBe(false);
});

test("--help has an example and the exit codes", async () => {
  const { code, out } = await make("--help");
  expect(code).toBe(0);
  expect(out).toContain("bun run new_profile doorbell");
  expect(out).toMatch(/Exit codes: 0 .*, 1 .*, 2 wrong usage/);
});
