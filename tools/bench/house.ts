// Part `house`: a month of the whole house on two cores, and where the time of a day of it goes.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { TraceMap } from "@jridgewell/trace-mapping";
import { bundleScript, originalPlace } from "../lib/bundler.ts";
import { ROOT } from "../lib/paths.ts";
import { HOUSE_HALVES, HOUSE_PROFILES } from "../sim/house.ts";
import { joinedReports } from "../sim/house_days.ts";
import { readProfile, secondsBy } from "./cpu_profile.ts";
import type { Figure, Part } from "./figure.ts";
import { runHouse } from "./house_program.ts";

const SEED = 1;
const MONTH_DAYS = 30;

/** What a source file is part of, by the beginning of its path. The first that fits counts. */
const KINDS: readonly (readonly [path: string, kind: string])[] = [
  ["device/loop.ts", "loop"],
  ["device/mqtt", "mqtt"],
  ["device/publisher.ts", "mqtt"],
  ["device/netnow", "espnow"],
  ["device/drivers/", "drivers"],
  ["device/", "framework"],
  ["profiles/", "behaviour"],
  ["tools/sim/models/", "models"],
  ["tools/sim/one_wire_bus.ts", "models"],
  ["tools/sim/household.ts", "models"],
  ["tools/sim/tiny_broker.ts", "broker"],
  ["tools/sim/memory_net.ts", "broker"],
  ["node_modules/", "broker"],
  ["tools/sim/air.ts", "air"],
  ["tools/sim/memory_radio.ts", "air"],
  ["tools/sim/clock.ts", "clock"],
  ["tools/sim/memory_native.ts", "native"],
  ["tools/sim/memory_", "native"],
  ["tools/lib/", "native"],
  ["tools/sim/board.ts", "native"],
  ["tools/sim/printf.ts", "native"],
  ["tools/sim/", "trace"],
];

const MEANING: Record<string, string> = {
  loop: "the devices' loop: tasks, polls, events",
  mqtt: "the devices' MQTT client and publisher",
  espnow: "the devices' ESP-NOW",
  drivers: "the devices' drivers",
  framework: "the rest of the framework on the devices",
  behaviour: "what the profiles do",
  models: "models of the parts",
  broker: "broker and network in memory",
  air: "the air and its radios",
  clock: "the scheduler",
  native: "native in memory, the board, ciphers",
  trace: "what happens in the house, and the traces",
  rest: "not told by the profiler",
};

export const housePart: Part = {
  name: "house",
  title: "a month of the whole house, and where its time goes",
  async *measure(say) {
    say(`house: ${MONTH_DAYS} days in two processes, a minute or two`);
    const halves = HOUSE_HALVES.map((profiles) => runHouse({ seed: SEED, days: MONTH_DAYS, profiles }));
    const month = joinedReports(await Promise.all(halves));
    yield {
      key: "house.monthSeconds",
      value: month.realMs / 1000,
      unit: "s",
      method: `${MONTH_DAYS} days of all profiles with failures, one process for each half of the house`,
      better: "lower",
    };
    yield {
      key: "house.cpuSecondsPerDay",
      value: month.cpuMs / 1000 / MONTH_DAYS,
      unit: "s",
      method: "processor time of both a simulated day",
      better: "lower",
    };
    for (const profile of HOUSE_PROFILES)
      yield {
        key: `house.turnsPerDay.${profile}`,
        value: Math.round((month.turns[profile] ?? 0) / MONTH_DAYS),
        unit: "1/day",
        method: "turns of its loop",
        better: "lower",
      };
    say("house: a day under Bun's profiler");
    yield* whereTheTimeGoes();
  },
};

/** Seconds of one day of the whole house by kind of code, and of the devices' code by profile. */
async function* whereTheTimeGoes(): AsyncGenerator<Figure> {
  const folder = mkdtempSync(join(tmpdir(), "hearth-house-"));
  try {
    const maps = new Map<string, TraceMap>();
    for (const profile of HOUSE_PROFILES) {
      const { code, map } = await bundleScript(join(ROOT, "profiles", profile, "main.ts"), ROOT);
      // In one line with the script's first, so that its lines stay what they are.
      writeFileSync(join(folder, `${profile}.js`), `export default function (native) { ${code}\n}\n`);
      maps.set(profile, new TraceMap(map));
    }
    const flags = ["--cpu-prof", `--cpu-prof-dir=${folder}`];
    const { published } = await runHouse({ seed: SEED, days: 1, modules: folder }, flags);
    const profile = readProfile(folder);
    const source = (url: string, line: number, column: number): string | undefined => {
      const map = url.includes(folder) ? maps.get(basename(url, ".js")) : undefined;
      if (map !== undefined) return originalPlace(map, line, column) ?? "device/";
      const at = url.indexOf(`${ROOT}/`);
      return at < 0 ? undefined : url.slice(at + ROOT.length + 1);
    };
    const kindOf = (path: string | undefined) => path && KINDS.find(([begin]) => path.startsWith(begin))?.[1];
    const byKind = secondsBy(profile, (...place) => kindOf(source(...place)), "rest");
    for (const [kind, meaning] of Object.entries(MEANING))
      yield seconds(`house.secondsOfADay.${kind}`, byKind.get(kind), meaning);
    const byProfile = secondsBy(
      profile,
      (url) => (url.includes(folder) ? basename(url, ".js") : url.includes(`${ROOT}/`) ? "rest" : undefined),
      "rest",
    );
    for (const name of HOUSE_PROFILES)
      yield seconds(`house.secondsOfADay.of.${name}`, byProfile.get(name), `the code of ${name} on its device`);
    yield {
      key: "house.publicationsPerDay",
      value: published,
      unit: "1/day",
      method: "publications and commands in that day, and until everybody was reached",
      better: "lower",
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function seconds(key: string, value: number | undefined, what: string): Figure {
  return { key, value: value ?? 0, unit: "s", method: `${what}; samples of a day in one process`, better: "lower" };
}
