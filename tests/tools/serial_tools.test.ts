// The parts of the serial commands that need no device: settings, ports, modem lines, the stream from a device, and readable back traces.

import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { storeArtifact } from "../../tools/lib/artifacts.ts";
import { resetToBootLoader, resetToProgram } from "../../tools/lib/board_reset.ts";
import { checkRemoteName } from "../../tools/lib/put_file.ts";
import { choosePort } from "../../tools/lib/serial_device.ts";
import { encodeSerialFrame, SerialSplitter } from "../../tools/lib/serial_framing.ts";
import { listPorts, openPort } from "../../tools/lib/serial_port.ts";
import { setting } from "../../tools/lib/settings.ts";
import { TraceLines } from "../../tools/lib/trace_lines.ts";
import { Pty } from "../../tools/sim/pty.ts";

const folder = mkdtempSync(join(tmpdir(), "hearth-tools-"));
const kept = { port: process.env["SERIAL_PORT"], artifacts: process.env["HEARTH_ARTIFACTS"] };
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  restore("SERIAL_PORT", kept.port);
  restore("HEARTH_ARTIFACTS", kept.artifacts);
});
function restore(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}

test("a setting comes from the environment, else from the file; an empty variable switches it off", () => {
  const file = join(folder, "env");
  writeFileSync(file, '# mine\nSERIAL_PORT="/dev/file"\n');
  restore("SERIAL_PORT", undefined);
  expect(setting("SERIAL_PORT", file)).toBe("/dev/file");
  expect(setting("SERIAL_PORT", join(folder, "none"))).toBeUndefined();
  process.env["SERIAL_PORT"] = "/dev/env";
  expect(setting("SERIAL_PORT", file)).toBe("/dev/env");
  process.env["SERIAL_PORT"] = "";
  expect(setting("SERIAL_PORT", file)).toBeUndefined();
});

test("the port: the option, then the setting, then the only one; else the message names them", () => {
  process.env["SERIAL_PORT"] = "";
  expect(choosePort("/dev/a", () => ["/dev/b"])).toBe("/dev/a");
  expect(choosePort(undefined, () => ["/dev/b"])).toBe("/dev/b");
  expect(() => choosePort(undefined, () => [])).toThrow("plug the board in");
  expect(() => choosePort(undefined, () => ["/dev/b", "/dev/c"])).toThrow("/dev/b, /dev/c");
  process.env["SERIAL_PORT"] = "/dev/env";
  expect(choosePort(undefined, () => [])).toBe("/dev/env");
});

test("ports are listed by their names, in order", () => {
  const dev = mkdtempSync(join(folder, "dev"));
  for (const name of ["ttyUSB10", "ttyUSB2", "ttyACM0", "ttyS0", "tty1", "cu.usbserial-1", "cu.Bluetooth"])
    writeFileSync(join(dev, name), "");
  const names = (platform: NodeJS.Platform) => listPorts(dev, platform).map((path) => path.slice(dev.length + 1));
  expect(names("linux")).toEqual(["ttyACM0", "ttyUSB2", "ttyUSB10"]);
  expect(names("darwin")).toEqual(["cu.usbserial-1"]);
  expect(() => names("win32")).toThrow("--port");
});

test("modem lines: the sequences of esptool for its classic reset circuit", async () => {
  let steps: string[] = [];
  const port = {
    setLines: async ({ dtr, rts }: { dtr: boolean; rts: boolean }) =>
      void steps.push(`GPIO0 ${dtr && !rts ? 0 : 1} EN ${rts && !dtr ? 0 : 1}`),
  };
  const sleep = async (ms: number) => void steps.push(`${ms} ms`);
  await resetToProgram(port, sleep);
  expect(steps).toEqual(["GPIO0 1 EN 0", "100 ms", "GPIO0 1 EN 1"]);
  steps = [];
  await resetToBootLoader(port, sleep);
  expect(steps).toEqual(["GPIO0 1 EN 0", "100 ms", "GPIO0 0 EN 1", "50 ms", "GPIO0 1 EN 1"]);
});

test("names on a device", () => {
  for (const name of ["a", "web/index.html", "A-b_c.d", "x".repeat(63)]) checkRemoteName(name);
  for (const name of ["", "../a", "/a", "a/", "a//b", ".a", "a/.b", "a b", "a\0", "ä", "x".repeat(64)])
    expect(() => checkRemoteName(name)).toThrow("no name on a device");
});

function split(pieces: Uint8Array[], settle = false): string[] {
  const out: string[] = [];
  const splitter = new SerialSplitter({
    frame: (content) => out.push(`frame ${Buffer.from(content)}`),
    text: (bytes) => out.push(`text ${Buffer.from(bytes)}`),
    junk: (bytes) => out.push(`junk ${bytes.length}`),
  });
  for (const piece of pieces) splitter.push(piece);
  if (settle) splitter.settle();
  return out;
}
const FRAME = encodeSerialFrame(Buffer.from("hello"));

test("the stream of a device: frames beside text, at every split", () => {
  const wire = Buffer.concat([Buffer.from("ab"), FRAME, FRAME, Buffer.from("cd")]);
  for (let at = 0; at <= wire.length; at++) {
    const parts = split([wire.subarray(0, at), wire.subarray(at)]);
    const text = parts.filter((each) => each.startsWith("text ")).map((each) => each.slice(5));
    expect(text.join("")).toBe("abcd");
    expect(parts.filter((each) => !each.startsWith("text "))).toEqual(["frame hello", "frame hello"]);
  }
});

test("the stream of a device: what was cut or changed is junk, and log lines behind a stray zero are still shown", () => {
  const taken = encodeSerialFrame(Uint8Array.of(0x82, 0, 1, 0, 0, 0, 9));
  expect(split([taken.subarray(0, 6), FRAME])).toEqual(["junk 5", "frame hello"]);
  expect(split([Uint8Array.of(0), Buffer.from("a log line\r\n"), FRAME])).toEqual([
    "text a log line\r\n",
    "frame hello",
  ]);
  expect(split([Uint8Array.of(0), Buffer.from("a log line\r\n")], true)).toEqual(["text a log line\r\n"]);
});

function storeTestArtifact(): string {
  const name = "00112233445566aa";
  process.env["HEARTH_ARTIFACTS"] = folder;
  const map = { version: 3, sources: ["profiles/x/x.ts"], names: [], mappings: "AAKA" };
  storeArtifact({
    bundle: new Uint8Array(0),
    script: "work()",
    map: JSON.stringify(map),
    functions: "{}",
    meta: { name, profile: "x", version: "1", engineId: "", apiHash: "", bodyBytes: 1 },
  });
  return name;
}

test("back traces get files and lines once the boot line has told the bundle; other text passes at once", () => {
  const name = storeTestArtifact();
  const lines = new TraceLines();
  const push = (text: string) => lines.push(Buffer.from(text));
  expect(push("    at work (1:1)\r\n")).toBe("    at work (1:1)\n");
  expect(push(`boot: x 1 ${name} slot 0\r\n`)).toContain(name);
  expect(push("typ")).toBe("typ");
  expect(push("ing\r\n")).toBe("ing\n");
  expect(push("    a")).toBe("");
  expect(push("t work (1:1)\r\n")).toMatch(/^ {4}at work \(.*x\.ts:6\)\n$/);
  const exception = JSON.stringify({ message: "Error: no", stack: "    at work (1:1)", hash: name });
  expect(push(`exception ${exception}\r\n`)).toMatch(/^exception Error: no\n {4}at work \(.*x\.ts:6\)\n$/);
  expect(push("exception none\r\n")).toBe("exception none\n");
  expect(push("at")).toBe("");
  expect(lines.flush()).toBe("at");
});

test("a port that went away before anybody listened is told all the same", async () => {
  const pty = new Pty();
  const port = await openPort(pty.path);
  pty.close();
  const why = await new Promise<string>((resolve) => {
    // Until the port itself has noticed.
    port.onEnd = () => {
      port.onEnd = resolve;
    };
  });
  expect(why).toBe("unplugged");
});

test("bytes pass a port both ways, and one that is closed can be opened again", async () => {
  const pty = new Pty();
  for (const word of ["one", "two"]) {
    const port = await openPort(pty.path);
    const there = new Promise<string>((resolve) => {
      pty.onData = (bytes) => resolve(Buffer.from(bytes).toString());
    });
    const back = new Promise<string>((resolve) => {
      port.onData = (bytes) => resolve(Buffer.from(bytes).toString());
    });
    port.send(Buffer.from(`${word}\0\r\n`));
    pty.send(Buffer.from(`${word}\0\n`));
    expect(await there).toBe(`${word}\0\r\n`);
    expect(await back).toBe(`${word}\0\n`);
    port.close();
  }
  pty.close();
  await expect(openPort(pty.path)).rejects.toThrow("cannot open");
});
