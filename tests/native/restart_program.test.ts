// A program that ends and the next one of the same boot: what was held is given back, what an owner would miss is kept, alike on the in-memory chip and
// the host firmware; and a hundred of them leave nothing behind, under the sanitizers.

import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildBundle, buildNative } from "../../tools/lib/native_build.ts";
import { partitionImage } from "../../tools/sim/flash_image.ts";
import { MACHINES } from "../support/both_machines.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const RELAY = 4;
const LAMP = 5;

/** Counts its starts in RTC memory, and restarts after two seconds of each but the last one. */
const counted = (starts: number, first: string, after: string) => `
const rtc = native.rtcRead();
const start = rtc[0];
rtc[0] = start + 1;
native.rtcWrite(rtc);
let turns = 0;
${first}
native.onTurn(() => {
  if (turns++ > 0) each(() => {});
  if (native.now() < 2000) return 2000;
  if (start + 1 >= ${starts}) return Infinity;
  ${after}
  try { native.restartProgram("start " + start); } catch (error) { tell("caught"); } finally { tell("finally"); }
  tell("went on");
});`;

for (const machine of MACHINES) {
  test(`${machine.name}: the next program starts as after a reset that was asked for, and no code of the old one runs`, async () => {
    const script = counted(
      3,
      "tell(start, native.now() < 1000, native.resetReason(), native.resetAsked(), native.rebootReason());",
      "",
    );
    const { told, resets } = await machine.run(script, 10_000);
    expect(told).toEqual(["0 true 0 false ", "1 true 1 true start 0", "2 true 1 true start 1"]);
    expect(resets).toEqual([]);
  });

  test(`${machine.name}: buses, sockets, sessions, receivers and events of the old program are gone`, async () => {
    const script = counted(
      3,
      `const key = new Uint8Array(32);
      const sessions = [native.noiseBegin(true, key, key), native.noiseBegin(true, key, key)];
      const bytes = new Uint8Array(4);
      tell(sessions, code(() => native.uartRead(1, bytes, 0)), code(() => native.i2cTransfer(0, 9, bytes, 1)),
        code(() => native.pulseRead()), native.espnowChannel(), native.nextEvent());
      native.uartOpen(1, 17, 16, 9600);
      native.i2cOpen(0, 21, 22, 100000);
      native.pulseOpen(14, 100);
      native.edgesOpen(27, 10, 9000, false);
      native.espnowOn(3, false);
      native.pinMode(18, 0, 0);
      native.pinWatch(18, true);
      native.netOn(0);
      native.netConnect("home", "secret");`,
      `let sockets = 0;
      while (code(() => native.socketListen(9000 + sockets)) >= 0) sockets++;
      tell("sockets", sockets >= 6);
      native.netOff(); // an event that nobody takes`,
    );
    const { told } = await machine.run(script, 10_000, (board) => {
      // Edges that no program watches any more.
      for (const ms of [4100, 4150]) board.clock.at(ms * 1000, () => board.drive(18, 1 - (board.inputs.get(18) ?? 0)));
    });
    expect(told).toEqual(["0,1 -5 -5 -5 0 ", "sockets true", "0,1 -5 -5 -5 0 ", "sockets true", "0,1 -5 -5 -5 0 "]);
  });

  test(`${machine.name}: a relay that is a boot pin keeps its level, any other output is let go`, async () => {
    const script = counted(
      2,
      `tell(native.pinRead(${RELAY}), code(() => native.pinWrite(${LAMP}, 1)));
      if (start === 0) {
        native.pinWrite(${RELAY}, 1);
        native.pinMode(${LAMP}, 3, 1);
      }`,
      "",
    );
    const pins: string[] = [];
    let outputs: [number, number][] = [];
    const { told } = await machine.run(
      script,
      5000,
      (board) => {
        board.observe((event) => {
          if (event.kind === "pin") pins.push(`${event.pin} ${event.level}`);
        });
        board.clock.at(4_900_000, () => {
          outputs = [...board.outputs];
        });
      },
      [RELAY],
    );
    expect(told).toEqual(["0 -2", "1 -2"]);
    expect(pins.filter((pin) => pin !== `${RELAY} 0`)).toEqual([`${RELAY} 1`, `${LAMP} 1`]);
    expect(outputs).toEqual([[RELAY, 1]]);
  });

  test(`${machine.name}: a network that is up stays for who asks for the same one`, async () => {
    const script = counted(
      5,
      `const [kind, ssid] = [[0, "home"], [0, "home"], [0, "other"], [1, ""], [1, ""]][start];
      tell(start, native.netState());
      native.netOn(kind);
      native.netConnect(ssid, "");
      tell(native.netState());
      if (start === 3) native.netOff();`,
      "",
    );
    const { told } = await machine.run(script, 20_000);
    expect(told.join(" ")).toBe("0 0 2 1 3 3 2 3 2 3 3 2 4 0 2");
  });
}

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), "hearth-again-"));
  folders.push(folder);
  return folder;
}

async function bundleOf(profile: string, script: string): Promise<Uint8Array> {
  const folder = temporary();
  const entry = join(folder, "main.ts");
  await Bun.write(entry, script);
  return (await buildBundle({ profile, entry, out: join(folder, "bundle.bin"), store: join(folder, "store") })).bundle;
}

/** Runs the firmware until it says `end` or ends by itself; what it said, its open files at that moment, and its exit code. */
async function ran(firmware: string, slots: Uint8Array[], end: string) {
  const flash = temporary();
  mkdirSync(flash, { recursive: true });
  for (const [slot, image] of slots.entries()) await Bun.write(join(flash, `app_${slot}.bin`), image);
  const child = Bun.spawn([firmware, "--flash", flash], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  let said = "";
  let files = 0;
  for await (const piece of child.stdout) {
    said += Buffer.from(piece).toString();
    if (!said.includes(`\n${end}\n`)) continue;
    files = readdirSync(`/proc/${child.pid}/fd`).length;
    child.kill();
    break;
  }
  const code = await child.exited;
  return { lines: said.trim().split("\n"), files, code, errors: await new Response(child.stderr).text() };
}

const HOLDS_MUCH = (starts: number) => `
const rtc = native.rtcRead();
const start = rtc[0]!;
rtc[0] = start + 1;
native.rtcWrite(rtc);
const ring: { self?: unknown; map: Map<string, Uint8Array>; next: () => unknown } = { map: new Map(), next: () => ring };
ring.self = ring;
class Held { bytes = native.random(100); get first() { return this.bytes[0]; } }
for (let i = 0; i < 20; i++) ring.map.set("key " + i, new Held().bytes);
native.netOn(0);
native.netConnect("home", "");
const sockets = [];
for (let i = 0; i < 6; i++) sockets.push(i < 5 ? native.socketListen(20000 + i) : native.socketConnect("127.0.0.1", 20000));
const key = new Uint8Array(32);
native.noiseBegin(true, key, key);
native.noiseWrite(native.noiseBegin(true, key, key), key);
native.uartOpen(1, 17, 16, 9600);
native.pulseOpen(14, 100);
native.edgesOpen(27, 10, 9000, true);
native.espnowOn(1, false);
native.watchdog(60000);
native.onTurn(() => {
  if (native.now() < 1) return 1;
  if (start + 1 < ${starts}) native.restartProgram("again");
  native.log("done");
  return Infinity;
});
native.log("live " + native.heap()[0] + " " + ring.map.size);
`;

test("a hundred programs in one boot, under the sanitizers: heap and open files as after the first", async () => {
  const firmware = (await buildNative({ sanitize: true })).hearth;
  const run = async (starts: number) => {
    const image = partitionImage(await bundleOf("again", HOLDS_MUCH(starts)), 1, true);
    const { lines, files, errors } = await ran(firmware, [image], "done");
    return { live: lines.filter((line) => line.startsWith("live ")), files, errors };
  };
  const few = await run(2);
  const many = await run(101);
  expect([few.errors, many.errors]).toEqual(["", ""]);
  expect(many.live).toHaveLength(101);
  // The first one has no reason of a restart to keep in memory.
  expect(new Set(many.live)).toEqual(new Set(few.live));
  expect(few.files).toBeGreaterThan(6);
  expect(many.files).toBe(few.files);
});

test("a trial that only restarts its program is over after eight starts; what comes then is another profile, so the chip is reset", async () => {
  const { hearth } = await buildNative();
  const old = partitionImage(await bundleOf("old", 'native.log("old");'), 1, true);
  const restless = `native.onTurn(() => native.restartProgram("again"));`;
  const { lines, code } = await ran(
    hearth,
    [old, partitionImage(await bundleOf("restless", restless), 2, false)],
    "old",
  );
  expect(lines.filter((line) => line.startsWith("boot: restless"))).toHaveLength(8);
  expect(lines.at(-1)).toMatch(/^boot: bundle \S+ of slot 1 is taken back: restart$/);
  expect(code).toBe(11);
});
