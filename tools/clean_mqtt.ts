// `bun run clean_mqtt NAME`: takes what the broker keeps of a device away, so that neither Home Assistant nor `discover` knows it any longer.

import { Command } from "commander";
import pc from "picocolors";
import { main } from "./lib/cli.ts";
import { brokerAddress, connectBroker, shownAddress } from "./lib/device_access.ts";
import { UsageError, UserError } from "./lib/errors.ts";
import { deviceBroker, type NetworkOptions, withMqttOptions } from "./lib/network_device.ts";
import { keptMessages } from "./lib/retained.ts";

interface Options extends NetworkOptions {
  dryRun?: boolean;
  json?: boolean;
}

const ANNOUNCEMENTS = "homeassistant/device/+/config";
const ACKNOWLEDGED_MS = 10_000;

export const program = withMqttOptions(new Command("clean_mqtt"))
  .description(
    "Removes the messages that the broker keeps of a device: its announcement to Home Assistant, its last will, what else is kept under stat/NAME and cmnd/NAME.",
  )
  .option("--dry-run", "only list them")
  .option("--json", "one JSON object per message")
  .addHelpText(
    "after",
    `
Example:
  bun run clean_mqtt kitchen
Of a device that is online the last will stays: it is true. With \`discovery homeassistant\` in its configuration it announces itself
again, at its next connection or Home Assistant's next start; \`bun run ota_config\` takes that out first.
Exit codes: 0 nothing is kept any more, 1 failed, 2 wrong usage.`,
  )
  .action((name: string, options: Options) => clean(name, options));

async function clean(given: string, options: Options): Promise<void> {
  const { name, url } = deviceBroker(given, options);
  if (/[+#/]/.test(name)) throw new UsageError(`${name}: a device's name has no + # /`);
  const client = await connectBroker(brokerAddress(url));
  try {
    client.on("error", () => {}); // what is waited for runs into its time-out
    const kept = await keptMessages(client, [`stat/${name}/#`, `cmnd/${name}/#`, ANNOUNCEMENTS]);
    const will = `stat/${name}/LWT`;
    const online = kept.get(will) === "online";
    const topics = [...kept.keys()].filter((topic) =>
      topic.startsWith("homeassistant/") ? announces(kept.get(topic) as string, will) : topic !== will || !online,
    );
    for (const topic of topics.sort()) {
      if (!options.dryRun) await remove(topic, client.publishAsync(topic, "", { retain: true, qos: 1 }));
      if (options.json) console.log(JSON.stringify({ topic, removed: !options.dryRun }));
      else console.log(`${options.dryRun ? "kept:   " : pc.green("removed:")} ${topic}`);
    }
    if (options.json) return;
    if (topics.length === 0) console.log(`The broker ${shownAddress(url)} keeps nothing of ${name}.`);
    if (online && !options.dryRun)
      console.log(
        `${name} is online. If it has \`discovery homeassistant\` it announces itself again when it connects next.`,
      );
  } finally {
    await client.endAsync(true);
  }
}

/** True for an announcement of the device with this last will, whichever chip made it. */
function announces(payload: string, will: string): boolean {
  try {
    const message = JSON.parse(payload) as { avty_t?: unknown; o?: { name?: unknown } };
    return message.avty_t === will && message.o?.name === "Hearth";
  } catch {
    return false; // somebody else's
  }
}

/** Until the broker has acknowledged it. */
async function remove(topic: string, published: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const why = `the broker did not acknowledge that ${topic} is removed: run it again`;
    timer = setTimeout(() => reject(new UserError(why)), ACKNOWLEDGED_MS);
  });
  await Promise.race([published, late]).finally(() => clearTimeout(timer));
}

if (import.meta.main) await main(program);
