// `bun run discover`: who is there. Devices leave their last will on the broker; those that are online tell what they run.

import Table from "cli-table3";
import { Command } from "commander";
import pc from "picocolors";
import { main } from "./lib/cli.ts";
import { brokerAddress, connectBroker, DeviceAccess, type DeviceVersion, shownAddress } from "./lib/device_access.ts";
import { UserError } from "./lib/errors.ts";
import { knownAddresses } from "./lib/known_addresses.ts";
import { parseSeconds, withBrokerOption } from "./lib/network_device.ts";
import { keptMessages } from "./lib/retained.ts";
import { setting } from "./lib/settings.ts";

interface Options {
  broker?: string;
  timeout: string;
  json?: boolean;
}

interface Found {
  name: string;
  online: boolean;
  version?: DeviceVersion;
}

export const program = withBrokerOption(new Command("discover"))
  .description("Lists the devices that a broker knows: online or not, what they run, and where they were found last.")
  .option("--timeout <seconds>", "how long devices may take to answer", "5")
  .option("--json", "one JSON object per device")
  .addHelpText(
    "after",
    `
Example:
  bun run discover --broker mqtt://10.0.0.2
An address is known once a command has opened a session with the device.
Exit codes: 0 done, 1 no broker, 2 wrong usage.`,
  )
  .action((options: Options) => discover(options));

async function discover(options: Options): Promise<void> {
  const timeoutMs = parseSeconds("--timeout", options.timeout) * 1000;
  const url = brokerAddress(options.broker ?? setting("MQTT_URL"));
  const found = await askAll(url, await lastWills(url), timeoutMs);
  const addresses = knownAddresses();
  const rows = found.map(({ name, online, version }) => ({
    name,
    online,
    profile: version?.profile,
    bundle: version?.bundle,
    state: version?.state,
    firmware: version?.firmware,
    machine: version?.machine,
    uptimeS: version?.uptimeS,
    address: addresses.get(name)?.address,
    seen: addresses.get(name)?.seen,
  }));
  if (options.json) {
    for (const row of rows) console.log(JSON.stringify(row));
    return;
  }
  if (rows.length === 0) {
    console.log(
      `The broker ${shownAddress(url)} knows no device: none has ever connected, or its retained messages were cleared.`,
    );
    return;
  }
  const table = new Table({
    head: ["device", "", "profile", "bundle", "firmware", "last address"],
    style: { head: [] },
  });
  for (const row of rows) {
    const state = row.online
      ? row.profile === undefined
        ? pc.yellow("silent")
        : pc.green("online")
      : pc.dim("offline");
    const bundle = row.bundle === undefined ? "" : `${row.bundle} ${row.state}`;
    table.push([row.name, state, row.profile ?? "", bundle, row.firmware ?? "", row.address ?? ""]);
  }
  console.log(table.toString());
}

/** Who has left a last will, and what it says. */
async function lastWills(url: string): Promise<Map<string, boolean>> {
  const client = await connectBroker(url);
  const kept = await keptMessages(client, ["stat/+/LWT"]);
  const wills = new Map([...kept].map(([topic, payload]) => [topic.split("/")[1] as string, payload === "online"]));
  await client.endAsync(true);
  return wills;
}

async function askAll(url: string, wills: Map<string, boolean>, timeoutMs: number): Promise<Found[]> {
  const names = [...wills.keys()].sort();
  return Promise.all(
    names.map(async (name): Promise<Found> => {
      if (!wills.get(name)) return { name, online: false };
      const access = await DeviceAccess.connect(url, name);
      try {
        return { name, online: true, version: await access.version(timeoutMs) };
      } catch (thrown) {
        if (thrown instanceof UserError) return { name, online: true };
        throw thrown;
      } finally {
        await access.close();
      }
    }),
  );
}

if (import.meta.main) await main(program);
