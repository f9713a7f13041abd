// Proves on the host firmware what becomes of mishaps: exceptions, a network or a broker that stays away, and what is told of them later.

import { afterEach, expect, setDefaultTimeout } from "bun:test";
import { type EnergyBench, energyBench, variantBundle } from "../support/energy_bench.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const MINUTE_MS = 60_000;
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A device that is online; `edit`: what runs at the end of the energy meter's start. */
async function online(edit?: string): Promise<EnergyBench> {
  const find = 'appliance.command("Ticker"';
  const edits = { file: "profiles/energy/main.ts", find, replace: `${edit}\n  ${find}` };
  const energy = await energyBench(edit === undefined ? undefined : await variantBundle("mishap", edits));
  ends.push(energy.close);
  await energy.bench.machine.powerOn();
  expect(await energy.saw(energy.published("LWT", "online"))).toBe(true);
  return energy;
}

/** The next line on Log that begins so, from event number `from` on. */
async function logged(energy: EnergyBench, beginning: string, from: number, limitMs?: number): Promise<string> {
  let line = "";
  await energy.saw(
    (event) => {
      if (event.kind === "publish" && event.topic === "stat/meter/Log" && event.payload.startsWith(beginning))
        line = event.payload;
      return line !== "";
    },
    from,
    limitMs,
  );
  return line;
}

async function command(energy: EnergyBench, word: string, answer: string): Promise<string> {
  const from = energy.seen.length;
  await energy.bench.broker?.publish("cmnd/meter/OTA", word);
  return logged(energy, answer, from);
}

test("test_exception is published, kept over a cut of power until msg_rm, and survived", async () => {
  const energy = await online();
  const { machine } = energy.bench;
  const told = await command(energy, "test_exception", "exception {");
  const exception = JSON.parse(told.slice("exception ".length));
  expect(exception.message).toBe("Error: test_exception");
  expect(exception.stack).toMatch(/^ {4}at .*\(\d+:\d+\)/);
  expect(machine.resets).toEqual([]);
  const from = energy.seen.length;
  await machine.powerCut();
  await machine.powerOn();
  expect(await logged(energy, "exception {", from)).toContain("test_exception");
  expect(await command(energy, "msg_exception", "exception ")).toContain("test_exception");
  expect(await command(energy, "msg_rm", "messages removed")).toBe("messages removed");
  expect(await command(energy, "msg_exception", "exception ")).toBe("exception none");
});

test("a sensor's task that throws does not stop the device, nor the meter", async () => {
  const energy = await online('appliance.loop.task(() => { throw new Error("bad sensor"); }).every(1000);');
  expect(await logged(energy, "exception {", 0)).toContain("bad sensor");
  expect(await energy.saw(energy.published("VA"))).toBe(true);
  expect(energy.bench.machine.resets).toEqual([]);
  // Counted each time, told once a minute.
  const stats = await command(energy, "stats", "dropped events");
  expect(Number(/exceptions (\d+)$/.exec(stats)?.[1])).toBeGreaterThan(50);
  const told = energy.seen.filter((each) => each.kind === "publish" && each.payload.includes("bad sensor"));
  expect(told.length).toBeLessThanOrEqual(3);
});

test("an exception in the core restarts the device, which tells it when it is back", async () => {
  const once = 'if (native.nvsGet("t", "done") === undefined) appliance.loop.task(() => {';
  const energy = await online(
    `${once} native.nvsSet("t", "done", "1"); throw new Error("core is hurt"); }, true).once(90_000);`,
  );
  expect(await energy.saw((event) => event.kind === "reset")).toBe(true);
  const from = energy.seen.length;
  expect(await logged(energy, "exception {", from)).toContain("core is hurt");
  expect(await logged(energy, "reboot ", from)).toBe("reboot exception");
  expect(await energy.saw(energy.published("VA"), from)).toBe(true);
  expect(energy.bench.machine.resets).toEqual(["software"]);
});

test("ten minutes without a network restart the device; it says why, and counts the losses", async () => {
  const energy = await online();
  const { world, machine } = energy.bench;
  world.act(() => machine.board.setNetwork(false));
  const from = energy.seen.length;
  await world.until(() => machine.resets.length > 0, 12 * MINUTE_MS);
  expect(machine.resets).toEqual(["software"]);
  const lost = energy.seen.slice(from).find((each) => each.kind === "net" && each.state === "lost")?.t ?? 0;
  const reset = energy.seen.slice(from).find((each) => each.kind === "reset")?.t ?? 0;
  expect(reset - lost).toBeGreaterThanOrEqual(10 * MINUTE_MS);
  expect(reset - lost).toBeLessThan(10 * MINUTE_MS + 6000);
  world.act(() => machine.board.setNetwork(true));
  expect(await logged(energy, "reboot ", from)).toBe("reboot no network for 10 min");
  expect(await command(energy, "stats", "connlost")).toBe("connlost events net 1 mqtt 1");
  expect(await command(energy, "resetstats", "stats reset")).toBe("stats reset");
  expect(await command(energy, "stats", "connlost")).toBe("connlost events net 0 mqtt 0");
});

test("ten minutes without a word from the broker restart the device, and it says why", async () => {
  const energy = await online();
  const { world, machine, broker } = energy.bench;
  const from = energy.seen.length;
  if (broker !== undefined) broker.mute = true;
  broker?.dropClients();
  await world.until(() => machine.resets.length > 0, 12 * MINUTE_MS);
  expect(machine.resets).toEqual(["software"]);
  if (broker !== undefined) broker.mute = false;
  broker?.dropClients();
  expect(await logged(energy, "reboot ", from)).toBe("reboot no MQTT for 10 min");
});

test("after open the status comes every 10 s, for ten minutes", async () => {
  const energy = await online();
  const { world, broker, machine } = energy.bench;
  const from = energy.seen.length;
  await broker?.publish("cmnd/meter/OTA", "open");
  await world.until(() => false, 12 * MINUTE_MS);
  const status = energy.seen.slice(from).filter(energy.published("OTA"));
  expect(status.length).toBeGreaterThanOrEqual(59);
  expect(status.length).toBeLessThanOrEqual(61);
  expect(status.map((each) => (each.kind === "publish" ? each.payload : "")).slice(0, 2)).toEqual([
    expect.stringMatching(new RegExp(`^netstatus 3 addr ${machine.address} mac [0-9A-F:]{17} flavor energy count 1$`)),
    expect.stringMatching(/ count 2$/),
  ]);
});

test("Refresh publishes everything again", async () => {
  const energy = await online();
  expect(await energy.saw(energy.published("VA"))).toBe(true);
  const from = energy.seen.length;
  await energy.bench.broker?.publish("cmnd/meter/Refresh", "1");
  await energy.bench.world.until(() => false, 1000);
  const topics = energy.seen
    .slice(from)
    .flatMap((each) => (each.kind === "publish" && each.topic.startsWith("stat/") ? [each.topic.slice(11)] : []));
  expect(topics.sort()).toEqual(["A", "Amax", "Malfunction", "Uptime", "V", "VA", "Vmax", "Vmin", "W"]);
});
