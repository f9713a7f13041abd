// Proves docs/PROFILE.md: its files, taken from the page in order, pass formatter, linter, compiler and their own test, and the doorbell that they
// make rings on the firmware, in virtual time, when the page's own lines are typed.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { decodeHeader } from "../../tools/lib/bundle.ts";
import { checkConfigWith } from "../../tools/lib/config_file.ts";
import { ROOT } from "../../tools/lib/paths.ts";
import { type ConsoleContext, carryOut } from "../../tools/sim/console_commands.ts";
import { bareBoard } from "../../tools/sim/surroundings.ts";
import { CheckoutCopy } from "../support/checkout_copy.ts";
import { readDiscovery } from "../support/home_assistant.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

interface Block {
  language: string;
  /** The file that it is, named in the line before; undefined for commands. */
  path: string | undefined;
  text: string;
}

const page = await Bun.file(join(ROOT, "docs", "PROFILE.md")).text();
const blocks: Block[] = [...page.matchAll(/(?:^`([\w./]+)`\n\n)?^```(\w+)\n([\s\S]*?)^```$/gm)].map((found) => ({
  path: found[1],
  language: found[2] as string,
  text: found[3] as string,
}));
const lines = (language: string) =>
  blocks.filter((block) => block.language === language).flatMap((block) => block.text.trimEnd().split("\n"));

let copy: CheckoutCopy;
/** What the page's commands said, in order. */
const ran: { command: string; code: number; said: string }[] = [];

/** As a reader does: from the top, each file written when it comes and each command run that needs no firmware. */
beforeAll(async () => {
  copy = new CheckoutCopy();
  for (const { language, path, text } of blocks) {
    if (path !== undefined) await Bun.write(join(copy.folder, path), text);
    if (language !== "sh") continue;
    for (const command of text.trimEnd().split("\n")) {
      const [, , word = "", ...args] = command.split(" ");
      const argv = command.startsWith("bun test ") ? ["test", word] : [`tools/${word}.ts`, ...args];
      if (word !== "new_profile" && argv[0] !== "test") continue;
      const { code, out, err } = await copy.run(...argv);
      ran.push({ command, code, said: out + err });
    }
  }
});
afterAll(() => copy.close());

test("every block is a file, commands or what is typed", () => {
  expect(blocks).toHaveLength(page.split("\n```").filter((_, index) => index % 2 === 1).length);
  for (const { language, path } of blocks) expect(path === undefined).toBe(["sh", "console"].includes(language));
  expect(blocks.filter((block) => block.path !== undefined)).toHaveLength(6);
});

test("its commands succeed: the new profile's test, and the doorbell's", () => {
  expect(ran.map(({ command, code }) => [command, code])).toEqual([
    ["bun run new_profile doorbell", 0],
    ["bun test tests/profiles/doorbell.test.ts", 0],
    ["bun test tests/profiles/doorbell.test.ts", 0],
  ]);
  expect(ran[2]?.said).toContain("3 pass");
});

test("the other commands are there", async () => {
  const { scripts } = (await Bun.file(join(ROOT, "package.json")).json()) as { scripts: Record<string, string> };
  const used = [...page.matchAll(/bun run (\w+)/g)].map((found) => found[1] as string);
  expect(used.length).toBeGreaterThan(6);
  for (const word of used) expect(Object.keys(scripts)).toContain(word);
});

test("its files pass formatter, linter and compiler, and the sample its schema", async () => {
  expect(await copy.check("doorbell")).toBe("");
  const { config } = await import(join(copy.folder, "profiles/doorbell/config.ts"));
  const sample = await Bun.file(join(copy.folder, "profiles/doorbell/config.sample.txt")).text();
  expect(checkConfigWith(config, sample)).toMatchObject({ values: { chime: 800 } });
});

test("the doorbell rings on the firmware when the page's lines are typed", async () => {
  const header = decodeHeader(await copy.bundle("doorbell"));
  expect(header).toMatchObject({ bootPins: [{ pin: 26, mode: 3, level: 0 }] });
  const bench = await copy.bench("doorbell", "frontdoor", ["chime 800", "discovery homeassistant"]);
  try {
    const { world, broker, machine } = bench;
    const said: string[] = [];
    let announced = "";
    broker?.observe((event) => {
      if (event.kind !== "publish") return;
      const text = Buffer.from(event.payload).toString();
      if (event.topic === "stat/frontdoor/Rings") said.push(text);
      if (event.topic.startsWith("homeassistant/device/")) announced = text;
    });
    const shown: string[] = [];
    const context: ConsoleContext = {
      devices: [{ name: "frontdoor", profile: "doorbell", machine, around: bareBoard(machine.board) }],
      bench,
      name: "frontdoor",
      publish: (topic, payload) => void broker?.publish(topic, payload),
      say: () => {},
      show: (text) => shown.push(...text),
      quit: () => {},
    };
    const sounds = () => machine.board.outputs.get(26) === 1;
    await machine.powerOn();
    expect(await world.until(() => said.includes("0") && announced !== "", 120_000)).toBe(true);
    expect([...readDiscovery(announced).components.keys()].slice(0, 2)).toEqual(["Rings", "Ring"]);
    const typed = lines("console");
    expect(typed).toEqual(["pin 27 0", "look", "pin 27 1", "cmd Ring 1"]);
    await carryOut(typed[0] as string, context);
    expect(await world.until(sounds, 1000)).toBe(true);
    await carryOut(typed[1] as string, context);
    expect(shown.join()).toContain("pin 26 ●");
    await carryOut(typed[2] as string, context);
    expect(await world.until(() => !sounds() && said.includes("1"), 2000)).toBe(true);
    await carryOut(typed[3] as string, context);
    expect(await world.until(() => sounds() && said.includes("2"), 2000)).toBe(true);
  } finally {
    await bench.close();
  }
});
