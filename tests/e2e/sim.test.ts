// Proves `bun run sim` as a program: options, JSON, a seed that repeats, and a person at the keyboard.

import { afterAll, expect, setDefaultTimeout } from "bun:test";
import { join } from "node:path";
import { ROOT } from "../../tools/lib/paths.ts";
import { run as runProgram } from "../../tools/lib/run.ts";
import { simFolder } from "../../tools/sim/bench.ts";
import { SimBroker } from "../../tools/sim/broker.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { forgetDevices, jsonLines, type Script, sim, typing as typeInto } from "../support/sim_program.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const NAME = `test_${process.pid}`;

afterAll(() => forgetDevices([NAME]));

const run = (seed: string, ...more: string[]) =>
  sim("energy", "--name", NAME, "--json", "--for", "5m", "--warp", "max", "--seed", seed, ...more);

test("a profile without parts of its own runs too, and its outputs are shown", async () => {
  const { code, out } = await sim("tnowc", "--name", NAME, "--for", "2m", "--warp", "max", "--seed", "1");
  expect([code, out]).toEqual([0, expect.stringMatching(/pin 2 [●○]/)]);
  expect(out).toMatch(new RegExp(`stat/${NAME}/Uptime +1`));
});

test.each(["no_such", "recovery"])("%s is no profile that comes up alone", async (profile) => {
  const { code, err } = await sim(profile, "--for", "1m");
  expect([code, err]).toEqual([1, expect.stringContaining(`no profile "${profile}" that comes up alone`)]);
});

test("--json prints one object per line, in order, and --for ends at its time", async () => {
  const { code, out } = await run("1");
  expect(code).toBe(0);
  const events = jsonLines(out);
  const times = events.map((each) => each["t"] as number);
  expect(times).toEqual([...times].sort((a, b) => a - b));
  expect(times.at(-1)).toBeGreaterThan(290_000);
  expect(times.at(-1)).toBeLessThanOrEqual(300_000);
  expect(new Set(events.map((each) => each["kind"]))).toEqual(
    new Set(["log", "cpu", "pin", "net", "frame", "connect", "subscribe", "publish"]),
  );
  const online = events.find((each) => each["topic"] === `stat/${NAME}/LWT`);
  expect(online).toMatchObject({ kind: "publish", payload: "online", retain: true });
});

test("the same --seed gives the same publications in the same order, another one others", async () => {
  const publications = async (seed: string) =>
    jsonLines((await run(seed)).out).flatMap((each) =>
      each["kind"] === "publish" ? [`${each["topic"]} ${each["payload"]}`] : [],
    );
  const [first, second, other] = [await publications("5"), await publications("5"), await publications("6")];
  expect(first.length).toBeGreaterThan(20);
  expect(second).toEqual(first);
  expect(other).not.toEqual(first);
});

test("--warp keeps device time from running ahead", async () => {
  const startedMs = performance.now();
  const { code } = await sim("energy", "--name", NAME, "--json", "--for", "60s", "--warp", "40", "--seed", "1");
  expect(code).toBe(0);
  expect(performance.now() - startedMs).toBeGreaterThan(1500);
});

const typing = (json: boolean, script: Script) =>
  typeInto(["energy", "--name", NAME, "--warp", "200", "--seed", "3", ...(json ? ["--json"] : [])], script);

const topic = (name: string, payload: string) => (out: string) =>
  out.includes(`"topic":"stat/${NAME}/${name}","payload":"${payload}"`);

test("what is typed happens, and every kind of event is told as JSON", async () => {
  const out = await typing(true, [
    [topic("Malfunction", "0"), "v 207.5"],
    [topic("Vmax", "207.5"), "w 1000"],
    [topic("W", "1000.0"), "fault exception"],
    [topic("Malfunction", "4"), "wifi off"],
    [(text) => text.includes('"kind":"net","state":"lost"'), "wifi on"],
    [topic("LWT", "online"), "broker off"],
    [(text) => text.includes("mqtt: connection refused"), "broker on"],
    [topic("LWT", "online"), "ota stats"],
    [topic("Log", "connlost events net 1 mqtt 2"), "reset"],
    [(text) => text.includes('"kind":"reset","reason":"power on"'), "nonsense"],
    [topic("LWT", "online"), "power off"],
    [topic("LWT", "offline"), "power on"],
    [topic("LWT", "online"), "q"],
  ]);
  const kinds = new Set(
    out.split("\n").flatMap((line) => (line.startsWith("{") ? [(JSON.parse(line) as { kind: string }).kind] : [])),
  );
  expect([...kinds].sort()).toEqual(
    ["connect", "cpu", "disconnect", "frame", "log", "net", "pin", "publish", "reset", "subscribe"].sort(),
  );
  expect(out).toContain('"nonsense" is not a command; h lists them');
});

test("--broker takes a broker elsewhere, and what passes there is shown", async () => {
  const broker = await SimBroker.start();
  const { code, out } = await run("1", "--broker", broker.url);
  await broker.close();
  expect(code).toBe(0);
  const events = jsonLines(out);
  expect(events.some((each) => each["kind"] === "publish" && each["topic"] === `stat/${NAME}/VA`)).toBe(true);
  expect(events.some((each) => each["kind"] === "connect")).toBe(false); // only a broker of our own tells that
});

test("a person gets rows under a head, and an answer to what was typed", async () => {
  const out = await typing(false, [
    [(text) => text.includes("online (retained)"), "h"],
    [(text) => text.includes("presses the reset button"), "v 400000"],
    [(text) => text.includes('takes a number from 0 to 400, or "auto"'), "fault silence"],
    [(text) => text.includes("the meter's fault is: silence"), "q"],
  ]);
  expect(out).toMatch(/^device time +topic +value$/m);
  expect(out).toMatch(new RegExp(`^\\d\\d:\\d\\d:\\d\\d\\.\\d{3}  stat/${NAME}/LWT +online \\(retained\\)$`, "m"));
  expect(out).not.toContain("\x1b");
});

test("wrong options are told apart from failures", async () => {
  expect((await sim("--help")).out).toContain("bun run sim energy --json --warp max --for 1h --seed 1");
  for (const args of [
    ["--warp", "0"],
    ["--for", "ten"],
    ["--seed", "-1"],
    ["--broker", "http://x"],
    ["--name", "a b"],
  ]) {
    const { code, err } = await sim("energy", ...args);
    expect([args[0], code]).toEqual([args[0] as string, 2]);
    expect(err).toContain(args[0] as string);
  }
  const { code, err } = await sim("energy", "--broker", "mqtt://127.0.0.1:9");
  expect(code).toBe(1);
  expect(err).toContain("No broker at mqtt://127.0.0.1:9");
});

test("--serial gives a port that the serial commands find the device at", async () => {
  const command = [process.execPath, join(ROOT, "tools", "sim.ts"), "energy", "--name", NAME, "--json", "--serial"];
  const child = Bun.spawn([...command, "--seed", "1"], { stdin: "ignore", stdout: "pipe", stderr: "ignore" });
  try {
    let out = "";
    for await (const piece of child.stdout) {
      out += new TextDecoder().decode(piece);
      if (out.includes("boot: energy")) break;
    }
    const port = jsonLines(out.slice(0, out.lastIndexOf("\n"))).find((each) => each["kind"] === "serial")?.["path"];
    const tool = [
      process.execPath,
      join(ROOT, "tools", "pcp.ts"),
      join(ROOT, "README.md"),
      "readme",
      "--port",
      String(port),
    ];
    const { code, stderr } = await runProgram(tool);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(await Bun.file(join(simFolder(NAME), "files", "readme")).text()).toBe(
      await Bun.file(join(ROOT, "README.md")).text(),
    );
  } finally {
    child.kill("SIGINT");
    await child.exited;
  }
});
