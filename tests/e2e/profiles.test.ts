// Proves that each appliance boots on the real firmware and publishes its main topic from models on the board's buses.

import { expect, setDefaultTimeout } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { measuredDevice } from "../../tools/bench/device.ts";
import { ROOT } from "../../tools/lib/paths.ts";
import { decodePng, halfBlocks } from "../../tools/sim/picture.ts";
import { surroundingsOf } from "../../tools/sim/surroundings.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

test.each([
  ["relay", "", "", "1/State", "0"],
  ["switch", "press", "1", "1/State", "1"],
  ["termo", "", "", "Malfunction", "0"],
  ["weather", "pressure", "998", "Pressure", "998.0"],
  ["h2o", "tap", "12", "Flow", "12.0"],
  ["rx433", "fob", "4242", "Keyfob", "EV1527:4242"],
])("%s %s %s: %s%s", async (profile, word, argument, topic, payload) => {
  const device = await measuredDevice({ profile });
  try {
    const around = surroundingsOf(profile, device.bench.machine.board);
    await device.bench.machine.powerOn();
    await device.connected();
    if (word !== "") await device.bench.world.act(() => void around?.command(word, argument));
    await device.saw((seenTopic, seenPayload) => seenTopic === topic && seenPayload === payload);
    // Each display shows the uptime at least.
    if (around?.picture !== undefined) expect(halfBlocks(around.picture).join()).toContain("█");
  } finally {
    await device.close();
  }
});

test("sim shows a profile's display at the end, and keeps it in a file", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hearth-sim-"));
  try {
    const file = join(folder, "display.png");
    const sim = Bun.spawn(
      [
        "bun",
        "tools/sim.ts",
        "relay",
        "--name",
        "sim_picture",
        "--warp",
        "max",
        "--for",
        "1m",
        "--seed",
        "1",
        "--png",
        file,
      ],
      { cwd: ROOT, stdout: "pipe", stderr: "pipe", stdin: "ignore" },
    );
    const text = await new Response(sim.stdout).text();
    expect(await sim.exited).toBe(0);
    expect(text).toContain("relays  0 ○   1 ○   2 ○   3 ○");
    for (const line of halfBlocks(decodePng(readFileSync(file)))) expect(text).toContain(line);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    rmSync(join(ROOT, "devices", "sim_picture.txt"), { force: true });
  }
});
