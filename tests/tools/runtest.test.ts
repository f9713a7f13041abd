// `bun run runtest` as a user starts it: in this process, and on a device that is known by its name only.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { measuredDevice } from "../../tools/bench/device.ts";
import { ROOT } from "../../tools/lib/paths.ts";
import { SCENARIOS } from "../../tools/scenarios/all.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hearth-runtest-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What is no string is set in its environment. */
async function runtest(...args: (string | Record<string, string>)[]) {
  const words = args.filter((each) => typeof each === "string");
  const more = Object.assign({}, ...args.filter((each) => typeof each !== "string"));
  const child = Bun.spawn([process.execPath, "tools/runtest.ts", ...words], {
    cwd: ROOT,
    env: { ...process.env, NO_COLOR: "1", HEARTH_DEVICES: folder, MQTT_URL: "", ...more },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, out, err };
}

test("by name, in this process", async () => {
  const { code, out } = await runtest("relay/off", "relay/timeout");
  expect(code).toBe(0);
  expect(out).toMatch(/^passed {3}relay\/off .*\npassed {3}relay\/timeout .*\n2 passed, 0 failed, 0 left out\n$/);
});

test("--json: an object a scenario; --list: what each needs; --sentences: what proves each", async () => {
  const { out } = await runtest("relay/off", "--json");
  expect(JSON.parse(out)).toMatchObject({ scenario: "relay/off", verdict: "passed", why: [], unseen: [] });
  const list = await runtest("--list", "--json");
  const rows = list.out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(rows.length).toBe(SCENARIOS.length);
  expect(rows).toContainEqual({
    scenario: "relay/forced",
    profile: "relay",
    needs: ["time"],
    proves: ["relay.state", "all.publish"],
  });
  expect((await runtest("--sentences")).out).toContain("relay.off  0 or less turns off.\n    relay/off\n");
});

test("what there is not is wrong usage", async () => {
  expect(await runtest("relay/nothing")).toMatchObject({
    code: 2,
    err: expect.stringContaining("relay/nothing: --list"),
  });
  expect(await runtest("relay", "--on", "attic")).toMatchObject({ code: 2, err: expect.stringContaining("MQTT_URL") });
});

test("on an emulated chip: what it lacks is told; without an emulator, what to install", async () => {
  const { code, out } = await runtest("h2o/at_rest", "relay/off", "energy/forced", "--on", "qemu:esp32c3");
  expect(code).toBe(1);
  expect(out).toContain("left out h2o/at_rest\n         qemu:esp32c3 has no buses (models sit on its other buses)\n");
  expect(out).toContain("left out relay/off\n         qemu:esp32c3 has the parts of energy only\n");
  expect(out).toContain("left out energy/forced\n         qemu:esp32c3 has no time (");
  const nowhere = { PATH: "/usr/bin:/bin", IDF_TOOLS_PATH: folder };
  expect(await runtest("energy/windows", "--on", "qemu", nowhere)).toMatchObject({
    code: 1,
    err: expect.stringContaining("There is no qemu-system-xtensa here"),
  });
});

test("on a device that is known by its name: what can be done is done, the rest is left out and told", async () => {
  const device = await measuredDevice({ profile: "relay" });
  try {
    await Bun.write(join(folder, "garage.txt"), device.bench.config);
    await device.bench.machine.powerOn();
    await device.connected();
    device.bench.world.setPace(1);
    const some = await runtest("relay/off", "relay/no_number", "relay/display", "energy/ticker", "--on", "garage");
    expect(some.code).toBe(0);
    expect(some.err).toContain("garage runs relay");
    expect(some.out).toMatch(/passed {3}relay\/off .* not looked at: pins\n/);
    expect(some.out).toMatch(/passed {3}relay\/no_number /);
    expect(some.out).toContain("left out relay/display\n         board:garage has no power (the power can be cut)");
    expect(some.out).toContain("left out energy/ticker\n         it is about energy, and board:garage runs relay");
    expect(some.out).toContain("2 passed, 0 failed, 2 left out");
    const none = await runtest("energy", "--on", "garage");
    expect(none).toMatchObject({ code: 1, err: expect.stringContaining("nothing was played") });
  } finally {
    await device.close();
  }
});
