// `bun run otacmd NAME COMMAND`: sends an OTA command to a device over MQTT and shows what it answers.

import { Command } from "commander";
import { main } from "./lib/cli.ts";
import { UserError } from "./lib/errors.ts";
import { connectMqtt, type NetworkOptions, parseSeconds, withMqttOptions } from "./lib/network_device.ts";

interface Options extends NetworkOptions {
  timeout: string;
  json?: boolean;
}

/** After an answer's first line: so long without another one, and it is whole. */
const QUIET_MS = 700;

export const program = withMqttOptions(new Command("otacmd"))
  .description("Sends an OTA command to a device over MQTT and shows what it answers on stat/NAME/Log.")
  .argument("<command>", "see below")
  .option("--timeout <seconds>", "how long to wait for an answer", "10")
  .option("--json", "one JSON object per line of the answer")
  .addHelpText(
    "after",
    `
Commands:
  getversion      what runs: bundle, firmware, configuration, and what was taken back
  partitions      where it lies
  stats           losses, heap, loop, restarts, refusals      resetstats      forgets the losses
  msg_exception   the stored exception                        msg_reboot      why it restarted
  msg_rm          forgets both                                test_exception  throws one, to see it
  keepversion     makes a trial permanent                     reboot          restarts
  open            opens the update port for 10 minutes and tells where
Example:
  bun run otacmd kitchen stats
Exit codes: 0 answered, 1 no answer, 2 wrong usage.`,
  )
  .action((name: string, command: string, options: Options) => run(name, command, options));

async function run(given: string, command: string, options: Options): Promise<void> {
  const timeoutMs = parseSeconds("--timeout", options.timeout) * 1000;
  const access = await connectMqtt(given, options);
  try {
    const lines = await access.answer(command, timeoutMs, QUIET_MS);
    if (lines.length === 0 && command !== "reboot")
      throw new UserError(
        `${access.name} did not answer \`${command}\` in ${options.timeout} s: look at stat/${access.name}/LWT`,
      );
    for (const line of lines) console.log(options.json ? JSON.stringify({ line }) : line);
  } finally {
    await access.close();
  }
}

if (import.meta.main) await main(program);
