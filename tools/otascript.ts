// `bun run otascript NAME FILE`: carries out a script of otatool actions and OTA commands on a device, line by line, up to the first failure.

import { existsSync, readFileSync } from "node:fs";
import { Command } from "commander";
import { main } from "./lib/cli.ts";
import { messageOf, UsageError, UserError } from "./lib/errors.ts";
import type { LinkClient } from "./lib/link_client.ts";
import { NetworkDevice, type NetworkOptions, withNetworkOptions } from "./lib/network_device.ts";
import { checkAction, runAction } from "./lib/otatool_actions.ts";
import { brokeOff, inSession } from "./lib/update.ts";
import { Shown } from "./lib/update_view.ts";

const ANSWER_MS = 10_000;
const QUIET_MS = 700;

interface Options extends NetworkOptions {
  check?: boolean;
  json?: boolean;
}

interface Step {
  line: number;
  words: string[];
}

export const program = withNetworkOptions(new Command("otascript"))
  .description("Carries out a script on a device over the air; it stops at the first line that fails.")
  .argument("<file>", "the script: an action of otatool a line, or `cmd` and an OTA command")
  .option("--check", "only check the script")
  .option("--json", "one JSON object per line and event")
  .addHelpText(
    "after",
    `
A script:
  # comments and empty lines are passed over
  send web/index.html index.html
  rm old.html
  cmd stats
Example:
  bun run otascript kitchen tidy.txt
Exit codes: 0 all lines were carried out, 1 one failed (those before it stay done), 2 wrong usage.`,
  )
  .action((name: string, file: string, options: Options) => run(name, file, options));

async function run(given: string, file: string, options: Options): Promise<void> {
  if (!existsSync(file)) throw new UsageError(`there is no ${file}`);
  const steps = parseScript(readFileSync(file, "utf8"), file);
  const show = new Shown(options.json === true);
  if (options.check) {
    show.line({ event: "checked", steps: steps.length }, `${file}: ${steps.length} lines are good`);
    return;
  }
  const device = await NetworkDevice.connect(given, options);
  try {
    let next = 0;
    // A session that breaks off goes on with the line that it broke off in.
    await inSession({ open: () => device.openLink(), onEvent: (event) => show.event(event) }, async (client) => {
      for (; next < steps.length; next++) await carryOut(client, device, steps[next] as Step, file, show);
    });
    show.line({ event: "done", steps: steps.length }, `${file}: all ${steps.length} lines were carried out`);
  } finally {
    show.end();
    await device.close();
  }
}

/** Throws UsageError that names the line. */
export function parseScript(text: string, file: string): Step[] {
  const steps: Step[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const words = line.trim().split(/\s+/);
    if (words[0] === "" || words[0]?.startsWith("#")) continue;
    try {
      if (words[0] !== "cmd") checkAction(words);
      else if (words.length < 2) throw new UsageError("use: cmd COMMAND");
    } catch (thrown) {
      throw new UsageError(`${file}:${index + 1}: ${messageOf(thrown)}`);
    }
    steps.push({ line: index + 1, words });
  }
  if (steps.length === 0) throw new UsageError(`${file} has no line to carry out`);
  return steps;
}

async function carryOut(
  client: LinkClient,
  device: NetworkDevice,
  { line, words }: Step,
  file: string,
  show: Shown,
): Promise<void> {
  show.line({ event: "step", line, words }, `${file}:${line}: ${words.join(" ")}`);
  try {
    if (words[0] !== "cmd") return await runAction(client, words, show);
    const command = words.slice(1).join(" ");
    const answer = await device.access.answer(command, ANSWER_MS, QUIET_MS);
    if (answer.length === 0) throw new UserError(`${device.name} did not answer`);
    for (const each of answer) show.line({ event: "answer", line: each }, each);
  } catch (thrown) {
    // A broken session is tried again, and with it this line.
    if (!(thrown instanceof UserError) || brokeOff(thrown)) throw thrown;
    throw new UserError(`${file}:${line}: ${thrown.message}`);
  }
}

if (import.meta.main) await main(program);
