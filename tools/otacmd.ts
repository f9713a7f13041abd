// `bun run otacmd NAME COMMAND`: sends an OTA command to a device over MQTT and shows what it answers.

import { Command } from "commander";
import { main } from "./lib/cli.ts";
import { keepVia, statsVia } from "./lib/config_via.ts";
import { UsageError, UserError } from "./lib/errors.ts";
import { connectMqtt, parseSeconds, withMqttOptions } from "./lib/network_device.ts";
import { Shown } from "./lib/update_view.ts";
import { VIA_OPTIONS, type ViaOptions } from "./lib/via_session.ts";

interface Options extends ViaOptions {
  json?: boolean;
}

/** After an answer's first line: so long without another one, and it is whole. */
const QUIET_MS = 700;

export const program = withMqttOptions(new Command("otacmd"))
  .description("Sends an OTA command to a device over MQTT and shows what it answers on stat/NAME/Log.")
  .argument("<command>", "see below")
  .option("--timeout <seconds>", "how long to wait for an answer (default: 10, with --via 14400)")
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
A device without a network takes \`keepversion\` over its central when it wakes; \`stats\` are those that it told its central before it fell asleep.
Examples:
  bun run otacmd kitchen stats
  bun run otacmd scale keepversion --via manager
  bun run otacmd scale stats --via manager
Exit codes: 0 answered, 1 no answer, 2 wrong usage.`,
  )
  .action((name: string, command: string, options: Options) => run(name, command, options));
for (const [flags, description] of VIA_OPTIONS) program.option(flags, description);

async function run(given: string, command: string, options: Options): Promise<void> {
  if (options.via !== undefined) {
    const does = command === "keepversion" ? keepVia : command === "stats" ? statsVia : undefined;
    if (does === undefined) throw new UsageError(`over a central there are keepversion and stats, and no ${command}`);
    return does(given, options.via, options, new Shown(options.json === true));
  }
  const timeoutS = options.timeout ?? "10";
  const timeoutMs = parseSeconds("--timeout", timeoutS) * 1000;
  const access = await connectMqtt(given, options);
  try {
    const lines = await access.answer(command, timeoutMs, QUIET_MS);
    if (lines.length === 0 && command !== "reboot")
      throw new UserError(
        `${access.name} did not answer \`${command}\` in ${timeoutS} s: look at stat/${access.name}/LWT`,
      );
    for (const line of lines) console.log(options.json ? JSON.stringify({ line }) : line);
  } finally {
    await access.close();
  }
}

if (import.meta.main) await main(program);
