// `bun tools/entool.ts`: the other end of ESP-NOW, for people and scripts. This file owns commands and options; frames are
// lib/entool_frames.ts, what happens on the air lib/entool_air.ts.

import { Command, Option } from "commander";
import { netnowKeys } from "../device/netnow_codec.ts";
import { EXIT_FAILED, progress, runCommand } from "./lib/cli.ts";
import { FAULTS, isAnswer, numberOf, receive, refuseToHear, transmit, watch } from "./lib/entool_air.ts";
import { ATTACKS, attack } from "./lib/entool_attack.ts";
import {
  type Decoded,
  decode2,
  decode3,
  encode2,
  encode3,
  type FrameJson,
  hexBytes,
  TYPES,
} from "./lib/entool_frames.ts";
import { UsageError, UserError } from "./lib/errors.ts";
import { setting } from "./lib/settings.ts";

export interface KeyOptions {
  psk?: string;
  group?: string;
  v: "2" | "3";
  pairKey?: string;
  json?: boolean;
}

function keysOf(options: KeyOptions) {
  const psk = options.psk ?? setting("NETNOW_PSK");
  const group = options.group ?? setting("NETNOW_GROUP");
  if (psk === undefined || group === undefined)
    throw new UsageError("The keys are missing: give --psk and --group, or NETNOW_PSK and NETNOW_GROUP in .env.");
  return netnowKeys(psk, group);
}

function pairKeyOf(options: KeyOptions): Uint8Array {
  const key = options.pairKey ?? setting("NETNOW_PAIR_KEY");
  if (key === undefined) throw new UsageError("Version 3 has a key for each pair: give --pair-key or NETNOW_PAIR_KEY.");
  return hexBytes("--pair-key", key, 32);
}

function withKeys(command: Command): Command {
  return command
    .option("--psk <text>", "espnowpsk (default: NETNOW_PSK of the environment or .env)")
    .option("--group <text>", "espnowgroup (default: NETNOW_GROUP)")
    .addOption(new Option("--v <version>", "version of the protocol").choices(["2", "3"]).default("2"))
    .option("--pair-key <hex>", "key of a pair of version 3 (default: NETNOW_PAIR_KEY)")
    .option("--json", "one JSON object a line");
}

function withAir(command: Command): Command {
  return withKeys(command)
    .requiredOption("--air <folder>", "the air that virtual devices have joined with --air")
    .option("--channel <n>", "1..13", "1")
    .option("--mac <hex>", "this radio's MAC, 12 hex digits", "02000000e001")
    .option("--ordinary", "the ordinary rate instead of long range");
}

/** A frame was shown that its receiver would not take, or an attack was answered. */
let refused = false;

const program = new Command("entool")
  .description("The other end of ESP-NOW: frames to JSON and back, and a radio on the air of virtual devices.")
  .addHelpText(
    "after",
    `
Examples:
  bun tools/entool.ts decode 6d25...5f45 --psk key --group home --json
  bun tools/entool.ts encode '{"type":"data","timestamp":"12","payload":"6869"}' --psk key --group home
  bun tools/entool.ts watch --air /tmp/air
  bun tools/entool.ts rx data --air /tmp/air --channel 4 --for 30 --text stat/LPScale/Weight
  bun tools/entool.ts tx data --air /tmp/air --to 020000000001 --text 'stat/LPScale/Weight\\n12.5' --fault hmac
  bun tools/entool.ts attack replay --air /tmp/air --for 60
Exit codes: 0 as expected, 1 not, 2 wrong usage. Keys come from options or .env and are never shown.`,
  );

withKeys(program.command("decode"))
  .argument("<frame>", "in hex")
  .description("shows a frame; exit code 1 when it is refused")
  .action((frame: string, options: KeyOptions) => {
    const bytes = hexBytes("frame", frame);
    const decoded: Decoded = options.v === "3" ? decode3(pairKeyOf(options), bytes) : decode2(keysOf(options), bytes);
    console.log(JSON.stringify(decoded, null, options.json ? 0 : 2));
    if ("refused" in decoded) refused = true;
  });

withKeys(program.command("encode"))
  .argument("<json>", "as decode shows it; - reads it from standard input")
  .option("--iv <hex>", "16 bytes in place of random ones")
  .description("makes a frame; prints it in hex")
  .action(async (given: string, options: KeyOptions & { iv?: string }) => {
    const json = parse(given === "-" ? await Bun.stdin.text() : given);
    const iv = options.iv === undefined ? undefined : hexBytes("--iv", options.iv, 16);
    const frame = options.v === "3" ? encode3(pairKeyOf(options), json) : encode2(keysOf(options), json, iv);
    const hex = Buffer.from(frame).toString("hex");
    console.log(options.json ? JSON.stringify({ frame: hex }) : hex);
  });

function parse(text: string): FrameJson {
  try {
    const json = JSON.parse(text) as FrameJson;
    if (typeof json?.type === "string") return json;
  } catch {
    // Said below.
  }
  throw new UsageError(`not a frame in JSON: {"type":"data","timestamp":"12","payload":"6869"}`);
}

withAir(program.command("watch"))
  .description("shows every frame on the air, one line each, until Ctrl-C")
  .option("--for <seconds>", "end after so long")
  .action((options) => watch(keysFor(options), options));

withAir(program.command("rx"))
  .argument("[type]", `what to wait for: ${Object.keys(TYPES).join(", ")}`)
  .option("--text <part>", "its payload contains this")
  .option("--count <n>", "so many of them", "1")
  .option("--for <seconds>", "at most so long", "10")
  .description("waits for frames; exit code 1 when they do not come")
  .action((type: string | undefined, options) => receive(keysFor(options), type, options));

withAir(program.command("norx"))
  .argument("[type]", "what must not come")
  .option("--text <part>", "with a payload that contains this")
  .option("--for <seconds>", "so long", "10")
  .description("listens; exit code 1 when such a frame comes")
  .action((type: string | undefined, options) => refuseToHear(keysFor(options), type, options));

withAir(program.command("tx"))
  .argument("<type>", Object.keys(TYPES).join(", "))
  .option("--to <mac>", "12 hex digits (default: to all)", "ffffffffffff")
  .option("--text <text>", "payload; \\n is a line break", "")
  .option("--payload <hex>", "payload in hex")
  .option("--confirms <hex>", "the tid that tsconfirm confirms")
  .option("--timestamp <n>", "in place of the network's time")
  .addOption(new Option("--fault <name>", "what is wrong with it").choices(FAULTS))
  .description("sends a frame of version 2; data and ping ask the central for the network's time first")
  .action((type: string, options) => transmit(keysFor(options), type, options));

withKeys(program.command("attack"))
  .argument("<kind>", ATTACKS.join(", "))
  .requiredOption("--air <folder>", "the air that virtual devices have joined with --air")
  .option("--for <seconds>", "how long to record", "10")
  .option("--wait <seconds>", "between recording and attack; restart a device meanwhile, to see what it remembers", "3")
  .description(
    "records frames and says them again; exit code 1 when a central answered one (let nothing else speak meanwhile)",
  )
  .action((kind: string, options: KeyOptions & { air: string; for: string; wait: string }) => runAttack(kind, options));

async function runAttack(kind: string, options: KeyOptions & { air: string; for: string; wait: string }) {
  const known = ATTACKS.find((each) => each === kind);
  if (known === undefined) throw new UsageError(`attack ${kind}: one of ${ATTACKS.join(", ")}`);
  const keys = keysOf(options);
  const result = await attack(known, {
    folder: options.air,
    recordMs: numberOf("--for", options.for, 0, 3600) * 1000,
    waitMs: numberOf("--wait", options.wait, 0, 86_400) * 1000,
    unasked: (frame) => !isAnswer(keys, frame.bytes),
    say: progress,
  });
  const { recorded, sent } = result;
  const answers = result.answers.length;
  if (options.json) console.log(JSON.stringify({ attack: kind, recorded, sent, answers }));
  else console.log(`${kind}: ${sent} frames said, of ${recorded} heard; ${answers} answers`);
  if (answers > 0) refused = true;
}

/** Version 3 on the air is told by its types; what is sealed stays so. */
function keysFor(options: KeyOptions) {
  if (options.v === "3") throw new UserError("On the air entool speaks version 2; decode and encode know version 3.");
  return keysOf(options);
}

export { program };

if (import.meta.main) {
  const code = await runCommand(program);
  process.exitCode = refused ? EXIT_FAILED : code;
}
