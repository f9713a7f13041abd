// Proves `bun tools/entool.ts` as a user starts it: vectors of both versions both ways, and radios on the air of a folder.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { CONFIRM, decodeFrame, encodeFrame, netnowKeys, TIME } from "../../device/netnow_codec.ts";
import type { AirDatagram } from "../../tools/lib/air_datagram.ts";
import { AirRadio, BROADCAST } from "../../tools/lib/air_radio.ts";
import { variants } from "../../tools/lib/entool_attack.ts";
import { airFolder, endAfterEach, onEnd } from "../support/air_folder.ts";
import { entool, spawnEntool } from "../support/entool_program.ts";
import { freshNative } from "../support/fresh_native.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";
import two from "../vectors/espnow_v2.json";
import three from "../vectors/espnow_v3.json";

setDefaultTimeout(SLOW_TEST_MS);

const KEYS = ["--psk", "key", "--group", "group"];
const CENTRAL = "020000000001";
endAfterEach();

describe("version 2: every vector of the old fleet", () => {
  for (const [index, vector] of two.frames.entries()) {
    const { psk, group, frame, length: _, plaintext: __, ...json } = vector;
    test(`${index} ${vector.type}, both ways`, async () => {
      const keys = ["--psk", psk, "--group", group, "--json"];
      const decoded = await entool(["decode", frame, ...keys]);
      expect([decoded.code, JSON.parse(decoded.out)]).toEqual([0, json]);
      const encoded = await entool(["encode", JSON.stringify(json), ...keys, "--iv", frame.slice(0, 32)]);
      expect([encoded.code, encoded.out]).toEqual([0, JSON.stringify({ frame })]);
    });
  }
});

test("version 3: every vector of another implementation, both ways", async () => {
  for (const { type, fromCentral, session, count, plain, frame } of three.frames) {
    const json = {
      type,
      from: fromCentral ? "central" : "peripheral",
      session,
      count,
      ...(type === "confirm" ? { confirms: plain } : {}),
      ...(type === "back" ? { payload: plain } : {}),
      ...(type === "data" ? { origin: plain.slice(0, 16), payload: plain.slice(16) } : {}),
    };
    const key = ["--v", "3", "--pair-key", three.pairKey, "--json"];
    expect(JSON.parse((await entool(["decode", frame, ...key])).out)).toEqual(json);
    expect((await entool(["encode", JSON.stringify(json), ...key])).out).toBe(JSON.stringify({ frame }));
  }
});

test("a frame that is refused says why, with exit code 1", async () => {
  const frame = two.frames[1]?.frame as string;
  const bad = await entool(["decode", frame, "--psk", "other", "--group", "home", "--json"]);
  expect([bad.code, bad.out]).toEqual([1, '{"refused":"hmac"}']);
  const short = await entool(["decode", "00", ...KEYS, "--json"]);
  expect([short.code, short.out]).toEqual([1, '{"refused":"short"}']);
});

test("keys come from the environment, too, and are never shown", async () => {
  const env = { NETNOW_PSK: "a secret key", NETNOW_GROUP: "a secret group" };
  const { code, out, err } = await entool(["encode", '{"type":"wakeup"}'], env);
  expect(code).toBe(0);
  expect(out).toMatch(/^[0-9a-f]{152}$/);
  expect(out + err).not.toContain("secret");
});

test.each([
  ["no keys", ["decode", "00"], "NETNOW_PSK"],
  ["an odd number of digits", ["decode", "123", ...KEYS], "frame: bytes in hex"],
  ["what is no JSON", ["encode", "data", ...KEYS], "not a frame in JSON"],
  ["an unknown type", ["encode", '{"type":"hello"}', ...KEYS], "type hello: one of data"],
  ["too long a payload", ["encode", `{"type":"data","payload":"${"00".repeat(174)}"}`, ...KEYS], "does not fit"],
  ["a type of version 3 without a role", ["rx", "beacon", "--air", "x", ...KEYS], "need --role and --v 3"],
  ["an unknown fault", ["tx", "data", "--air", "x", "--fault", "odd", ...KEYS], "hmac"],
])("%s is wrong usage", async (_, args, message) => {
  const { code, err } = await entool(args);
  expect([code, err]).toEqual([2, expect.stringContaining(message)]);
});

test("a folder without an air says what to do", async () => {
  const { code, err } = await entool(["rx", "--air", "/nowhere", ...KEYS]);
  expect([code, err]).toEqual([1, expect.stringContaining("start a device with --air")]);
});

/** An air with a central of version 2 on channel 4 that confirms wakeups; what it heard, with why it was refused. */
function air() {
  freshNative();
  const folder = airFolder();
  const keys = netnowKeys("key", "group");
  const heard: string[] = [];
  const time = new Uint8Array(12).fill(1);
  const say = (subtype: number, payload: Uint8Array) =>
    radio.send(BROADCAST, encodeFrame(keys, { type: TIME, subtype, time, tid: native.random(12), payload }));
  const radio = new AirRadio({
    folder,
    mac: CENTRAL,
    channel: 4,
    longRange: true,
    onFrame: ({ bytes }) => {
      const packet = decodeFrame(keys, bytes);
      heard.push(
        typeof packet === "string" ? packet : `${packet.type} ${packet.time[11]} ${Buffer.from(packet.payload)}`,
      );
      if (typeof packet !== "string" && packet.type === 5) void say(CONFIRM, packet.tid);
    },
  });
  onEnd(() => radio.close());
  return { folder, heard, say, on: ["--air", folder, "--channel", "4", ...KEYS] };
}

test("tx data asks for the time, and the central takes it", async () => {
  const { heard, on } = air();
  const { code, out } = await entool(["tx", "data", ...on, "--to", CENTRAL, "--text", "topic\\nvalue"]);
  expect([code, out]).toEqual([0, expect.stringContaining("sent data")]);
  expect(heard).toEqual(["5 0 ", "1 1 topic\nvalue"]);
});

test("each fault is the one that is asked for", async () => {
  const { heard, on } = air();
  const sent = async (fault: string) => {
    heard.length = 0;
    await entool(["tx", "wakeup", ...on, "--to", CENTRAL, "--fault", fault]);
    return heard.slice();
  };
  for (const fault of ["hmac", "version", "group", "short", "type"]) expect(await sent(fault)).toEqual([fault]);
  expect(await sent("replay")).toEqual(["5 0 ", "5 0 "]);
});

test("nobody's acknowledgement is a failure", async () => {
  const { on } = air();
  const { code, err } = await entool(["tx", "wakeup", ...on, "--to", "0200000000ff"]);
  expect([code, err]).toEqual([1, expect.stringContaining("did not acknowledge")]);
});

/** Says the time again and again while the command runs. */
async function whileSaid(say: () => unknown, args: readonly string[]) {
  const timer = setInterval(say, 20);
  return entool(args).finally(() => clearInterval(timer));
}

test("rx waits for a frame, norx for none", async () => {
  const { say, on } = air();
  const back = () => say(2, new TextEncoder().encode("hello"));
  const came = await whileSaid(back, ["rx", "tsback", ...on, "--text", "ell", "--count", "2", "--for", "20", "--json"]);
  expect(came.code).toBe(0);
  expect(came.out.split("\n").map((each) => JSON.parse(each))).toEqual(
    Array(2).fill(expect.objectContaining({ type: "tsback", payload: "68656c6c6f", from: CENTRAL, channel: 4 })),
  );
  expect((await whileSaid(back, ["rx", "ts", ...on, "--for", "0.3"])).code).toBe(1);
  expect((await whileSaid(back, ["norx", "ts", ...on, "--for", "0.3"])).code).toBe(0);
  expect((await whileSaid(back, ["norx", "tsback", ...on, "--for", "20"])).code).toBe(1);
});

test("watch shows one line a frame, also of what it cannot open", async () => {
  const { folder, say } = air();
  const back = () => say(2, new TextEncoder().encode("hello"));
  const { out } = await whileSaid(back, ["watch", "--air", folder, ...KEYS, "--count", "1", "--for", "60"]);
  expect(out.split("\n")[0]).toMatch(/^ch {2}4 -50 dBm 020000000001 > all {10}tsback {5}tid [0-9a-f]{8} "hello"$/);
  const foreign = await whileSaid(back, [
    "watch",
    "--air",
    folder,
    "--psk",
    "x",
    "--group",
    "y",
    "--count",
    "1",
    "--for",
    "60",
  ]);
  expect(foreign.out.split("\n")[0]).toContain("refused hmac");
});

/** An attack that has begun to listen: its socket is in the folder. */
async function attacker(kind: string, folder: string) {
  const before = readdirSync(folder).length;
  const child = spawnEntool([
    "attack",
    kind,
    "--air",
    folder,
    ...KEYS,
    "--for",
    "120",
    "--frames",
    "1",
    "--wait",
    "0",
    "--json",
  ]);
  while (readdirSync(folder).length === before && child.exitCode === null) await Bun.sleep(5);
  return child;
}

test("attack says again what it heard, in its sender's name, and tells when that was answered", async () => {
  const { folder, heard, on } = air();
  const child = await attacker("replay", folder);
  await entool(["tx", "wakeup", ...on, "--to", CENTRAL]);
  const out = JSON.parse(await child.stdout.text());
  expect([await child.exited, out.attack]).toEqual([1, "replay"]);
  expect(out.answers).toBeGreaterThan(0);
  expect(heard.filter((each) => each === "5 0 ").length).toBe(2);
});

test("flipped bits are not answered", async () => {
  const { folder, heard, on } = air();
  const child = await attacker("flip", folder);
  await entool(["tx", "wakeup", ...on, "--to", CENTRAL]);
  expect([JSON.parse(await child.stdout.text()).answers, await child.exited]).toEqual([0, 0]);
  expect(heard.filter((each) => each === "hmac").length).toBeGreaterThan(70);
});

test("what an attack makes of a frame", () => {
  const frame: AirDatagram = {
    kind: "frame",
    channel: 1,
    longRange: true,
    rssi: -50,
    sequence: 1,
    from: CENTRAL,
    to: BROADCAST,
    bytes: Uint8Array.of(0, 0, 0),
  };
  expect(variants("delay", frame)).toEqual([frame]);
  expect(variants("reflect", { ...frame, to: "0200000000bb" })[0]).toMatchObject({ from: "0200000000bb", to: CENTRAL });
  expect(variants("reflect", frame)[0]?.to).toBe(CENTRAL);
  expect(variants("flip", frame).map(({ bytes }) => [...bytes])).toEqual([
    [1, 0, 0],
    [0, 2, 0],
    [0, 0, 4],
  ]);
  expect(variants("flood", frame).length).toBe(20);
});
