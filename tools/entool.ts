// `bun tools/entool.ts`: the other end of ESP-NOW, for people and scripts. This file owns commands and options; frames are
// lib/entool_frames.ts, what happens on the air lib/entool_air.ts.

import { join } from "node:path";
import { Command, Option } from "commander";
import { EXIT_FAILED, runCommand } from "./lib/cli.ts";
import { numberOf, receive, refuseToHear, transmit, watch } from "./lib/entool_air.ts";
import { ATTACKS } from "./lib/entool_attack.ts";
import { type AttackCommand, runAttack } from "./lib/entool_attack_command.ts";
import { FAULTS } from "./lib/entool_faults.ts";
import {
  type Decoded,
  decode2,
  decode3,
  encode2,
  encode3,
  type FrameJson,
  hexBytes,
  NAMES3,
  TYPES,
} from "./lib/entool_frames.ts";
import { type KeyOptions, keysOf, pairKeyOf, withKeys } from "./lib/entool_keys.ts";
import { type PlayOptions, playOn, receiveAs, refuseToHearAs, transmitAs } from "./lib/entool_play.ts";
import type { RoleName, RoleOptions } from "./lib/entool_role.ts";
import { UsageError } from "./lib/errors.ts";
import { BUILD } from "./lib/paths.ts";

interface RoleChoice extends KeyOptions {
  air: string;
  role?: RoleName;
  channel?: string;
  mac: string;
  ordinary?: boolean;
  warp: string;
  state?: string;
}

/** Undefined: no role is played. */
function roleOf(options: RoleChoice): RoleOptions | undefined {
  const { role, mac } = options;
  if (role === undefined) return undefined;
  if (!/^[0-9a-f]{12}$/.test(mac)) throw new UsageError(`--mac ${mac}: 12 lower-case hex digits`);
  return {
    role,
    version: options.v,
    folder: options.air,
    mac,
    channel: options.channel === undefined ? undefined : numberOf("--channel", options.channel, 1, 13),
    longRange: options.ordinary !== true,
    keys: keysOf(options),
    warp: numberOf("--warp", options.warp, 0.001, 1000),
    state: options.state ?? join(BUILD, "entool", `${mac}.json`),
  };
}

/** Of what is said or heard without a role. */
const silent = <Options extends RoleChoice>(options: Options) => ({ ...options, channel: options.channel ?? "1" });

function withAir(command: Command): Command {
  return withKeys(command)
    .requiredOption("--air <folder>", "the air that virtual devices have joined with --air")
    .option("--channel <n>", "1..13 (default: 1; a peripheral looks for its central on all)")
    .option("--mac <hex>", "this radio's MAC, 12 hex digits", "02000000e001")
    .option("--ordinary", "the ordinary rate instead of long range");
}

/** rx, norx, tx: with a role it plays a device of its own, with what it has paired kept in a file. */
function withRole(command: Command): Command {
  return withAir(command)
    .addOption(
      new Option("--role <role>", "plays a whole device: pairs, confirms, keeps the time").choices([
        "central",
        "peripheral",
      ]),
    )
    .option("--warp <n>", "seconds of the role per real second, as the virtual devices have them", "1")
    .option("--state <file>", "what the role keeps: pairs, keys, numbers (default: build/entool/MAC.json)");
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
  bun tools/entool.ts rx data --role central --v 3 --air /tmp/air --channel 6 --device sim_scale_sensor --for 120
  bun tools/entool.ts tx data --role peripheral --v 3 --air /tmp/air --device sim_scale_manager --text 'stat/LPScale/Weight\\n12.5' --expect confirm
  bun tools/entool.ts tx data --role peripheral --v 3 --air /tmp/air --device sim_scale_manager --fault replay --expect nothing
  bun tools/entool.ts play central --air /tmp/air --channel 6 --device sim_scale_sensor
  bun tools/entool.ts attack replay --air /tmp/air --device sim_scale_manager --for 60
  bun tools/entool.ts attack reboot --air /tmp/air --device sim_scale_manager --central sim_scale_manager --broker mqtt://127.0.0.1:1883
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
  .option("--count <n>", "end after so many; exit code 1 when they do not come in --for")
  .action((options) => watch(keysOf(options), options));

withRole(program.command("rx"))
  .argument(
    "[type]",
    `what to wait for: ${Object.keys(TYPES).join(", ")}; version 3: ${Object.values(NAMES3).join(", ")}`,
  )
  .option("--text <part>", "its payload contains this")
  .option("--count <n>", "so many of them", "1")
  .option("--for <seconds>", "at most so long", "10")
  .description("waits for frames; exit code 1 when they do not come")
  .action((type: string | undefined, options) => {
    const role = roleOf(options);
    return role === undefined ? receive(keysFor(options), type, silent(options)) : receiveAs(role, type, options);
  });

withRole(program.command("norx"))
  .argument("[type]", "what must not come")
  .option("--text <part>", "with a payload that contains this")
  .option("--for <seconds>", "so long", "10")
  .description("listens; exit code 1 when such a frame comes")
  .action((type: string | undefined, options) => {
    const role = roleOf(options);
    return role === undefined
      ? refuseToHear(keysFor(options), type, silent(options))
      : refuseToHearAs(role, type, options);
  });

withRole(program.command("tx"))
  .argument("<type>", `${Object.keys(TYPES).join(", ")}; version 3: ${Object.values(NAMES3).join(", ")}`)
  .option("--to <mac>", "without a role: 12 hex digits (default: to all)", "ffffffffffff")
  .option("--text <text>", "payload; \\n is a line break", "")
  .option("--payload <hex>", "payload in hex")
  .option("--confirms <hex>", "without a role: the tid that tsconfirm confirms")
  .option("--timestamp <n>", "without a role: in place of the network's time")
  .addOption(new Option("--fault <name>", "what is wrong with it").choices(FAULTS))
  .option("--expect <type>", "with a role: what has to come back, or nothing; a confirm has to name this frame")
  .option("--expect-text <part>", "and its payload contains this")
  .option("--for <seconds>", "with a role: time limit", "30")
  .description(
    "sends a frame. With a role: when the role has got so far that it says one, in its session. Without: one of version 2; data and ping ask the central for the network's time first",
  )
  .action((type: string, options) => {
    const role = roleOf(options);
    if (role !== undefined) return transmitAs(role, type, options);
    if (options.expect !== undefined) throw new UsageError("--expect goes with --role");
    return transmit(keysFor(options), type, silent(options));
  });

withRole(program.command("play"))
  .argument("<role>", "central or peripheral")
  .option("--for <seconds>", "end after so long")
  .description("plays a role until q and Enter or Ctrl-C: shows what it hears, sends each typed line, tells its counts")
  .action((role: string, options: RoleChoice & PlayOptions) => {
    if (role !== "central" && role !== "peripheral") throw new UsageError(`play ${role}: central or peripheral`);
    return playOn(roleOf({ ...options, role }) as RoleOptions, options);
  });

withKeys(program.command("attack"))
  .argument("<kind>", ATTACKS.join(", "))
  .requiredOption("--air <folder>", "the air that virtual devices have joined with --air")
  .option("--for <seconds>", "how long to record", "10")
  .option("--frames <n>", "record only until so many data, pings, wakeups and pair requests were heard")
  .option("--wait <seconds>", "between recording and attack, so that frames grow old", "3")
  .option("--reboot <mac...>", "restart these before the attack (kind reboot: by default everyone that was heard)")
  .option("--central <name>", "count what this central took and refused: it is asked for `stats` over MQTT")
  .option("--broker <url>", "where it is (default: MQTT_URL)")
  .description(
    "records frames and says them again; exit code 1 when one was taken twice, or answered. Virtual devices are restarted over their air, others by you",
  )
  .action(async (kind: string, options: AttackCommand) => {
    if (await runAttack(kind, options)) refused = true;
  });

/** Without a role there is no pair. */
function keysFor(options: KeyOptions) {
  if (options.v === "3") throw new UsageError("--v 3 needs --role: a frame of version 3 belongs to a pair");
  return keysOf(options);
}

export { program };

if (import.meta.main) {
  const code = await runCommand(program);
  process.exitCode = refused ? EXIT_FAILED : code;
}
