// The device's life from power on to roll-back, the same on every machine:
// HEARTH_MACHINE=host|qemu|qemu:CHIP|board:NAME bun test tests/e2e/any_machine.test.ts

import { afterEach, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { profileBundle } from "../../tools/sim/firmware.ts";
import { FASTER_WINDOWS, THROWS_AT_START } from "../../tools/sim/variants.ts";
import { variantBundle } from "../support/energy_bench.ts";
import { has, needing, rig } from "../support/machine_under_test.ts";
import type { Rig } from "../support/rig.ts";

/** An emulated chip needs real minutes for a trial that fails. */
const REAL_TIME_TEST_MS = 900_000;
setDefaultTimeout(REAL_TIME_TEST_MS);

let changed: Uint8Array;
let throwing: Uint8Array;
beforeAll(async () => {
  changed = await variantBundle("any-changed", FASTER_WINDOWS);
  throwing = await variantBundle("any-throws", THROWS_AT_START);
});

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A device that is on the broker. */
async function online(): Promise<Rig> {
  const one = await rig();
  ends.push(one.close);
  await one.powerOn();
  expect(await one.saw(one.published("LWT", "online"))).toBe(true);
  return one;
}

test("the meter tells that it is well, and its values after each window", async () => {
  const one = await online();
  // A device that has been on for longer has told it already, and tells it again when it is asked.
  await one.send("Refresh", "1");
  expect(await one.saw(one.published("VA"))).toBe(true);
  expect(await one.saw(one.published("Malfunction", "0"))).toBe(true);
});

needing("uart")("what the meter measures is on the broker after its first window", async () => {
  const one = await rig();
  ends.push(one.close);
  one.load(231.5, 1000);
  await one.powerOn();
  expect(await one.saw(one.published("VA"))).toBe(true);
  expect(one.seen.some(one.published("V", "231.5"))).toBe(true);
  expect(one.seen.some(one.published("W", "1000.0"))).toBe(true);
});

test("a reboot command leads back to the broker", async () => {
  const one = await online();
  const from = one.seen.length;
  const counted = has("resets", "the reason of the reset");
  const resets = counted ? one.resets().length : 0;
  await one.send("OTA", "reboot");
  expect(await one.saw(one.published("LWT", "online"), from)).toBe(true);
  expect(await one.saw(one.published("Log", "reboot reboot command"), from)).toBe(true);
  if (counted) expect(one.resets().slice(resets)).toEqual(["software"]);
});

needing("power")("a power cut leads back to the broker", async () => {
  const one = await online();
  await one.powerCut();
  const from = one.seen.length;
  await one.powerOn();
  expect(await one.saw(one.published("LWT", "online"), from)).toBe(true);
});

needing("link")(
  "a changed bundle is sent over the air, proves itself and is kept; one that throws is taken back",
  async () => {
    const one = await online();
    const good = await one.ota(changed);
    expect([good.code, good.err]).toEqual([0, ""]);
    expect(good.out).toContain(`${one.name} has confirmed bundle`);
    const bad = await one.ota(throwing);
    expect(bad.code).toBe(1);
    expect(bad.err).toContain("back: it crashed");
    expect(bad.err).toContain("this build throws at start");
    expect(await one.saw(one.published("VA"), one.seen.length)).toBe(true);
    // A board is left as it was found.
    expect((await one.ota(await profileBundle("energy"))).code).toBe(0);
  },
);

test("getversion, partitions and stats are answered", async () => {
  const one = await online();
  for (const [command, answer] of [
    ["getversion", /^version \{/],
    ["partitions", /^partitions? /],
    ["stats", /^connlost events net \d+ mqtt \d+/],
  ] as const) {
    const from = one.seen.length;
    await one.send("OTA", command);
    const asked = (line: string) => answer.test(line);
    expect(await one.saw((each) => each.kind === "publish" && asked(each.payload), from, 60_000)).toBe(true);
  }
});

test("an exception is stored, told at the next connection, and gone after msg_rm", async () => {
  const one = await online();
  const log = (begin: string) => (each: (typeof one.seen)[number]) =>
    each.kind === "publish" && each.topic.endsWith("/Log") && each.payload.startsWith(begin);
  await one.send("OTA", "test_exception");
  expect(await one.saw(log("exception {"))).toBe(true);
  await one.send("OTA", "msg_rm");
  expect(await one.saw(log("messages removed"))).toBe(true);
  const from = one.seen.length;
  await one.send("OTA", "msg_exception");
  expect(await one.saw(log("exception none"), from)).toBe(true);
});

needing("serial")("a file goes over the serial port, and is there already the second time", async () => {
  const one = await rig({ serial: true });
  ends.push(one.close);
  await one.powerOn();
  expect(await one.saw(one.published("LWT", "online"))).toBe(true);
  const copy = () => one.serialTool("pcp", "README.md", "any_machine.md");
  const first = await copy();
  expect([first.code, first.err]).toEqual([0, ""]);
  const second = await copy();
  expect(second.out).toContain("already");
});

needing(
  "power",
  "setup",
  "link",
)("a faulty configuration leads to recovery, a good one back", async () => {
  const one = await online();
  const { machine, config } = one.bench;
  await one.powerCut();
  await machine.writeFile("config.txt", config.replace("watchdog 1\n", ""));
  let from = one.seen.length;
  await one.powerOn();
  expect(await one.saw(one.published("Log", "recovery: config: watchdog is missing"), from)).toBe(true);
  from = one.seen.length;
  const sent = await one.tool("ota_config", one.device, await one.file("good.txt", config), "--profile", "energy");
  expect([sent.code, sent.err]).toEqual([0, ""]);
  expect(await one.saw(one.published("VA"), from)).toBe(true);
});

needing("power", "setup")("a permanent bundle that crashes at each start gives way to recovery", async () => {
  const one = await online();
  await one.powerCut();
  await one.bench.machine.installBundle(throwing);
  const from = one.seen.length;
  await one.powerOn();
  expect(await one.saw(one.published("Log", "recovery: crashloop"), from)).toBe(true);
  expect(one.resets()).toEqual(["software", "software", "software"]);
});

needing("network")("a device whose network goes away comes back to the broker when it returns", async () => {
  const one = await online();
  one.setNetwork(false);
  expect(await one.saw(one.published("LWT", "offline"))).toBe(true);
  const from = one.seen.length;
  one.setNetwork(true);
  expect(await one.saw(one.published("LWT", "online"), from)).toBe(true);
  expect(one.resets()).toEqual([]);
});

needing("pins")("the LED on pin 2 blinks", async () => {
  const one = await online();
  expect(one.seen.filter((event) => event.kind === "pin" && event.pin === 2).length).toBeGreaterThan(3);
});
