// The commands that reach a device over its update link, the same on every machine:
// HEARTH_MACHINE=host|qemu|qemu:CHIP|board:NAME bun test tests/e2e/any_machine_link.test.ts

import { afterAll, beforeAll, expect, setDefaultTimeout } from "bun:test";
import { createHash } from "node:crypto";
import { needing, rig } from "../support/machine_under_test.ts";
import type { Rig } from "../support/rig.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

/** Several blocks, and no two of them alike. */
const CONTENT = Buffer.from(Array.from({ length: 3000 }, (_, at) => `line ${at}\n`).join(""));
const SHA256 = createHash("sha256").update(CONTENT).digest("hex");
const test = needing("link");

let one: Rig;
let local = "";
beforeAll(async () => {
  one = await rig();
  local = await one.file("page.html", CONTENT);
  await one.powerOn();
  expect(await one.saw(one.published("LWT", "online"))).toBe(true);
});
afterAll(() => one.close());

const otatool = (...args: string[]) => one.tool("otatool", one.device, ...args);
const eventsOf = ({ out }: { out: string }) =>
  out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as object);

test("otatool sends, lists, hashes, gets and removes a file", async () => {
  const sent = await otatool("send", local, "web/page.html", "--json");
  expect([sent.code, sent.err]).toEqual([0, ""]);
  expect(eventsOf(sent).at(-1)).toMatchObject({ event: "sent", file: "web/page.html", bytes: CONTENT.length });
  const listed = eventsOf(await otatool("list", "--json"));
  expect(listed).toContainEqual({ event: "file", file: "web/page.html", bytes: CONTENT.length });
  const hashed = await otatool("hash", "web/page.html");
  expect(hashed.out).toContain(`${SHA256}  web/page.html (${CONTENT.length} bytes)`);
  const back = await one.file("back.html", "");
  expect((await otatool("get", "web/page.html", back)).code).toBe(0);
  expect(Buffer.from(await Bun.file(back).arrayBuffer()).equals(CONTENT)).toBe(true);
  expect((await otatool("rm", "web/page.html")).code).toBe(0);
  const gone = await otatool("hash", "web/page.html");
  expect([gone.code, gone.err]).toEqual([1, expect.stringContaining("there is no file web/page.html on the device")]);
});

test("otatool --fault tells what the device said, and the file is whole in the end", async () => {
  const { out } = await otatool("send", local, "faulty.html", "--fault", "badmac");
  expect(out).toContain("--fault badmac: ");
  expect(out).not.toContain("was not used");
  expect((await otatool("hash", "faulty.html")).out).toContain(SHA256);
  expect((await otatool("rm", "faulty.html")).code).toBe(0);
});

test("otascript carries out its lines in order and stops at the one that fails", async () => {
  const script = await one.file("tidy.script", `send ${local} a.html\ncmd getversion\nget no_such.html\nrm a.html\n`);
  const { code, out, err } = await one.tool("otascript", one.device, script);
  expect([code, err]).toEqual([1, expect.stringContaining(`${script}:3: there is no file no_such.html`)]);
  expect(out).toMatch(/version \{"profile":"energy"/);
  expect((await otatool("hash", "a.html")).code).toBe(0);
  await one.file("tidy.script", "rm a.html\n");
  const second = await one.tool("otascript", one.device, script);
  expect([second.code, second.out]).toEqual([0, expect.stringContaining("all 1 lines were carried out")]);
  expect((await otatool("hash", "a.html")).code).toBe(1);
});

test("otacmd shows the answer", async () => {
  const { code, out } = await one.tool("otacmd", one.device, "stats");
  expect([code, out]).toEqual([0, expect.stringContaining("heap")]);
  const opened = await one.tool("otacmd", one.device, "open", "--json");
  expect(eventsOf(opened)).toContainEqual({ line: expect.stringMatching(/^netstatus \d+ addr /) });
});

test("who has not the device's key is refused, and the device goes on", async () => {
  const key = await one.file("wrong.key", `${"22".repeat(32)}\n`);
  const { code, err } = await otatool("list", "--key-file", key);
  expect([code, err]).toEqual([1, expect.stringContaining("otakey")]);
  expect((await otatool("info")).code).toBe(0);
});
