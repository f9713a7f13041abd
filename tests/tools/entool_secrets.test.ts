// Proves that nothing that entool prints has a key in it: keys planted in .env (psk, group, the key of a pair, the broker's password) and those that are
// made while it plays, and all subcommands with their help, errors, faults and both kinds of output.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FAULTS } from "../../tools/lib/entool_faults.ts";
import { CANARIES, canariesIn, envWithCanaries } from "../support/canaries.ts";
import { entool, spawnEntool } from "../support/entool_program.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";
import two from "../vectors/espnow_v2.json";

setDefaultTimeout(SLOW_TEST_MS);

const GROUP = "canary-group-5e02d9";
const [CENTRAL, PERIPHERAL] = ["020000000001", "020000000002"];
/** Nobody listens there. */
const PORT = 1;
const GROUP_FORMS = [
  GROUP,
  GROUP.toUpperCase(),
  Buffer.from(GROUP).toString("hex"),
  Buffer.from(GROUP).toString("base64"),
];
const HASH = createHash("sha256").update(GROUP).digest();

const folder = mkdtempSync(join(tmpdir(), "entool-secrets-"));
const air = join(folder, "air");
const nowhere = join(folder, "nowhere");
/** Keys only from the file: a variable of the same name would come before it. */
const env = {
  HEARTH_ENV: join(folder, "env"),
  ...Object.fromEntries(["NETNOW_PSK", "NETNOW_GROUP", "NETNOW_PAIR_KEY", "MQTT_URL"].map((name) => [name, undefined])),
};
/** All that was printed, by the command that did. */
const printed: [command: string, text: string][] = [];

beforeAll(() => {
  mkdirSync(air);
  writeFileSync(env.HEARTH_ENV, envWithCanaries(PORT).replace("NETNOW_GROUP=home", `NETNOW_GROUP=${GROUP}`));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(...args: string[]) {
  const result = await entool(args, env);
  printed.push([args.join(" "), result.out + result.err]);
  return result;
}

function secretsIn(text: string): string[] {
  const found = canariesIn(text);
  if (GROUP_FORMS.some((form) => text.includes(form)) || text.includes(HASH.toString("hex", 0, 8))) found.push("group");
  return found;
}

/** The keys of pairs that were made. */
function madeKeys(): string[] {
  const states = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return states.flatMap((name) => readFileSync(join(folder, name), "utf8").match(/[0-9a-f]{64}/g) ?? []);
}

test("the planted keys are those in use, and would be found", async () => {
  const frame = await run("encode", '{"type":"wakeup"}');
  const mine = ["--psk", CANARIES.netnowPsk, "--group", GROUP];
  expect(await entool(["decode", frame.out, "--json", ...mine])).toMatchObject({ code: 0 });
  const three = await run("encode", '{"type":"wakeup","session":1,"count":2}', "--v", "3");
  expect(await entool(["decode", three.out, "--v", "3", "--pair-key", CANARIES.pairKey])).toMatchObject({ code: 0 });
  expect(secretsIn(`${CANARIES.netnowPsk} ${CANARIES.pairKey} ${GROUP}`)).toEqual(
    expect.arrayContaining(["netnowPsk", "pairKey", "group"]),
  );
});

test("help, frames as JSON, and everything that is wrong", async () => {
  for (const command of ["", "decode", "encode", "watch", "rx", "norx", "tx", "play", "attack"])
    expect(await run(...(command === "" ? [] : [command]), "--help")).toMatchObject({ code: 0 });
  const foreign = two.frames[0]?.frame as string;
  const data = '{"type":"data","payload":"6869"}';
  const data3 = '{"type":"data","payload":"6869","session":1,"count":2}';
  for (const more of [[], ["--json"]]) {
    for (const [json, v] of [
      [data, "2"],
      [data3, "3"],
    ] as const) {
      const { out } = await run("encode", json, "--v", v, ...more);
      const frame = /[0-9a-f]{50,}/.exec(out)?.[0] as string;
      expect(await run("decode", frame, "--v", v, ...more)).toMatchObject({ code: 0 });
      expect(await run("decode", foreign, "--v", v, ...more)).toMatchObject({ code: 1 });
    }
  }
  const own = ["--psk", CANARIES.espnowpsk, "--group", GROUP];
  for (const wrong of [
    ["decode", "123"],
    ["decode", "00", "11"],
    ["decode", "00", ...own, "--oops"],
    ["encode", "nothing"],
    ["encode", '{"type":"hello"}'],
    ["encode", `{"type":"data","payload":"${"00".repeat(200)}"}`],
    ["encode", '{"type":"data"}', "--v", "3"],
    ["decode", "03", "--v", "3", "--pair-key", CANARIES.otakey.slice(1)],
    ["decode", "00", "--v", "4"],
    ["decode", "00", "--psk", CANARIES.netnowPsk, "--device", "nobody"],
    ["watch"],
    ["watch", "--air", nowhere],
    ["rx", "--air", join(folder, "new"), "--role", "central", "--for", "0.1"],
    ["rx", "data", "--v", "3", "--air", air],
    ["norx", "--air", nowhere],
    ["tx", "data", "--air", air, "--fault", "odd"],
    ["tx", "data", "--air", nowhere, "--fault", "hmac"],
    ["play", "nobody", "--air", air],
    ["play", "central", "--air", air, "--mac", "12"],
    ["attack", "odd", "--air", air],
    ["attack", "replay", "--air", nowhere],
    ["attack", "replay", "--air", air, "--for", "0.1"],
    ["attack", "flip", "--air", air, "--central", "Nobody"],
    ["oops"],
  ])
    expect([wrong, (await run(...wrong)).code === 0]).toEqual([wrong, false]);
});

test.each(["2", "3"])("a pair on the air in version %s, with every fault", async (v) => {
  const common = ["--v", v, "--air", air, "--channel", "4"];
  const states = ["one", "two"].map((name) => join(folder, `${name}${v}.json`)) as [string, string];
  const play = [...common, "--mac", CENTRAL, "--state", states[0]];
  const central = spawnEntool(["play", "central", ...play, ...(v === "2" ? ["--json"] : [])], env);
  const listening = [
    spawnEntool(["watch", "--air", air, "--json"], env),
    spawnEntool(["watch", "--air", air], env),
  ] as const;
  const texts = [central, ...listening].map((child) =>
    Promise.all([child.stdout.text(), child.stderr.text()]).then((parts) => parts.join("")),
  );
  try {
    while (readdirSync(air).length < 3) await Bun.sleep(10);
    const peripheral = ["--role", "peripheral", ...common, "--mac", PERIPHERAL, "--state", states[1]];
    const confirm = v === "2" ? "tsconfirm" : "confirm";
    expect(await run("tx", "data", ...peripheral, "--text", "a\\nb", "--expect", confirm)).toMatchObject({ code: 0 });
    for (const fault of FAULTS) {
      await run("tx", "data", ...peripheral, "--text", "a\\nb", "--fault", fault, "--json");
      if (v === "2") await run("tx", "wakeup", ...common, "--to", CENTRAL, "--mac", PERIPHERAL, "--fault", fault);
    }
    await run("rx", v === "2" ? "tsconfirm" : "beacon", ...peripheral, "--for", "20");
    await run("norx", "data", ...peripheral, "--for", "0.3", "--json");
    // What cannot be sent is said, too.
    central.stdin.write(`${"x".repeat(300)}\nhello\nq\n`);
    central.stdin.flush();
    await central.exited;
  } finally {
    for (const child of [central, ...listening]) child.kill();
  }
  for (const text of await Promise.all(texts)) printed.push([`play or watch, version ${v}`, text]);
});

test("none of it has a key in it", () => {
  expect(printed.length).toBeGreaterThan(70);
  expect(madeKeys().length).toBeGreaterThanOrEqual(2);
  for (const [command, text] of printed) {
    expect([command, secretsIn(text)]).toEqual([command, []]);
    for (const key of madeKeys()) expect([command, text.includes(key)]).toEqual([command, false]);
  }
});
