// The serial commands against the host firmware over pseudo terminals, as a person uses them: a new board, files, the console, and a
// cable that is noisy, pulled, or shared with log lines.

import { afterEach, expect, setDefaultTimeout } from "bun:test";
import { closeSync, openSync } from "node:fs";
import { LinkClient } from "../../tools/lib/link_client.ts";
import { SerialChannel } from "../../tools/lib/serial_channel.ts";
import { openPort } from "../../tools/lib/serial_port.ts";
import { profileBundle } from "../../tools/sim/firmware.ts";
import { pattern } from "../support/link_bench.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { noise } from "../support/serial_bench.ts";
import { type SerialTool, serialTool, type ToolRun } from "../support/serial_tool.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const CONFIG = "ssid (none)\nmqttbroker nowhere\nmqttname meter\nwatchdog 1\n";
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function made(bundle?: Uint8Array): Promise<SerialTool> {
  const one = await serialTool(bundle);
  ends.push(one.close);
  return one;
}

/** Calls `act` once, as soon as a tool has printed `words`. */
function at(words: string, act: () => void): (out: string) => void {
  let done = false;
  return (out) => {
    if (done || !out.includes(words)) return;
    done = true;
    act();
  };
}

test("a new board: cpall, pcp_conf, and it runs its profile; keepversion makes it permanent", async () => {
  const tool = await made();
  const all = await tool.run("cpall", ["energy"]);
  expect(all.code).toBe(0);
  expect(all.out).toContain("no config.txt yet");
  const config = await tool.file("meter.txt", CONFIG);
  expect((await tool.run("pcp_conf", [config])).code).toBe(0);
  expect(Buffer.from((await tool.onDevice("config.txt")) ?? []).toString()).toBe(CONFIG);
  const version = await tool.run("console", ["--json"], { stdin: "getversion\n" });
  const line = version.events.map((each) => String(each["line"])).find((each) => each.startsWith("version "));
  expect(JSON.parse(line?.slice(8) ?? "{}")).toMatchObject({ profile: "energy", state: "trial" });
  const main = await tool.run("pcp_main", ["--keep", "--json"]);
  expect(main.events.at(-1)).toMatchObject({ event: "done", result: "confirmed" });
});

test("pcp: a file is sent and verified, and a second time it is there already", async () => {
  const tool = await made();
  const file = await tool.file("a.bin", pattern(30_000));
  const first = await tool.run("pcp", [file, "dir/a.bin", "--json"]);
  expect(first.events.at(-1)).toMatchObject({ event: "sent", file: "dir/a.bin", bytes: 30_000 });
  expect(await tool.onDevice("dir/a.bin")).toEqual(pattern(30_000));
  const second = await tool.run("pcp", [file, "dir/a.bin", "--json"]);
  expect(second.events).toEqual([{ event: "same", file: "dir/a.bin" }]);
});

test("pcp: wrong usage is told before the port is opened", async () => {
  const tool = await made();
  let bytes = 0;
  tool.cable.toDevice = (piece) => {
    bytes += piece.length;
    return piece;
  };
  const file = await tool.file("a.bin", "abc");
  for (const args of [
    [file, "../a"],
    [file, "/etc/passwd"],
    [`${file}x`, "a"],
    [file, "a", "--baud", "fast"],
    [file],
  ]) {
    const { code, err } = await tool.run("pcp", args);
    expect({ args, code }).toEqual({ args, code: 2 });
    expect(err).toContain("error:");
  }
  expect(bytes).toBe(0);
});

test("pcp_conf: a fault stops before anything is sent, and values are not shown", async () => {
  const tool = await made();
  const config = await tool.file("meter.txt", `${CONFIG}mqttport 99999999\notakey canary0123\n`);
  for (const args of [[config], [config, "--profile", "energy"]]) {
    const { code, err } = await tool.run("pcp_conf", args);
    expect(code).toBe(1);
    expect(err).toContain("nothing was sent");
    expect(err).toMatch(/line 5: mqttport .*\n.*line 6: otakey /);
    expect(err).not.toContain("canary0123");
  }
  expect(await tool.onDevice("config.txt")).toBeUndefined();
});

test("log lines in the middle of a transfer", async () => {
  const tool = await made();
  // Somebody asks for a log line after every frame of the tool.
  tool.cable.toDevice = (bytes) => (bytes.at(-1) === 0 ? Buffer.concat([bytes, Buffer.from("partitions\r")]) : bytes);
  const file = await tool.file("a.bin", pattern(50_000));
  expect((await tool.run("pcp", [file, "a.bin"])).code).toBe(0);
  expect(await tool.onDevice("a.bin")).toEqual(pattern(50_000));
  expect(tool.log.filter((line) => line.startsWith("partitions ")).length).toBeGreaterThan(20);
});

test("a noisy cable", async () => {
  const tool = await made();
  tool.cable.toDevice = noise(1, 4000);
  tool.cable.toTool = noise(2, 4000);
  const file = await tool.file("a.bin", pattern(50_000));
  expect((await tool.run("pcp", [file, "a.bin"])).code).toBe(0);
  expect(await tool.onDevice("a.bin")).toEqual(pattern(50_000));
});

test("a cable pulled half way and plugged in again: the same command goes on", async () => {
  const tool = await made();
  const file = await tool.file("a.bin", pattern(200_000));
  const pull = at("50 %", () => tool.cable.unplug());
  const replug = at("waiting", () => tool.replug());
  const { code, out } = await tool.run("pcp", [file, "a.bin"], {
    watch: (text) => {
      pull(text);
      replug(text);
    },
  });
  expect(code).toBe(0);
  expect(out).toContain("going on from there");
  expect(await tool.onDevice("a.bin")).toEqual(pattern(200_000));
});

test("the device is reset half way: the bundle goes on where it was", async () => {
  const tool = await made();
  const resets = at("50 %", () => void tool.machine.pressReset());
  const { code, out } = await tool.run("pcp_main", ["energy"], { watch: resets });
  expect(code).toBe(0);
  expect(out).toContain("verified and committed");
  expect(tool.machine.resets[0]).toBe("power on");
});

test("a fault on purpose: the device's answer is shown, and the old file stays", async () => {
  const tool = await made();
  const old = await tool.file("old.bin", pattern(5000, 1));
  await tool.run("pcp", [old, "a.bin"]);
  const file = await tool.file("a.bin", pattern(5000, 2));
  const { code, events, err } = await tool.run("pcp", [file, "a.bin", "--fault", "badcheck", "--json"]);
  expect(code).toBe(1);
  expect(err).toContain("checksum differs");
  expect(events.find((each) => each["event"] === "fault")).toMatchObject({
    name: "badcheck",
    used: true,
    answers: [expect.stringContaining("checksum differs")],
  });
  expect(await tool.onDevice("a.bin")).toEqual(pattern(5000, 1));
});

test("console: help is there, and a back trace comes in TypeScript", async () => {
  const tool = await made(await profileBundle("energy"));
  const config = await tool.file("meter.txt", CONFIG);
  await tool.run("pcp_conf", [config]);
  const { code, out } = await tool.run("console", [], { stdin: "help\ntest_exception\n" });
  expect(code).toBe(0);
  expect(out).toContain("commands: open commit");
  expect(out).toMatch(/exception Error: test_exception\n\s+at \S+ \(device\/ota_commands\.ts:\d+\)/);
});

/** A person at a terminal: types when the tool has printed something. */
async function person(
  tool: SerialTool,
  steps: [words: string, act: () => void][],
  ...args: string[]
): Promise<ToolRun> {
  const terminal = openSync(tool.keyboard.path, "r+");
  const watches = steps.map(([words, act]) => at(words, act));
  try {
    return await tool.run("console", args, {
      stdin: terminal,
      watch: (out) => {
        for (const watch of watches) watch(out);
      },
    });
  } finally {
    closeSync(terminal);
  }
}

test("console: a person types key by key, the device echoes, Ctrl-] leaves", async () => {
  const tool = await made();
  const type = (text: string) => tool.keyboard.send(Buffer.from(text));
  const { code, events } = await person(
    tool,
    [
      ['"open"', () => type("stats\x7f\x7f\x7f\x7f\x7fhelp\r")],
      ["commands: open commit", () => type("\x1d")],
    ],
    "--json",
  );
  expect(code).toBe(0);
  const shown = events.map((each) => String(each["line"])).slice(-2);
  expect(shown[0]).toBe("stats\b \b\b \b\b \b\b \b\b \bhelp");
  expect(shown[1]).toStartWith("commands: open commit");
});

test("console: a cable that was out is waited for", async () => {
  const tool = await made();
  const type = (text: string) => tool.keyboard.send(Buffer.from(text));
  const { code, out } = await person(
    tool,
    [
      ['"open"', () => tool.cable.unplug()],
      ['"gone"', () => tool.replug()],
      ['"back"', () => type("help\r")],
      ["commands: open commit", () => type("\x03")],
    ],
    "--json",
  );
  expect(code).toBe(0);
  expect(out).toContain("commands: open commit");
});

test("the firmware itself refuses names that would leave its files", async () => {
  const tool = await made();
  await Bun.write(`${tool.folder}/outside`, "outside");
  const client = await LinkClient.greet(new SerialChannel(await openPort(tool.cable.path ?? "")));
  try {
    for (const name of [
      "../outside",
      "../../outside",
      `${tool.folder}/outside`,
      "a/../../outside",
      "a\0b",
      "x".repeat(64),
    ]) {
      await expect(client.putFile(name, pattern(100))).rejects.toThrow("the device says");
      await expect(client.hash(name)).rejects.toThrow("the device says");
      await expect(client.remove(name)).rejects.toThrow("the device says");
    }
    expect([...(await client.list()).keys()]).toEqual([]);
  } finally {
    client.close();
  }
  expect(await Bun.file(`${tool.folder}/outside`).text()).toBe("outside");
});

test("no port, or several: the message says what to do", async () => {
  const tool = await made();
  const { code, err } = await tool.run("pcp", [await tool.file("a", "x"), "a", "--port", "/dev/nothing"]);
  expect(code).toBe(1);
  expect(err).toContain("is the board plugged in?");
});
