// Proves `entool attack` on the host firmware: a scale and its gateway on the air of `bun run sim`, restarted in between, and the gateway's own
// counts of what it took.

import { afterAll, expect, setDefaultTimeout } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { uniqueIdOf } from "../../tools/sim/bench.ts";
import { SimBroker } from "../../tools/sim/broker.ts";
import { entool, jsonOf, spawnEntool } from "../support/entool_program.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { forgetDevices, typing } from "../support/sim_program.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const NAME = `attack_${process.pid}`;
afterAll(() => forgetDevices([NAME, `${NAME}_sensor`]));

test.each([
  ["reboot", 2, []],
  ["replay", 1, ["--reboot", uniqueIdOf(NAME)]],
  ["flood", 0, []],
] as const)("%s after %d restarts: nothing of version 3 is taken twice", async (kind, restarts, more) => {
  const broker = await SimBroker.start();
  const folder = mkdtempSync(join(tmpdir(), "air-"));
  const weights: string[] = [];
  broker.observe((event) => {
    if (event.kind === "publish" && event.topic === `stat/${NAME}/Weight`)
      weights.push(String(Buffer.from(event.payload)));
  });
  let over = false;
  let device: Promise<string> | undefined;
  try {
    device = typing(
      ["scale", "--name", NAME, "--json", "--seed", "4", "--warp", "20", "--air", folder, "--broker", broker.url],
      [[() => over, "q"]],
    );
    while (readdirSync(folder).length === 0) await Bun.sleep(20);
    // From the pairing to the weight: request, wakeup, the report of mail, the weight.
    const child = spawnEntool([
      "attack",
      kind,
      "--air",
      folder,
      "--device",
      NAME,
      "--central",
      NAME,
      "--broker",
      broker.url,
      "--for",
      "120",
      ...more,
      "--frames",
      "4",
      "--wait",
      "0",
      "--json",
    ]);
    const told: Record<string, unknown>[] = [];
    for await (const line of jsonOf(child.stdout)) told.push(line);
    expect([kind, told, await child.exited, await child.stderr.text()]).toEqual([
      kind,
      told,
      0,
      expect.stringContaining("frames are said"),
    ]);
    const [result] = told as [
      { sent: number; rebooted: string[]; counts: Record<string, number>; acceptedTwice: number; answers: number },
    ];
    expect(result).toMatchObject({ attack: kind, acceptedTwice: 0, answers: 0 });
    expect(result.sent).toBeGreaterThan(8);
    expect(result.rebooted.length).toBe(restarts);
    const refused = Object.entries(result.counts).reduce(
      (sum, [reason, count]) => sum + (reason === "accepted" ? 0 : count),
      0,
    );
    expect(refused).toBeGreaterThan(0);
    over = true;
    await device;
    // A restarted scale weighs anew; what was recorded brings none.
    expect(weights.length).toBeLessThanOrEqual(kind === "reboot" ? 2 : 1);
  } finally {
    over = true;
    await device?.catch(() => {});
    await broker.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

test("without a device of `sim` and without a person nobody can be restarted", async () => {
  const folder = mkdtempSync(join(tmpdir(), "air-"));
  const keys = ["--psk", "k", "--group", "g", "--air", folder];
  const player = spawnEntool(["play", "central", ...keys, "--mac", "0200000000aa", "--state", join(folder, "s.json")]);
  try {
    const { code, err } = await entool([
      "attack",
      "replay",
      ...keys,
      "--for",
      "0.5",
      "--wait",
      "0",
      "--reboot",
      "0200000000bb",
    ]);
    expect(code).toBe(1);
    expect(err).toMatch(/Nobody can restart 0200000000bb|Nothing was heard/);
  } finally {
    player.kill();
    await player.exited;
    rmSync(folder, { recursive: true, force: true });
  }
});
