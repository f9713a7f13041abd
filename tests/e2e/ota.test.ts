// Proves `bun run ota` end to end: the program that a user types, the machine under test, a broker and real TCP between them. What is
// refused is in ota_refused.test.ts.

import { afterEach, beforeAll, test as bunTest, expect, setDefaultTimeout } from "bun:test";
import { LINK_PORT } from "../../tools/lib/link_client.ts";
import { DelayProxy } from "../../tools/lib/proxy.ts";
import type { BenchMachine } from "../../tools/sim/machine.ts";
import { FASTER_WINDOWS, THROWS_AT_START, WRONG_PORT } from "../../tools/sim/variants.ts";
import { type EnergyBench, variantBundle } from "../support/energy_bench.ts";
import { MACHINE_TEST_MS, machineBench, needing } from "../support/machine_under_test.ts";
import { bundleFile, ota, otaCommand, runTool, watchedOta } from "../support/ota_tool.ts";

setDefaultTimeout(MACHINE_TEST_MS);

const test = needing("link", "setup");

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

let changed: Uint8Array;
beforeAll(async () => {
  changed = await variantBundle("ota-changed", FASTER_WINDOWS);
});

const nameOf = (bundle: Uint8Array) => Buffer.from(bundle.subarray(16, 24)).toString("hex");

/** A device that has published its first window. */
async function running(moreConfig: string[] = []): Promise<EnergyBench<BenchMachine>> {
  const energy = await machineBench(moreConfig);
  ends.push(energy.close);
  await energy.bench.machine.powerOn();
  expect(await energy.saw(energy.published("VA"))).toBe(true);
  return energy;
}

test("a changed build is sent, proves itself and is confirmed", async () => {
  const energy = await running();
  const from = energy.seen.length;
  const { code, out, err } = await ota(energy, "--bundle", await bundleFile(energy, changed));
  expect([code, err]).toEqual([0, ""]);
  expect(out).toMatch(/meter runs energy \S+, bundle [0-9a-f]{16} \(permanent\)/);
  expect(out).toContain("connected, key verified");
  expect(out).toContain("verified and committed");
  expect(out).toContain(`meter has confirmed bundle ${nameOf(changed)}.`);
  expect(energy.seen.slice(from).some(energy.published("Log", `trial confirmed ${nameOf(changed)}`))).toBe(true);
  expect(energy.bench.machine.resets).toEqual(["software"]);
});

test("without --bundle it builds the profile that the device runs, and sends nothing when that is the same", async () => {
  const energy = await running();
  const { code, out, events } = await ota(energy, "--json");
  expect(code).toBe(0);
  expect(events.map((each) => each["event"])).toEqual(["found", "bundle", "done"]);
  expect(events.at(-1)).toMatchObject({ event: "done", result: "same" });
  expect(out).not.toContain("progress");
  expect(energy.seen.some((each) => each.kind === "publish" && each.payload === "open")).toBe(false);
  expect(energy.bench.machine.resets).toEqual([]);
});

test("--json is one object per line, from found to done", async () => {
  const energy = await running();
  const { code, events } = await ota(energy, "--json", "--bundle", await bundleFile(energy, changed));
  expect(code).toBe(0);
  const kinds = events.map((each) => each["event"] as string);
  const order = ["found", "bundle", "connected", "progress", "committed", "restarting", "sent", "done"];
  expect([...new Set(kinds.filter((each) => each !== "trial"))]).toEqual(order);
  expect(events.at(-1)).toEqual({ event: "done", result: "confirmed", bundle: nameOf(changed) });
});

test("a build that throws at start: the tool tells the exception with its TypeScript file and line", async () => {
  const energy = await running();
  const path = await bundleFile(energy, await variantBundle("ota-throws", THROWS_AT_START));
  const { code, out, err } = await ota(energy, "--bundle", path);
  expect(code).toBe(1);
  expect(out).toContain("restarting");
  expect(err).toMatch(
    /error: meter took bundle [0-9a-f]{16} back: it crashed\. It runs [0-9a-f]{16} \(permanent\) again\./,
  );
  expect(err).toContain("Error: this build throws at start");
  const line = (await Bun.file("device/loop.ts").text())
    .split("\n")
    .findIndex((each) => each.startsWith("export class Loop {"));
  expect(err).toMatch(new RegExp(`\\(device/loop\\.ts:${line + 1}\\)`));
  expect(await energy.saw(energy.published("VA"), energy.seen.length)).toBe(true);
});

test("a build that never reaches the broker is taken back at its deadline, and the tool says so", async () => {
  const energy = await running();
  const path = await bundleFile(energy, await variantBundle("ota-unreachable", WRONG_PORT));
  const { code, err, events } = await ota(energy, "--json", "--bundle", path);
  expect(code).toBe(1);
  expect(err).toContain("did not prove in time that it can be reached");
  expect(events.find((each) => each["event"] === "done")).toMatchObject({ result: "rolledBack", why: "deadline" });
});

test("a bundle that was taken back before is sent again, with a warning", async () => {
  const energy = await running();
  const path = await bundleFile(energy, await variantBundle("ota-throws", THROWS_AT_START));
  expect((await ota(energy, "--bundle", path)).code).toBe(1);
  const { code, out } = await ota(energy, "--bundle", path);
  expect(code).toBe(1);
  expect(out).toContain("this bundle was taken back before: it crashed; sending it again");
});

test("keep manual: the tool says what to do, and keepversion does it", async () => {
  const energy = await running(["keep manual"]);
  // Not as fast as it goes: the trial ends after 5 min.
  const { code, out } = await watchedOta(energy, () => {}, "--bundle", await bundleFile(energy, changed));
  expect(code).toBe(0);
  expect(out).toContain("on trial: waiting until the device has proved that it can be reached");
  expect(out).toContain("publish `keepversion` on cmnd/meter/OTA to make it permanent");
  const from = energy.seen.length;
  await energy.bench.broker?.publish("cmnd/meter/OTA", "keepversion");
  expect(await energy.saw(energy.published("Log", `version kept ${nameOf(changed)}`), from)).toBe(true);
});

test("a connection that is cut half-way goes on where it was", async () => {
  const energy = await running();
  const half = 20_000;
  const proxy = await DelayProxy.start({ host: energy.bench.machine.address, port: LINK_PORT, breakAfterBytes: half });
  ends.push(() => proxy.stop());
  const path = await bundleFile(energy, changed);
  const { code, events } = await ota(
    energy,
    "--json",
    "--force",
    "--bundle",
    path,
    "--addr",
    `127.0.0.1:${proxy.port}`,
  );
  expect(code).toBe(0);
  expect(events.find((each) => each["event"] === "retry")).toMatchObject({ attempt: 1 });
  const resumed = events.find((each) => each["event"] === "resumed");
  expect(resumed?.["offset"]).toBeGreaterThan(half / 2);
  expect(resumed?.["offset"]).toBeLessThanOrEqual(half);
  expect(events.at(-1)).toMatchObject({ result: "confirmed" });
});

test("an update that was broken off for good leaves the running bundle alone, and a later one goes on", async () => {
  const energy = await running();
  const proxy = await DelayProxy.start({
    host: energy.bench.machine.address,
    port: LINK_PORT,
    breakAfterBytes: 20_000,
  });
  let stopped: Promise<void> | undefined;
  const stopWhenBroken = (out: string) => {
    if (out.includes("broken off")) stopped ??= proxy.stop();
  };
  const path = await bundleFile(energy, changed);
  const broken = await watchedOta(
    energy,
    stopWhenBroken,
    "--force",
    "--bundle",
    path,
    "--addr",
    `127.0.0.1:${proxy.port}`,
  );
  await stopped;
  expect(broken.code).toBe(1);
  expect(broken.err).toContain("cannot connect to 127.0.0.1");
  expect(energy.bench.machine.resets).toEqual([]);
  expect(await energy.saw(energy.published("VA"), energy.seen.length)).toBe(true);
  const later = await ota(energy, "--force", "--bundle", path);
  expect(later.code).toBe(0);
  expect(later.out).toMatch(/the device has \d+ of \d+ bytes already; going on from there/);
});

test("--no-wait ends when it is sent", async () => {
  const energy = await running();
  const { code, out } = await ota(energy, "--no-wait", "--bundle", await bundleFile(energy, changed));
  expect(code).toBe(0);
  expect(out).toContain("Not waiting");
  expect(out).not.toContain("confirmed");
});

const SCRIPT = Bun.which("script");
if (SCRIPT === null) console.warn("skipped: the progress bar on a terminal needs script(1), package bsdutils");

(SCRIPT === null ? bunTest.skip : test)("a terminal gets a progress bar, anything else lines", async () => {
  const energy = await running();
  const args = ["--no-wait", "--bundle", await bundleFile(energy, changed)];
  const typed = otaCommand(energy, ...args).join(" ");
  const shown = await runTool(energy, () => {}, ["script", "-qec", typed, "/dev/null"]);
  expect(shown.code).toBe(0);
  expect(shown.out).toContain("\u2588");
  expect(shown.out).toMatch(/100 % (\d+)\/\1 bytes/);
  expect(await energy.saw(energy.published("LWT", "online"), energy.seen.length)).toBe(true);
  const piped = await ota(energy, ...args, "--force");
  expect(piped.out).not.toContain("\u2588");
});
