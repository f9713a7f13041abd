// `bun run runtest [NAME...]`: plays scenarios in this process, on the host firmware, on an emulated chip, or on a device by its name.

import { Command } from "commander";
import pc from "picocolors";
import { main, progress } from "./lib/cli.ts";
import { UsageError, UserError } from "./lib/errors.ts";
import { withBrokerOption } from "./lib/network_device.ts";
import { type Proof, proofs, SCENARIOS, scenariosNamed } from "./scenarios/all.ts";
import { type Outcome, outcomeOn, profileOn } from "./scenarios/run.ts";
import { needsOf } from "./scenarios/scenario.ts";
import { chooseMachine } from "./sim/machines.ts";

interface Options {
  on: string;
  broker?: string;
  list?: boolean;
  sentences?: boolean;
  json?: boolean;
}

export const program = withBrokerOption(new Command("runtest"))
  .description("Plays scenarios: what is done to an appliance, and what it has to say and do then.")
  .argument("[name...]", "a scenario (relay/timeout) or all of a kind (relay); default: all")
  .option(
    "--on <machine>",
    "process, host (the host firmware), qemu or qemu:CHIP (emulated), or the name of a device on the broker",
    "process",
  )
  .option("--list", "show the scenarios and what they need of a machine")
  .option("--sentences", "show the reference sentence by sentence, with the scenarios that prove each")
  .option("--json", "one JSON object per line")
  .addHelpText(
    "after",
    `
A device on the broker is found as \`bun run ota\` finds it: devices/NAME.txt, MQTT_URL. Only scenarios of the profile that it runs are
played there, in real time; what would need hands on what is around it is left out, and told.
An emulated chip (docs/FLASHING.md) has the energy meter's parts, and real time, too.
Examples:
  bun run runtest                          all, in this process
  bun run runtest relay energy/ticker --on host
  bun run runtest energy every --on qemu:esp32c3
  bun run runtest relay --on garage --broker mqtt://10.0.0.2
Exit codes: 0 what was played passed, 1 something failed or nothing could be played, 2 wrong usage.`,
  )
  .action((names: string[], options: Options) => run(names, options));

async function run(names: string[], options: Options): Promise<void> {
  const unknown = names.filter((name) => scenariosNamed(name).length === 0);
  if (unknown.length > 0) throw new UsageError(`there is no scenario ${unknown.join(", ")}: --list shows them`);
  const chosen = names.length === 0 ? [...SCENARIOS] : [...new Set(names.flatMap(scenariosNamed))];
  if (options.sentences) {
    for (const proof of proofs()) console.log(options.json ? JSON.stringify(proof) : proofRow(proof));
    return;
  }
  if (options.list) {
    for (const { name, proves, ...scenario } of chosen) {
      const needs = [...needsOf({ name, proves, ...scenario })];
      if (options.json) console.log(JSON.stringify({ scenario: name, profile: scenario.profile, needs, proves }));
      else console.log(`${name.padEnd(NAME_CELLS)} ${pc.dim(needs.length === 0 ? "" : `needs ${needs.join(", ")}`)}`);
    }
    return;
  }
  const known = /^(process|host|qemu(:.*)?|board:.*)$/.test(options.on);
  const machine = chooseMachine(known ? options.on : `board:${options.on}`, { broker: options.broker });
  const profile = await profileOn(machine);
  if (profile !== undefined) progress(`${options.on} runs ${profile}`);
  const counts = { passed: 0, failed: 0, "left out": 0 };
  for (const scenario of chosen) {
    const outcome = await outcomeOn(machine, scenario, profile);
    counts[outcome.verdict]++;
    console.log(options.json ? JSON.stringify(outcome) : outcomeRow(outcome));
  }
  if (!options.json) console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts["left out"]} left out`);
  if (counts.failed > 0) throw new UserError(`${counts.failed} of ${chosen.length} scenarios failed on ${options.on}`);
  if (counts.passed === 0) throw new UserError(`${options.on} has not what these scenarios need: nothing was played`);
}

const NAME_CELLS = 28;

function outcomeRow({ scenario, verdict, why, unseen, deviceS, realS }: Outcome): string {
  const paint = { passed: pc.green, failed: pc.red, "left out": pc.yellow }[verdict];
  const times = verdict === "left out" ? "" : pc.dim(` ${deviceS.toFixed(0)} s in ${realS.toFixed(2)} s`);
  const blind = unseen.length === 0 ? "" : pc.yellow(` not looked at: ${unseen.join(", ")}`);
  return [`${paint(verdict.padEnd(8))} ${scenario}${times}${blind}`, ...why.map((line) => `         ${line}`)].join(
    "\n",
  );
}

function proofRow({ sentence, text, scenarios, elsewhere }: Proof): string {
  const where = [...scenarios, ...(elsewhere === undefined ? [] : [`${elsewhere.test} (${elsewhere.why})`])];
  return `${pc.bold(sentence)}  ${text}\n    ${where.length === 0 ? pc.red("nothing proves it") : pc.dim(where.join(", "))}`;
}

if (import.meta.main) await main(program);
