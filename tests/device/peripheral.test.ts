// Proves a peripheral's proof of reachability in memory: what is on trial stays once a central has confirmed the time, and goes otherwise.

import { beforeAll, expect, test } from "bun:test";
import { cobsEncode } from "../../device/cobs.ts";
import { HELLO } from "../../device/link.ts";
import { encodeBundle } from "../../tools/lib/bundle.ts";
import { Air } from "../../tools/sim/air.ts";
import { Board } from "../../tools/sim/board.ts";
import { SimClock } from "../../tools/sim/clock.ts";
import { MemoryChip } from "../../tools/sim/memory_native.ts";
import { MemoryNet } from "../../tools/sim/memory_net.ts";
import { FIRMWARE_STATE } from "../../tools/sim/memory_trials.ts";
import { freshNative } from "../support/fresh_native.ts";
import { profileScript } from "../support/profile_device.ts";
import { StandInCentral } from "../support/stand_in_central.ts";

const CONFIG = "espnowpsk key\nespnowgroup group\nespnowversion 2\nwatchdog 1\n";
const NAMES = { version: "1", engineId: "00".repeat(8), apiHash: "00".repeat(8), bootPins: [] };
const TRIAL_MS = 300_000;

let script = "";
beforeAll(async () => {
  freshNative();
  script = await profileScript("tnowp");
});

/** A range test peripheral whose newest bundle is on trial, beside a permanent one, powered for a moment. */
function onTrial(config = CONFIG): { chip: MemoryChip; air: Air } {
  const board = new Board(new SimClock());
  const air = new Air(board.clock);
  const chip = new MemoryChip({ board, air, net: new MemoryNet(board.clock) });
  const bundle = (text: string) => encodeBundle(Buffer.from(text), { profile: "tnowp", ...NAMES });
  [bundle(script), bundle(`${script}//new`)].forEach((bytes, slot) => {
    chip.slots.install(slot, bytes.subarray(0, 256), bytes.subarray(256), slot === 0);
  });
  chip.files.set("config.txt", Buffer.from(config));
  chip.start();
  chip.run(100);
  return { chip, air };
}

const state = ({ native }: MemoryChip) => [native.bundleInfo().slot, native.bundleInfo().state];

test("a bundle on trial is permanent once the central has confirmed the time", () => {
  const { chip, air } = onTrial();
  expect(state(chip)).toEqual([1, 1]);
  new StandInCentral(air, "key", "group");
  chip.run(60_000);
  expect(state(chip)).toEqual([1, 2]);
  chip.run(2 * TRIAL_MS);
  expect([state(chip), chip.resets]).toEqual([[1, 2], []]);
});

test("so are a firmware and a configuration on trial", () => {
  const { chip, air } = onTrial();
  chip.trials.images[0]!.state = FIRMWARE_STATE.pending;
  chip.trials.configTrial = true;
  new StandInCentral(air, "key", "group");
  chip.run(60_000);
  expect(chip.native.firmwareInfo().state).toBe(FIRMWARE_STATE.valid);
  expect(chip.native.configInfo().trial).toBe(false);
});

test("one that no central confirms is taken back after 5 min, and the old one runs", () => {
  const { chip } = onTrial();
  chip.run(TRIAL_MS + 1000);
  expect(state(chip)).toEqual([0, 2]);
  expect(chip.native.bundleInfo().rejectedWhy).toBe("deadline");
});

test("with keep manual a trial waits for a person", () => {
  const { chip, air } = onTrial(`${CONFIG}keep manual\n`);
  new StandInCentral(air, "key", "group");
  chip.run(60_000);
  expect(state(chip)).toEqual([1, 1]);
  chip.run(TRIAL_MS);
  expect(state(chip)).toEqual([0, 2]);
});

test("somebody at its console can keep the version and see the counters", () => {
  const { chip, air } = onTrial(`${CONFIG}keep manual\n`);
  new StandInCentral(air, "key", "group");
  chip.run(60_000);
  for (const line of ["stats", "keepversion", "something"]) {
    chip.consoleBytes(Buffer.from(`${line}\r\n`));
    chip.run(100);
  }
  expect(chip.logLines.slice(-3)).toEqual([
    expect.stringMatching(/^stats exceptions 0 accepted [1-9]/),
    expect.stringMatching(/^version kept [0-9a-f]{16}$/),
    "commands: keepversion reboot stats",
  ]);
  expect(state(chip)).toEqual([1, 2]);
});

test("over its console it is reached as any device is", () => {
  const { chip } = onTrial();
  const out: number[] = [];
  chip.consoleOut = (bytes) => {
    out.push(...bytes);
    return true;
  };
  const hello = Uint8Array.of(HELLO, 0, 1);
  const body = Buffer.concat([hello, new Uint8Array(4)]);
  body.writeUInt32BE(chip.native.crc32(hello, 0, 3), 3);
  // Wherever it stands in its start-up.
  chip.run(15_000);
  chip.consoleBytes(cobsEncode(body));
  chip.run(1000);
  expect(Buffer.from(out).toString("latin1")).toContain('"profile":"tnowp"');
});

test("start-up is short after a deep sleep: no random delay, and the watchdog is armed after 1 s instead of 10", () => {
  const { chip } = onTrial();
  const armedAfterMs = (limitMs: number): number => {
    const begunUs = chip.clock.nowUs;
    while (chip.boot.watchdog === undefined && chip.clock.nowUs < begunUs + limitMs * 1000) chip.clock.step();
    return (chip.clock.nowUs - begunUs) / 1000;
  };
  const atPowerOn = armedAfterMs(25_000);
  expect(atPowerOn).toBeGreaterThanOrEqual(9_900); // what ran before it is counted, too
  expect(atPowerOn).toBeLessThan(20_100);
  chip.reset("deep sleep", { kind: "asked" }, true, 0);
  chip.run(1);
  const afterSleep = armedAfterMs(25_000);
  expect(afterSleep).toBeGreaterThanOrEqual(999);
  expect(afterSleep).toBeLessThan(1001);
});
