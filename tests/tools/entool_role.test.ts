// Proves entool in a role, against another one: pairing, sessions, every type, every fault, expectations, and what is kept and shown.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeFrame, netnowKeys, TIME } from "../../device/netnow_codec.ts";
import { AirRadio, BROADCAST } from "../../tools/lib/air_radio.ts";
import { onPc } from "../../tools/lib/entool_native.ts";
import { airFolder, endAfterEach, onEnd } from "../support/air_folder.ts";
import { entool, jsonOf, spawnEntool } from "../support/entool_program.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const KEYS = ["--psk", "a secret key", "--group", "a secret group", "--json"];
const [CENTRAL, PERIPHERAL] = ["020000000001", "020000000002"];
endAfterEach();

/** An air on which one role is played until `end`; `other` are the arguments of a command in the other role. */
async function playing(role: "central" | "peripheral", v: "2" | "3") {
  const folder = airFolder();
  const common = ["--v", v, "--air", folder, "--channel", "4", ...KEYS];
  const [mac, otherMac] = role === "central" ? [CENTRAL, PERIPHERAL] : [PERIPHERAL, CENTRAL];
  const child = spawnEntool(["play", role, ...common, "--mac", mac, "--state", join(folder, "one.json")]);
  onEnd(() => child.kill());
  const heard: Record<string, unknown>[] = [];
  const reading = (async () => {
    for await (const each of jsonOf(child.stdout)) heard.push(each);
  })();
  while (!readdirSync(folder).includes(mac)) await Bun.sleep(5);
  const type = (line: string) => {
    child.stdin.write(`${line}\n`);
    child.stdin.flush();
  };
  const end = async () => {
    type("q");
    expect(await child.exited).toBe(0);
    await reading;
    return String(heard.at(-1)?.["counts"]);
  };
  const opposite = role === "central" ? "peripheral" : "central";
  const state = join(folder, "two.json");
  const other = ["--role", opposite, ...common, "--mac", otherMac, "--state", state];
  return { folder, heard, type, end, other, state, common };
}

describe.each([
  ["2", "tsconfirm", "tsback"],
  ["3", "confirm", "back"],
] as const)("version %s", (v, confirm, back) => {
  test("a peripheral pairs, sends data, and its central confirms that very frame", async () => {
    const { heard, end, other } = await playing("central", v);
    const { code, out } = await entool(["tx", "data", ...other, "--text", "topic\\nvalue", "--expect", confirm]);
    expect([code, JSON.parse(out)]).toEqual([0, expect.objectContaining({ sent: "data", answers: [confirm] })]);
    await end();
    const payload = Buffer.from("topic\nvalue").toString("hex");
    expect(heard).toContainEqual(expect.objectContaining({ type: "data", from: PERIPHERAL, payload }));
  });

  test("a central pairs, confirms, and sends back what a peripheral waits for", async () => {
    const { type, end, other } = await playing("central", v);
    const waiting = spawnEntool(["rx", back, ...other, "--text", "ell", "--for", "60"]);
    const timer = setInterval(() => type("hello"), 50);
    const out = await waiting.stdout.text();
    clearInterval(timer);
    expect([await waiting.exited, JSON.parse(out.trim())]).toEqual([
      0,
      expect.objectContaining({ type: back, payload: Buffer.from("hello").toString("hex"), from: CENTRAL }),
    ]);
    await end();
  });

  test("the central's side of the commands: data that comes, and an answer", async () => {
    const { type, end, other } = await playing("peripheral", v);
    const timer = setInterval(() => type("weight"), 50);
    const came = await entool(["rx", "data", ...other, "--text", "weight", "--count", "2", "--for", "60"]);
    const sent = await entool(["tx", back, ...other, "--text", "thanks", "--for", "60"]);
    clearInterval(timer);
    expect([came.code, sent.code]).toEqual([0, 0]);
    await end();
  });

  test("each type of either role leaves, and another one is refused", async () => {
    // A central of version 2 answers one pair request in 30 s.
    const peripheral = v === "2" ? ["data", "wakeup", "ping", "pairreq"] : ["request", "wakeup", "data"];
    const one = await playing("central", v);
    for (const each of peripheral) {
      const { code, out } = await entool(["tx", each, ...one.other]);
      expect([each, code, JSON.parse(out).sent]).toEqual([each, 0, each]);
    }
    expect(await entool(["tx", back, ...one.other])).toMatchObject({ code: 2 });
    await one.end();
    // A pair counts once a frame under its key has come.
    const central = v === "2" ? ["tsconfirm", "ts"] : ["beacon", "answer --expect wakeup", "confirm"];
    const two = await playing("peripheral", v);
    const timer = setInterval(() => two.type("something to confirm"), 50);
    for (const each of central)
      expect([each, (await entool(["tx", ...each.split(" "), ...two.other])).code]).toEqual([each, 0]);
    clearInterval(timer);
    await two.end();
  });
});

describe("a faulty frame is refused for its fault", () => {
  const faults = {
    2: {
      hmac: "hmac",
      version: "version",
      group: "group",
      type: "type",
      short: "short",
      replay: "replay",
      past: "past",
      future: "future",
    },
    3: { hmac: "tag", version: "tag", group: "tag", type: "type", short: "tag", replay: "replay", past: "replay" },
  } as const;
  test.each(["2", "3"] as const)("of a peripheral, version %s", async (v) => {
    const { type, heard, end, other } = await playing("central", v);
    const counted = async () => {
      const known = heard.length;
      type("counts");
      while (!heard.slice(known).some((each) => "counts" in each)) await Bun.sleep(5);
      return String(heard.findLast((each) => "counts" in each)?.["counts"]);
    };
    const of = (counts: string, reason: string) => Number(new RegExp(` ${reason} (\\d+)`).exec(counts)?.[1] ?? 0);
    for (const [fault, reason] of Object.entries(faults[v])) {
      const before = of(await counted(), reason);
      expect([fault, (await entool(["tx", "data", ...other, "--text", "x", "--fault", fault])).code]).toEqual([
        fault,
        0,
      ]);
      // The frame is out when the tool ends; what the central makes of it may come a moment later.
      while (of(await counted(), reason) === before) await Bun.sleep(20);
      expect([fault, of(await counted(), reason)]).toEqual([fault, before + 1]);
    }
    await end();
  });

  test("of a central: nobody believes its confirm", async () => {
    const { type, end, other } = await playing("peripheral", "2");
    const timer = setInterval(() => type("something to confirm"), 50);
    onEnd(() => clearInterval(timer));
    expect((await entool(["tx", "tsconfirm", ...other, "--fault", "hmac"])).code).toBe(0);
    expect(await end()).toContain("hmac 1");
  });

  test("what makes no sense in version 3 is told", async () => {
    const { heard, end, other } = await playing("central", "3");
    const { code, err } = await entool(["tx", "data", ...other, "--fault", "future"]);
    expect([code, err]).toEqual([2, expect.stringContaining("version 3 has no times")]);
    await end();
    // Not even as a good frame.
    expect(heard.filter((each) => each["type"] === "data")).toEqual([]);
  });
});

describe("expectations", () => {
  test("nothing answers what was repeated, and a confirm of a good frame is something", async () => {
    const { end, other } = await playing("central", "3");
    const quiet = await entool(["tx", "data", ...other, "--text", "x", "--fault", "replay", "--expect", "nothing"]);
    expect(quiet.code).toBe(0);
    const loud = await entool(["tx", "data", ...other, "--text", "x", "--expect", "nothing"]);
    expect([loud.code, loud.err]).toEqual([1, expect.stringContaining("answered with confirm")]);
    await end();
  });

  test("the times of version 2, which a central of both versions says as well, are no answer in version 3", async () => {
    const { folder, end, other } = await playing("central", "3");
    const [psk, group] = [KEYS[1], KEYS[3]] as [string, string];
    const keys = onPc(() => netnowKeys(psk, group));
    const radio = new AirRadio({ folder, mac: "0200000000aa", channel: 4, longRange: true, onFrame: () => {} });
    onEnd(() => radio.close());
    const time = onPc(() => ({ type: TIME, subtype: 0, time: native.random(12), payload: new Uint8Array(0) }));
    const timer = setInterval(
      () =>
        void radio.send(
          BROADCAST,
          onPc(() => encodeFrame(keys, { ...time, tid: native.random(12) })),
        ),
      20,
    );
    onEnd(() => clearInterval(timer));
    const { code, out } = await entool(["tx", "data", ...other, "--fault", "hmac", "--expect", "nothing"]);
    expect([code, JSON.parse(out).answers]).toEqual([0, []]);
    await end();
  });

  test("what does not come in time is a failure", async () => {
    const { end, other, common, state } = await playing("central", "3");
    const back = await entool(["tx", "data", ...other, "--expect", "back", "--for", "2"]);
    expect([back.code, back.err]).toEqual([1, expect.stringContaining("No back came in 2 s")]);
    const nobody = await entool([
      "tx",
      "data",
      "--role",
      "peripheral",
      ...common,
      "--psk",
      "other",
      "--mac",
      "020000000003",
      "--state",
      `${state}.other`,
      "--for",
      "1",
    ]);
    expect([nobody.code, nobody.err]).toEqual([1, expect.stringContaining("Nobody to speak to in 1 s")]);
    expect((await entool(["norx", "back", ...other, "--for", "1"])).code).toBe(0);
    expect((await entool(["norx", "confirm", ...other, "--for", "60"])).code).toBe(1);
    await end();
  });
});

test("wrong usage is told before anything is sent", async () => {
  const air = ["--role", "peripheral", "--air", join(tmpdir(), "no_air"), ...KEYS];
  for (const [args, said] of [
    [["tx", "tsback", ...air], "a peripheral of version 2 says data"],
    [["tx", "data", ...air, "--expect", "joy"], "--expect joy: nothing, or one of data"],
    [["tx", "data", ...air, "--payload", "xyz"], "--payload: bytes in hex"],
    [["tx", "data", ...air, "--text", "x".repeat(200)], "a payload of 200 bytes"],
    [["rx", "confirm", ...air], "type confirm: one of data"],
  ] as const) {
    const { code, err } = await entool(args);
    expect([args[1], code, err]).toEqual([args[1] as string, 2, expect.stringContaining(said)]);
  }
});

test("keys are kept for the owner alone, and none is ever shown", async () => {
  const { heard, end, other, state } = await playing("central", "3");
  const { out, err } = await entool(["tx", "data", ...other, "--text", "x", "--expect", "confirm"]);
  await end();
  const key = (JSON.parse(readFileSync(state, "utf8")) as Record<string, string>)["netnow/pair3"]?.split(
    " ",
  )[1] as string;
  expect(key).toMatch(/^[0-9a-f]{64}$/);
  expect(statSync(state).mode & 0o777).toBe(0o600);
  const shown = out + err + JSON.stringify(heard);
  for (const secret of [key, "secret"]) expect(shown).not.toContain(secret);
});

test("a pair outlives the program, and no number is used twice", async () => {
  const { heard, end, other } = await playing("central", "3");
  for (let run = 0; run < 3; run++)
    expect((await entool(["tx", "data", ...other, "--expect", "confirm"])).code).toBe(0);
  await end();
  expect(heard.filter((each) => each["type"] === "request").length).toBe(1);
  const numbers = heard.flatMap(({ type, session, count }) =>
    type === "data" || session !== undefined ? [`${session} ${count}`] : [],
  );
  expect(new Set(numbers).size).toBe(numbers.length);
});
