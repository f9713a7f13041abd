// `bun run otatool NAME ACTION ...`: files of a device over the air, one action at a time. The actions are lib/otatool_actions.ts.

import { Command } from "commander";
import { main } from "./lib/cli.ts";
import { LinkFault } from "./lib/link_faults.ts";
import { NetworkDevice, type NetworkOptions, withNetworkOptions } from "./lib/network_device.ts";
import { ACTIONS, checkAction, runAction } from "./lib/otatool_actions.ts";
import { withFaultOption } from "./lib/serial_device.ts";
import { inSession } from "./lib/update.ts";
import { Shown } from "./lib/update_view.ts";

interface Options extends NetworkOptions {
  fault?: string;
  json?: boolean;
}

export const program = withFaultOption(withNetworkOptions(new Command("otatool")))
  .description("Looks at a device's files over the air, copies, compares and removes them.")
  .argument("<action...>", "see below")
  .option("--json", "one JSON object per line and event")
  .addHelpText(
    "after",
    `
Actions:
${Object.values(ACTIONS)
  .map(({ usage, what }) => `  ${usage.padEnd(22)}${what}`)
  .join("\n")}
Examples:
  bun run otatool kitchen list
  bun run otatool kitchen send web/index.html index.html
A file replaces the old one only when all of it has verified. For config.txt there is ota_config, which puts it on trial.
Exit codes: 0 done, 1 failed, 2 wrong usage.`,
  )
  .action((name: string, words: string[], options: Options) => run(name, words, options));

async function run(given: string, words: string[], options: Options): Promise<void> {
  checkAction(words);
  const fault = options.fault === undefined ? undefined : new LinkFault(options.fault);
  const show = new Shown(options.json === true);
  const device = await NetworkDevice.connect(given, options);
  try {
    await inSession({ open: () => device.openLink(fault), onEvent: (event) => show.event(event) }, (client) =>
      runAction(client, words, show),
    );
  } finally {
    show.end();
    if (fault !== undefined) show.fault(fault);
    await device.close();
  }
}

if (import.meta.main) await main(program);
