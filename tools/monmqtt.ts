// `bun run monmqtt [NAME...]`: shows what devices and their commands say on the broker, with back traces in TypeScript.

import { Command } from "commander";
import pc from "picocolors";
import { main } from "./lib/cli.ts";
import { brokerAddress, connectBroker } from "./lib/device_access.ts";
import { UsageError } from "./lib/errors.ts";
import { parseSeconds, withBrokerOption } from "./lib/network_device.ts";
import { setting } from "./lib/settings.ts";
import { explainLogLine } from "./lib/trace.ts";

const TOPIC_CELLS = 34;

interface Options {
  broker?: string;
  log?: boolean;
  for?: string;
  json?: boolean;
}

export const program = withBrokerOption(new Command("monmqtt"))
  .description(
    "Shows topics and log lines as they come. Exceptions are shown with the TypeScript file and line, from this PC's artifacts.",
  )
  .argument("[name...]", "only these devices (default: all)")
  .option("--log", "log lines only")
  .option("--for <seconds>", "end after that long (default: until Ctrl-C)")
  .option("--json", "one JSON object per message")
  .addHelpText(
    "after",
    `
Examples:
  bun run monmqtt
  bun run monmqtt kitchen garage --log
Exit codes: 0 ended, 1 no broker, 2 wrong usage.`,
  )
  .action((names: string[], options: Options) => watch(names, options));

async function watch(names: string[], options: Options): Promise<void> {
  const forMs = options.for === undefined ? undefined : parseSeconds("--for", options.for) * 1000;
  if (names.some((name) => /[+#/]/.test(name))) throw new UsageError("a device's name has no + # /");
  const url = brokerAddress(options.broker ?? setting("MQTT_URL"));
  const client = await connectBroker(url);
  client.on("message", (topic, payload, packet) => show(topic, payload, packet.retain, options));
  client.on("error", () => {});
  client.on("close", () => console.error(pc.dim("the broker has gone; waiting for it")));
  const topics = names.length === 0 ? ["+"] : names;
  await client.subscribeAsync(topics.flatMap((name) => [`stat/${name}/#`, `cmnd/${name}/#`]));
  await new Promise<void>((resolve) => {
    process.once("SIGINT", resolve);
    if (forMs !== undefined) setTimeout(resolve, forMs);
  });
  client.removeAllListeners("close");
  await client.endAsync(true);
}

function show(topic: string, payload: Buffer, retain: boolean, options: Options): void {
  const isLog = /^stat\/[^/]+\/Log$/.test(topic);
  if (options.log && !isLog) return;
  const text = payload.toString();
  const explained = isLog ? explainLogLine(text) : text;
  const trace = explained === text ? undefined : explained;
  if (options.json) {
    console.log(JSON.stringify({ time: new Date().toISOString(), topic, payload: text, retain, trace }));
    return;
  }
  const time = pc.dim(new Date().toTimeString().slice(0, 8));
  const name = topic.startsWith("cmnd/") ? pc.cyan(topic.padEnd(TOPIC_CELLS)) : topic.padEnd(TOPIC_CELLS);
  console.log(`${time}  ${name} ${trace ?? text}${retain ? pc.dim(" (retained)") : ""}`);
}

if (import.meta.main) await main(program);
