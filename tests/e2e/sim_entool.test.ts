// Proves entool as the other end of the host firmware: on the air of `bun run sim`, over version 3, in both roles.

import { afterAll, afterEach, expect, setDefaultTimeout } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { entool } from "../support/entool_program.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { forgetDevices, typing } from "../support/sim_program.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const NAME = `entool_${process.pid}`;
const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});
afterAll(() => forgetDevices([NAME]));

function common() {
  const folder = mkdtempSync(join(tmpdir(), "air-"));
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  const air = ["--air", folder, "--warp", "10"];
  const tool = [...air, "--device", NAME, "--v", "3", "--channel", "6", "--state", join(folder, "state.json")];
  return { folder, air, tool };
}

test("a gateway takes what entool sends as a peripheral, and refuses what it repeats", async () => {
  const { air, tool } = common();
  const { promise: online, resolve } = Promise.withResolvers<void>();
  const device = typing(
    ["scale_manager", "--name", NAME, "--json", "--seed", "1", ...air],
    [
      [(out) => out.includes('"payload":"online"'), ""],
      [(out) => out.includes('"payload":"7.500"'), ""],
      [(out) => out.includes('"payload":"8.500"'), ""],
      [(out) => /"type":"v3 data","far":true/.test(out), "ota stats"],
      [(out) => out.includes("espnow sent"), "q"],
    ],
    (line) => line === "" && resolve(),
  );
  await Promise.race([online, device]);
  const tx = ["tx", "data", "--role", "peripheral", ...tool, "--text"];
  const weight = (kg: string) => `stat/LPScale/Weight\\n${kg}`;
  expect(await entool([...tx, weight("7.5"), "--expect", "confirm"])).toMatchObject({ code: 0 });
  expect(await entool([...tx, weight("8.5"), "--fault", "replay", "--expect", "nothing"])).toMatchObject({ code: 0 });
  const out = await device;
  expect(out.match(/"topic":"stat\/[^"]*\/Weight","payload":"8.500"/g)?.length).toBe(1);
  expect(out).toMatch(/espnow sent .* replay 1 /);
});

test("a scale pairs with entool as its central, and its weight arrives there", async () => {
  const { air, tool } = common();
  const device = typing(
    ["scale_sensor", "--name", NAME, "--json", "--seed", "2", ...air],
    [
      [(out) => out.includes("boot: scale_sensor"), "weigh 4.5"],
      [(out) => out.includes('"reason":"deep sleep"'), "q"],
    ],
  );
  const { code, out } = await entool([
    "rx",
    "data",
    "--role",
    "central",
    ...tool,
    "--text",
    "Weight",
    "--for",
    "120",
    "--json",
  ]);
  expect([code, Buffer.from(JSON.parse(out).payload, "hex").toString()]).toEqual([0, "stat/LPScale/Weight\n4.5"]);
  // What nobody confirms it says again for a while; then it sleeps.
  await device;
});
