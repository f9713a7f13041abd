// The power is lost in every storage operation of a configuration's trial: while config.txt comes in, at its commit, in the trial, at its
// confirmation, in its roll-back. Each time the device must come back with the old or the new config.txt, whole, and take another one.

import { afterAll, beforeAll, setDefaultTimeout } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostFirmware } from "../../tools/sim/firmware.ts";
import type { CutDevice, Version } from "../support/cut_device.ts";
import { sweepCuts } from "../support/cut_sweep.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";
import { type SmallBundle, smallBundle } from "../support/small_bundle.ts";

setDefaultTimeout(SLOW_TEST_MS);

const folder = mkdtempSync(join(tmpdir(), "hearth-cut-config-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let firmware = "";
let bundle: SmallBundle;
beforeAll(async () => {
  firmware = await hostFirmware();
  bundle = await smallBundle("old");
});

/** Lines behind those that every configuration here has: what is sent in the story, and what is sent after a cut. */
const CHANGED = "keep auto";
const NEXT = ["discovery none", "espnowversion auto"];
/** Nothing listens there. */
const UNREACHABLE = "mqttport 9";

test("a configuration that is confirmed", () => sweep("config", CHANGED, undefined, 12, 0));

test("a configuration that the device cannot be reached with, and its roll-back", () =>
  sweep("config_unreachable", UNREACHABLE, "deadline", 18, 0));

test("a configuration that the device cannot use, and its roll-back", () =>
  sweep("config_unusable", "ssid", "config", 6, 1));

function sweep(name: string, line: string, why: string | undefined, atLeast: number, skip: number): Promise<void> {
  // The last one of a token counts, but a must that is missing is missing.
  const sent = (device: CutDevice): string =>
    line === "ssid" ? device.config().replace(/^ssid .*\n/, "") : device.config(line);
  return sweepCuts(
    {
      name,
      boots: why === undefined ? 2 : 3,
      skip,
      atLeast,
      begin: (device) => device.restore(undefined, bundle.bytes),
      act: (device) => put(device, sent(device)),
      ends: async (device) => {
        const version = await settled(device, why === undefined ? sent(device) : device.config());
        if (version === undefined) return `config.txt is ${JSON.stringify((await device.version())?.config)}`;
        const rejected = version.config.rejected;
        if (rejected?.why !== why) return `taken back: ${JSON.stringify(rejected)}`;
        return rejected === null || rejected.hash === hashOf(sent(device)) ? undefined : "another one was taken back";
      },
      comesBack: async (device, { again }) => {
        const version = await device.version();
        if (version === undefined) return "it does not come back to the broker";
        if (version.bundle !== bundle.name || version.state !== "permanent")
          return `it runs ${JSON.stringify(version)}`;
        const present = readFileSync(join(device.flashDir, "files", "config.txt"), "utf8");
        const next = NEXT.map((each) => device.config(each));
        const known = [device.config(), sent(device), ...(again ? next : [])];
        if (!known.includes(present)) return `config.txt is neither the old nor the new one: ${present}`;
        const good = next.find((each) => each !== present) ?? "";
        if (!(await put(device, good))) return "it does not take a configuration";
        return (await settled(device, good)) === undefined ? "the next configuration is not confirmed" : undefined;
      },
    },
    firmware,
    folder,
  );
}

function put(device: CutDevice, config: string): Promise<boolean> {
  return device.session(async (link) => {
    await link.putFile("config.txt", Buffer.from(config));
    await link.reboot();
  });
}

const hashOf = (config: string): string => createHash("sha256").update(config).digest("hex").slice(0, 16);

/** Waits until this configuration is in force for good; undefined when it never is. */
async function settled(device: CutDevice, config: string): Promise<Version | undefined> {
  let last: Version | undefined;
  const done = await device.eventually((version) => {
    last = version;
    return version.config.hash === hashOf(config) && version.config.state === "permanent";
  });
  return done ? last : undefined;
}
