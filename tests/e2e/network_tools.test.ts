// Proves otatool, otascript, otacmd, monmqtt and discover against a device that runs: the programs that a user types, the host firmware, a
// broker and real TCP between them.

import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { ROOT } from "../../tools/lib/paths.ts";
import { type EnergyBench, energyBench } from "../support/energy_bench.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { runTool, type ToolRun } from "../support/ota_tool.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

/** Several blocks, and no two of them alike. */
const CONTENT = Buffer.from(Array.from({ length: 3000 }, (_, at) => `line ${at}\n`).join(""));
const SHA256 = createHash("sha256").update(CONTENT).digest("hex");

let energy: EnergyBench;
let local = "";
beforeAll(async () => {
  energy = await energyBench();
  local = join(energy.folder, "page.html");
  await Bun.write(local, CONTENT);
  await energy.bench.machine.powerOn();
  expect(await energy.saw(energy.published("VA"))).toBe(true);
  energy.bench.world.setPace(1);
});
afterAll(() => energy.close());

async function run(command: string, ...args: string[]): Promise<ToolRun> {
  const ran = await runTool(energy, () => {}, [process.execPath, join(ROOT, "tools", `${command}.ts`), ...args]);
  energy.bench.world.setPace(1);
  return ran;
}

const url = () => energy.bench.broker?.url as string;

test("otatool sends, lists, hashes, gets and removes a file", async () => {
  const sent = await run("otatool", "meter", "send", local, "web/page.html", "--json");
  expect([sent.code, sent.err]).toEqual([0, ""]);
  expect(sent.events.at(-1)).toMatchObject({ event: "sent", file: "web/page.html", bytes: CONTENT.length });
  const listed = await run("otatool", "meter", "list", "--json");
  expect(listed.events).toContainEqual({ event: "file", file: "web/page.html", bytes: CONTENT.length });
  const hashed = await run("otatool", "meter", "hash", "web/page.html");
  expect(hashed.out).toContain(`${SHA256}  web/page.html (${CONTENT.length} bytes)`);
  const back = join(energy.folder, "back.html");
  expect((await run("otatool", "meter", "get", "web/page.html", back)).code).toBe(0);
  expect(Buffer.from(await Bun.file(back).arrayBuffer()).equals(CONTENT)).toBe(true);
  expect((await run("otatool", "meter", "rm", "web/page.html")).code).toBe(0);
  const gone = await run("otatool", "meter", "hash", "web/page.html");
  expect([gone.code, gone.err]).toEqual([1, expect.stringContaining("there is no file web/page.html on the device")]);
});

test("otatool info tells what the device is", async () => {
  const { code, events } = await run("otatool", "meter", "info", "--json");
  expect(code).toBe(0);
  expect(events.at(-1)).toMatchObject({
    event: "info",
    hello: { name: "meter", machine: "host", bundle: { profile: "energy" } },
    heap: [expect.any(Number), expect.any(Number), expect.any(Number), expect.any(Number)],
  });
});

test("otatool --fault tells what the device said, and the file is whole in the end", async () => {
  const { out } = await run("otatool", "meter", "send", local, "faulty.html", "--fault", "badmac");
  expect(out).toContain("--fault badmac: ");
  expect(out).not.toContain("was not used");
  const hashed = await run("otatool", "meter", "hash", "faulty.html");
  expect(hashed.out).toContain(SHA256);
});

test("otascript carries out its lines in order and stops at the one that fails", async () => {
  const script = join(energy.folder, "tidy.script");
  await Bun.write(script, `send ${local} a.html\ncmd getversion\nget no_such.html\nrm a.html\n`);
  const { code, out, err } = await run("otascript", "meter", script);
  expect([code, err]).toEqual([1, expect.stringContaining(`${script}:3: there is no file no_such.html`)]);
  expect(out).toMatch(/version \{"profile":"energy"/);
  expect((await run("otatool", "meter", "hash", "a.html")).code).toBe(0);
  await Bun.write(script, "rm a.html\n");
  const second = await run("otascript", "meter", script);
  expect([second.code, second.out]).toEqual([0, expect.stringContaining("all 1 lines were carried out")]);
  expect((await run("otatool", "meter", "hash", "a.html")).code).toBe(1);
});

test("otacmd shows the answer, and needs no key", async () => {
  const bare = join(energy.folder, "bare.txt");
  await Bun.write(bare, "mqttname meter\n");
  const { code, out } = await run("otacmd", "meter", "stats", "--config", bare, "--broker", url());
  expect([code, out]).toEqual([0, expect.stringContaining("heap")]);
  const opened = await run("otacmd", "meter", "open", "--json");
  expect(opened.events).toContainEqual({ line: expect.stringMatching(/^netstatus \d+ addr /) });
});

test("otacmd fails when nobody answers", async () => {
  const { code, err } = await run("otacmd", "nobody", "stats", "--broker", url(), "--timeout", "1");
  expect([code, err]).toEqual([1, expect.stringContaining("nobody did not answer `stats` in 1 s")]);
});

test("discover tells who is online and who is not, and where it was found", async () => {
  await energy.bench.broker?.publish("stat/attic/LWT", "offline", true);
  const { code, events } = await run("discover", "--json", "--broker", url());
  expect(code).toBe(0);
  expect(events).toHaveLength(2);
  expect(events[0]).toMatchObject({ name: "attic", online: false });
  expect(events[1]).toMatchObject({
    name: "meter",
    online: true,
    profile: "energy",
    state: "permanent",
    address: energy.bench.machine.address,
  });
  const table = await run("discover", "--broker", url());
  expect(table.out).toMatch(/meter .* online .* energy/);
});

test("monmqtt shows topics, and an exception with its TypeScript file and line", async () => {
  let asked = false;
  const command = [process.execPath, join(ROOT, "tools", "monmqtt.ts"), "meter", "--broker", url(), "--for", "4"];
  const ask = (out: string): void => {
    if (!asked && out.includes("stat/meter/")) void energy.bench.broker?.publish("cmnd/meter/OTA", "test_exception");
    asked ||= out.includes("stat/meter/");
  };
  const { code, out } = await runTool(energy, ask, command);
  expect(code).toBe(0);
  expect(out).toMatch(/cmnd\/meter\/OTA +test_exception/);
  expect(out).toMatch(/stat\/meter\/Log +exception Error: .*\n(.*\n)*? +at \S+ \(device\/\S+\.ts:\d+\)/);
});
