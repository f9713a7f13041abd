// `bun run ota scale --via manager` as a user starts it, against a battery scale and its gateway as processes of the host firmware.

import { afterEach, expect, setDefaultTimeout } from "bun:test";
import { join } from "node:path";
import { ROOT } from "../../tools/lib/paths.ts";
import { profileBundle } from "../../tools/sim/firmware.ts";
import { dropVariant, type Edit, THROWS_AT_START, variantOf } from "../../tools/sim/variants.ts";
import { HostScale } from "../support/host_scale.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { runToolIn, type ToolRun } from "../support/ota_tool.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(2 * SLOW_TEST_MS);

let scale: HostScale;
afterEach(() => scale.close());

const nameOf = (bundle: Uint8Array) => Buffer.from(bundle.subarray(16, 24)).toString("hex");

async function variant(name: string, edit: Edit): Promise<Uint8Array> {
  const root = await variantOf("scale_sensor", name, [edit]);
  return profileBundle("scale_sensor", root).finally(() => dropVariant(root));
}

/** Both are on, have paired, and the scale has weighed once. */
async function begun(version: string, loss = 0, seed = 1): Promise<void> {
  scale = await HostScale.make({ version, settings: { loss, ackLoss: loss }, seed });
  await scale.manager.powerOn();
  await scale.run(40_000);
  await scale.sensor.powerOn();
  expect(await scale.world.until(() => scale.of("Weight").length > 0, 2 * 3_600_000)).toBe(true);
}

/** Runs a tool to its end; from the moment that the mail is at the gateway time runs as fast as it can. */
function via(tool: string, ...args: string[]): Promise<ToolRun> {
  let posted = false;
  const watch = (out: string) => {
    if (posted || !out.includes('"event":"posted"')) return;
    posted = true;
    scale.world.setPace("fast");
  };
  const command = [process.execPath, join(ROOT, "tools", `${tool}.ts`), "scale", ...args, "--via", "manager", "--json"];
  return runToolIn(scale.world, scale.folder, watch, command);
}

async function ota(bundle: Uint8Array): Promise<ToolRun> {
  const path = join(scale.folder, "update.bin");
  await Bun.write(path, bundle);
  return via("ota", "--bundle", path);
}

const NEXT: Edit = {
  file: "profiles/scale_sensor/scale_sensor.ts",
  find: "SAMPLE_MS = 1000",
  replace: "SAMPLE_MS = 900",
};

/** The body of the bundle in a slot of the sensor's flash. */
const bodyIn = async (slot: number, length: number) =>
  Buffer.from(await Bun.file(join(scale.sensor.flashDir, `app_${slot}.bin`)).arrayBuffer()).subarray(
    4096,
    4096 + length,
  );

async function expectConfirmed(run: ToolRun, bundle: Uint8Array): Promise<void> {
  expect([run.code, run.err]).toEqual([0, ""]);
  expect(run.events.at(-1)).toMatchObject({ event: "done", result: "confirmed", bundle: nameOf(bundle) });
  const body = bundle.subarray(256);
  expect(Buffer.compare(await bodyIn(1, body.length), body)).toBe(0);
  const boots = scale.lines.sensor.filter((line) => line.includes(nameOf(bundle)));
  expect(boots[0]).toContain("slot 1, on trial");
  await scale.run(3_600_000 + 60_000);
  const later = scale.lines.sensor.findLast((line) => line.startsWith("boot: "));
  expect(later).toContain(nameOf(bundle));
  expect(later).not.toContain("on trial");
}

test("version 3, 30 % loss, sleep in between: byte-exact, on trial, permanent", async () => {
  await begun("3", 0.3);
  const bundle = await variant("via", NEXT);
  await expectConfirmed(await ota(bundle), bundle);
  const { resets } = scale.sensor;
  expect(resets.slice(0, resets.indexOf("software")).length).toBeGreaterThan(2);
  expect(resets.filter((reason) => reason !== "deep sleep")).toEqual(["software"]);
});

test("version 2, the gateway without power in the middle: it costs time, not bytes", async () => {
  await begun("2", 0.1, 2);
  const bundle = await variant("via2", NEXT);
  let blocks = 0;
  let cut: Promise<void> | undefined;
  scale.broker.observe((event) => {
    if (event.kind !== "publish" || event.topic !== "stat/Manager/Mail" || ++blocks !== 4) return;
    cut = scale.manager.powerCut().then(() => scale.manager.powerOn());
  });
  const run = await ota(bundle);
  await cut;
  await expectConfirmed(run, bundle);
  expect(scale.lines.manager.filter((line) => line.startsWith("boot: ")).length).toBe(2);
});

test("a bundle that throws is taken back, and the tool says where it threw", async () => {
  await begun("3");
  const running = await profileBundle("scale_sensor");
  const bad = await variant("via-bad", THROWS_AT_START);
  const run = await ota(bad);
  expect(run.code).toBe(1);
  expect(run.events.find((each) => each["event"] === "done")).toMatchObject({
    result: "rolledBack",
    bundle: nameOf(bad),
    why: "crash",
    running: nameOf(running),
  });
  const { error } = run.events.at(-1) as { error: string };
  expect(error).toContain("this build throws at start");
  // The TypeScript place.
  expect(error).toMatch(/at \S+ \(device\/loop\.ts:\d+\)/);
  await scale.run(3_600_000 + 60_000);
  expect(scale.of("Weight").length).toBeGreaterThan(2);
});

test("a configuration is tried and kept, and `keepversion` makes a trial permanent by hand", async () => {
  await begun("3");
  const file = join(scale.folder, "new.txt");
  const old = await Bun.file(join(scale.folder, "scale.txt")).text();
  await Bun.write(file, `${old}keep manual\n`);
  const tried = await via("ota_config", file);
  expect([tried.code, tried.err]).toEqual([0, ""]);
  expect(tried.events.at(-1)).toMatchObject({ result: "trial" });
  const kept = await via("otacmd", "keepversion");
  expect([kept.code, kept.err]).toEqual([0, ""]);
  expect(kept.events.at(-1)).toMatchObject({ event: "done", result: "kept" });
  const counters = await via("otacmd", "stats");
  expect([counters.code, counters.err]).toEqual([0, ""]);
  expect(counters.events.at(-1)).toMatchObject({
    event: "stats",
    stats: expect.stringMatching(/^exceptions 0 accepted \d+ .*mail refused 0$/),
  });
  await scale.run(9 * 3_600_000);
  expect(await Bun.file(join(scale.sensor.flashDir, "files", "config.txt")).text()).toBe(`${old}keep manual\n`);
});
