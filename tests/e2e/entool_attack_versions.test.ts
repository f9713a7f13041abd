// Proves that a scale and its gateway on the host firmware, of either version of ESP-NOW, take nothing of what `entool attack` turns round or flips bits in,
// nor, in version 3, of what it says late, and answer none of it.

import { afterEach, expect, setDefaultTimeout } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { AirBridge } from "../../tools/sim/air_bridge.ts";
import { jsonOf, spawnEntool } from "../support/entool_program.ts";
import { HostScale } from "../support/host_scale.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";
import { brokenPromises } from "../support/weight_ledger.ts";

setDefaultTimeout(SLOW_TEST_MS);

/** Device seconds per real second: entool listens in real time. */
const PACE = 20;
const KEYS = ["--psk", "a-long-random-key", "--group", "home"];

const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

test.each([
  ["2", "reflect", "role"],
  ["2", "flip", "hmac"],
  ["3", "reflect", "tag"],
  ["3", "flip", "tag"],
  ["3", "delay", "replay"],
] as const)(
  "version %s, %s: the gateway refuses it and counts why, and nobody answers",
  async (version, kind, reason) => {
    const scale = await HostScale.make({ version, ssid: "home" });
    // The first one that an unpaired sensor looks at.
    scale.manager.board.network.channel = 1;
    const air = join(scale.folder, "air");
    const bridge = new AirBridge(scale.world, scale.air, air);
    ends.push(
      () => scale.close(),
      () => bridge.close(),
    );
    scale.world.setPace(PACE);
    const broker = `mqtt://127.0.0.1:${scale.broker.port}`;
    await scale.manager.powerOn();
    await scale.world.until(() => scale.gateway.length > 0, 60_000);
    const child = spawnEntool([
      ...["attack", kind, "--air", air, ...KEYS, "--central", "Manager", "--broker", broker],
      // From the pairing to the weight.
      ...["--for", "120", "--frames", version === "2" ? "3" : "4", "--wait", kind === "delay" ? "3" : "0", "--json"],
    ]);
    ends.push(() => child.kill());
    while (!readdirSync(air).some((name) => name.startsWith("sniff-"))) await Bun.sleep(5);
    await scale.sensor.powerOn();
    const told: Record<string, unknown>[] = [];
    for await (const line of jsonOf(child.stdout)) told.push(line);
    const [result] = told as [{ sent: number; counts: Record<string, number>; acceptedTwice: number; answers: number }];
    expect([await child.exited, await child.stderr.text()]).toEqual([0, expect.stringContaining("frames are said")]);
    expect(result).toMatchObject({ attack: kind, acceptedTwice: 0, answers: 0 });
    expect(result.counts).toEqual(expect.objectContaining({ [reason]: expect.any(Number) }));
    await scale.world.until(() => scale.brought().length > 0, 300_000);
    expect(scale.brought()).toEqual(["Weight 12.000"]);
    expect(brokenPromises(scale.ledger, scale.brought(), scale.gateway)).toEqual([]);
  },
);
