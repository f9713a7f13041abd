// Proves `bun run dev` on the host firmware: a save becomes a running program, a program that throws is taken back, and what is wrong with sources is shown.

import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { join } from "node:path";
import { ROOT } from "../../tools/lib/paths.ts";
import { profileBundle } from "../../tools/sim/firmware.ts";
import { dropVariant, type Edit, FASTER_WINDOWS, THROWS_AT_START, variantOf } from "../../tools/sim/variants.ts";
import { type EnergyBench, energyBench } from "../support/energy_bench.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { runTool } from "../support/ota_tool.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

let root = "";
let energy: EnergyBench;
beforeAll(async () => {
  root = await variantOf("energy", "dev", []);
  // The checks of the checkout itself, for the copy alone.
  const options = { extends: join(ROOT, "tsconfig.json"), include: ["device", "profiles"] };
  await Bun.write(join(root, "tsconfig.json"), JSON.stringify(options));
  energy = await energyBench(await profileBundle("energy"));
  await energy.bench.machine.powerOn();
  expect(await energy.saw(energy.published("VA"))).toBe(true);
});
afterAll(async () => {
  await energy?.close();
  dropVariant(root);
});

async function save({ file, find, replace }: Edit): Promise<void> {
  const path = join(root, file);
  const text = await Bun.file(path).text();
  expect(text).toContain(find);
  await Bun.write(
    path,
    text.replace(find, () => replace),
  );
}

const undo = ({ file, find, replace }: Edit): Edit => ({ file, find: replace, replace: find });

test("saves are tried one after the other: running, refused by the bundler, taken back, running again", async () => {
  const { bench } = energy;
  const steps: (() => Promise<void>)[] = [
    () => save(FASTER_WINDOWS),
    () => save({ ...FASTER_WINDOWS, find: FASTER_WINDOWS.replace, replace: "export const WINDOW_MS = ;" }),
    () => save({ ...FASTER_WINDOWS, find: "export const WINDOW_MS = ;", replace: FASTER_WINDOWS.replace }),
    () => save(THROWS_AT_START),
    () => save(undo(THROWS_AT_START)),
    () => save(undo(FASTER_WINDOWS)),
  ];
  let watching = 0;
  let restarts = 0;
  let interrupted = false;
  const command = ["tools/dev.ts", "energy", "meter", "--root", root, "--config", energy.configFile, "--json"];
  const ran = await runTool(
    energy,
    (out) => {
      // Time flies while the device restarts and proves itself, and runs slowly while bytes of the link are on their way.
      const seen = out.split('"event":"restarting"').length - 1;
      if (seen > restarts) bench.world.setPace("fast");
      restarts = seen;
      // The last save's type check is waited for: those before are ended by the next save.
      if (!interrupted && watching > steps.length && out.includes('"event":"types"')) {
        interrupted = true;
        process.kill(Number(/"pid":(\d+)/.exec(out)?.[1]), "SIGINT");
      }
      const now = out.split('"event":"watching"').length - 1;
      if (now === watching) return;
      watching = now;
      bench.world.setPace(5);
      void steps[watching - 1]?.();
    },
    [process.execPath, join(ROOT, command[0] as string), ...command.slice(1)],
  );
  expect([ran.code, ran.err]).toEqual([0, ""]);
  const told = ran.events.filter((each) => ["done", "same", "failed"].includes(String(each["event"])));
  expect(told.map((each) => each["result"] ?? each["event"])).toEqual([
    "same",
    "confirmed",
    "failed",
    "same",
    "rolledBack",
    "same",
    "confirmed",
  ]);
  const sent = ran.events.filter((each) => each["event"] === "committed").map((each) => Number(each["sentBytes"]));
  // Only the one that throws resets the chip, which takes it back.
  expect(bench.machine.resets).toEqual(["software"]);
  expect(sent).toHaveLength(3);
  expect(sent[0]).toBeLessThan(2048);
  expect(sent[2]).toBeLessThan(2048);
  expect(told[2]?.["why"]).toMatch(/energy\.ts:\d+/);
  expect(told[4]).toMatchObject({
    why: "crash",
    exception: expect.stringMatching(/throws at start[\s\S]*device\/loop\.ts:\d+/),
  });
  expect(ran.events.filter((each) => each["event"] === "ended")).toHaveLength(1);
  const types = ran.events.filter((each) => each["event"] === "types").map((each) => each["errors"]);
  expect(types.at(-1)).toBe("");
  expect(ran.events.some((each) => each["event"] === "log" && String(each["line"]).startsWith("reboot"))).toBe(true);
});
