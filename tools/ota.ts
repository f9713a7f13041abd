// `bun run ota NAME [PROFILE]`: builds a profile and brings it to a device over the air, then waits until the device has made it permanent or taken
// it back. The steps are lib/update.ts; this file owns options and words.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Presets, SingleBar } from "cli-progress";
import { Command } from "commander";
import pc from "picocolors";
import { keyBytes, parseConfig } from "../device/config.ts";
import { loadArtifact } from "./lib/artifacts.ts";
import { bundleName, decodeBundle } from "./lib/bundle.ts";
import { main } from "./lib/cli.ts";
import { DeviceAccess } from "./lib/device_access.ts";
import { UsageError, UserError } from "./lib/errors.ts";
import { LINK_PORT } from "./lib/link_client.ts";
import { buildBundle } from "./lib/native_build.ts";
import { ROOT } from "./lib/paths.ts";
import { readableTrace } from "./lib/trace.ts";
import { awaitTrial, explainWhy, type Outcome, sendBundle, type UpdateEvent } from "./lib/update.ts";
import { connectTcp } from "./lib/wire.ts";

const ANSWER_TIMEOUT_MS = 30_000;

interface Options {
  broker?: string;
  config?: string;
  keyFile?: string;
  addr?: string;
  bundle?: string;
  changeProfile?: boolean;
  force?: boolean;
  wait: boolean;
  timeout: string;
  json?: boolean;
}

export const program = new Command("ota")
  .description("Builds a profile, sends it to a device over the air, and waits until the device has confirmed it.")
  .argument("<name>", "the device: its mqttname, or the name of its file in devices/")
  .argument("[profile]", "the profile to build (default: the one that the device runs)")
  .option(
    "--broker <url>",
    "mqtt://[user:password@]host[:port] (default: MQTT_URL, from the environment or .env, else the device file's broker)",
  )
  .option("--config <file>", "the device's config.txt on this PC (default: devices/NAME.txt)")
  .option("--key-file <file>", "a file with the 64 hex digits of the otakey, instead of the device file's")
  .option(
    "--addr <host:port>",
    "connect there instead of the address that the device tells (a proxy, a forwarded port)",
  )
  .option("--bundle <file>", "send this bundle.bin instead of building one")
  .option("--change-profile", "allow another profile than the running one")
  .option("--force", "send it even if the device runs it already")
  .option("--no-wait", "do not wait for the trial's end")
  .option("--timeout <seconds>", "how long to wait for the trial's end", "420")
  .option("--json", "one JSON object per line and event")
  .addHelpText(
    "after",
    `
Examples:
  bun run ota kitchen                      builds what the device kitchen runs, and brings it there
  bun run ota kitchen energy --force       sends the energy profile even if it runs already
  MQTT_URL=mqtt://10.0.0.2 bun run ota kitchen --key-file kitchen.key
Exit codes: 0 done, 1 failed (the device goes on with what it had), 2 wrong usage.`,
  )
  .action((name: string, profile: string | undefined, options: Options) => update(name, profile, options));

async function update(given: string, profile: string | undefined, options: Options): Promise<void> {
  const timeoutS = Number(options.timeout);
  if (!(timeoutS > 0)) throw new UsageError(`--timeout ${options.timeout}: a number of seconds above 0`);
  const at = options.addr === undefined ? undefined : parseAddress(options.addr);
  const device = readDevice(given, options);
  const key = readKey(device.tokens, device.file, options);
  const show = new Shown(options.json === true);
  const access = await DeviceAccess.connect(
    options.broker ?? (process.env["MQTT_URL"] || brokerOf(device)),
    device.name,
  );
  try {
    const running = await access.version(ANSWER_TIMEOUT_MS);
    show.line(
      { event: "found", ...running },
      `${device.name} runs ${running.profile} ${running.version}, bundle ${running.bundle} (${running.state})`,
    );
    const bundle = await makeBundle(
      profile ?? running.profile,
      running.state === "recovery" && profile === undefined,
      options,
    );
    const decoded = decodeBundle(bundle);
    if (typeof decoded === "string")
      throw new UserError(`${options.bundle} is no whole bundle (${decoded}): build it again`);
    const { header } = decoded;
    const name = bundleName(header);
    const kilobytes = (bundle.length / 1024).toFixed(1);
    show.line(
      { event: "bundle", bundle: name, profile: header.profile, version: header.version, bytes: bundle.length },
      `${options.bundle === undefined ? "built" : "read"} ${header.profile} ${header.version}, bundle ${name}, ${kilobytes} KB`,
    );
    if (running.bundle === name && options.force !== true && running.state === "permanent") {
      show.line(
        { event: "done", result: "same", bundle: name },
        pc.green(`${device.name} is already running this bundle.`),
      );
      return;
    }
    const began = performance.now();
    const sent = await sendBundle({
      bundle,
      key,
      connect: async () => {
        const found = await access.open(ANSWER_TIMEOUT_MS);
        return connectTcp(at?.host ?? found.address, at?.port ?? LINK_PORT);
      },
      onEvent: (event) => show.event(event),
      changeProfile: options.changeProfile ?? false,
      force: options.force ?? false,
    });
    if (sent) show.line({ event: "sent", seconds: seconds(began) }, `sent in ${seconds(began)} s`);
    if (!options.wait) {
      show.line(
        { event: "done", result: "sent", bundle: name },
        "Not waiting: `getversion` tells later what became of it.",
      );
      return;
    }
    const manual = device.tokens.get("keep") === "manual";
    const outcome = await awaitTrial(access, {
      bundle: name,
      manual,
      timeoutMs: timeoutS * 1000,
      onEvent: (event) => show.event(event),
    });
    report(show, device.name, name, outcome, manual, timeoutS);
  } finally {
    show.end();
    await access.close();
  }
}

/** Says how it ended. Throws UserError unless it ended well. */
function report(show: Shown, device: string, name: string, outcome: Outcome, manual: boolean, timeoutS: number): void {
  if (outcome.result === "confirmed") {
    show.line(
      { event: "done", result: "confirmed", bundle: name },
      pc.green(`${device} has confirmed bundle ${name}.`),
    );
    return;
  }
  if (outcome.result === "trial" && manual) {
    show.line(
      { event: "done", result: "trial", bundle: name },
      `${device} runs bundle ${name} on trial and has \`keep manual\`: publish \`keepversion\` on cmnd/${device}/OTA to make it permanent, else it goes back 5 minutes after its start.`,
    );
    return;
  }
  const why = outcome.result === "rolledBack" ? outcome.why : outcome.result;
  // An exception that was stored before the trial says nothing about a missed deadline.
  const exception =
    outcome.result === "rolledBack" && why !== "deadline" && why !== "power"
      ? explainException(outcome.exception, name)
      : undefined;
  show.line(
    { event: "done", result: outcome.result, bundle: name, why, exception, running: outcome.version?.bundle },
    "",
  );
  if (outcome.result === "rolledBack")
    throw new UserError(
      `${device} took bundle ${name} back: ${explainWhy(why)}. It runs ${outcome.version.bundle} (${outcome.version.state}) again.` +
        (exception === undefined ? "" : `\n${exception}`),
    );
  if (outcome.result === "trial")
    throw new UserError(
      `${device} runs bundle ${name}, but has not confirmed it in ${timeoutS} s: watch stat/${device}/Log; it goes back by itself when its deadline passes.`,
    );
  throw new UserError(
    `${device} has not been heard with bundle ${name} in ${timeoutS} s: look at stat/${device}/LWT and its power; a failed trial goes back by itself.`,
  );
}

/** A recorded exception with TypeScript places where the artifact store knows the bundle. */
export function explainException(exception: unknown, bundle: string): string | undefined {
  const { message, stack, hash: recorded } = (exception ?? {}) as { message?: string; stack?: string; hash?: string };
  if (message === undefined || (recorded !== undefined && recorded !== "" && recorded !== bundle)) return undefined;
  const artifact = loadArtifact(recorded || bundle);
  const trace = artifact === undefined ? (stack ?? "") : readableTrace(stack ?? "", artifact);
  return `${message}\n${trace}`.trimEnd();
}

async function makeBundle(profile: string, unknown: boolean, options: Options): Promise<Uint8Array> {
  if (options.bundle !== undefined) {
    if (!existsSync(options.bundle)) throw new UsageError(`there is no ${options.bundle}`);
    return new Uint8Array(readFileSync(options.bundle));
  }
  if (unknown)
    throw new UsageError("the device runs the recovery bundle: say which profile it is to get, as second argument");
  return (await buildBundle({ profile })).bundle;
}

interface DeviceFile {
  name: string;
  file: string;
  tokens: Map<string, string>;
}

/** The device's file; without one the name is all that is known. */
function readDevice(given: string, options: Options): DeviceFile {
  const file = options.config ?? join(ROOT, "devices", `${given}.txt`);
  const tokens = new Map<string, string>();
  if (existsSync(file)) {
    const list = parseConfig(readFileSync(file, "utf8"));
    for (let i = 0; i + 1 < list.length; i += 2) if (list[i + 1] !== "None") tokens.set(list[i]!, list[i + 1]!);
  } else if (options.config !== undefined || options.keyFile === undefined) {
    throw new UsageError(
      `there is no ${file}: put the device's config.txt there, or name it with --config, or use --key-file and --broker`,
    );
  }
  return { name: tokens.get("mqttname") ?? given, file, tokens };
}

function readKey(tokens: Map<string, string>, file: string, options: Options): Uint8Array {
  let hex = tokens.get("otakey");
  let source = file;
  if (options.keyFile !== undefined) {
    source = options.keyFile;
    if (!existsSync(source)) throw new UsageError(`there is no ${source}`);
    hex = readFileSync(source, "utf8").trim();
  }
  if (hex === undefined)
    throw new UserError(`${source} has no otakey: a device without one takes updates over serial only`);
  const key = keyBytes(hex);
  if (key === undefined) throw new UserError(`the otakey in ${source} is not 64 hex digits`);
  return key;
}

function brokerOf(device: DeviceFile): string {
  const host = device.tokens.get("mqttbroker");
  if (host === undefined)
    throw new UsageError("no broker: set MQTT_URL (mqtt://[user:password@]host[:port]) or use --broker");
  const url = new URL(`mqtt://${host}:${device.tokens.get("mqttport") ?? "1883"}`);
  url.username = encodeURIComponent(device.tokens.get("mqttuser") ?? "");
  url.password = encodeURIComponent(device.tokens.get("mqttpass") ?? "");
  return url.href;
}

function parseAddress(text: string): { host: string; port: number } {
  const found = /^([^:\s]+)(?::(\d+))?$/.exec(text);
  const port = Number(found?.[2] ?? LINK_PORT);
  if (found === null || port < 1 || port > 65535) throw new UsageError(`--addr ${text}: HOST or HOST:PORT`);
  return { host: found[1] as string, port };
}

function seconds(sinceMs: number): number {
  return Math.round((performance.now() - sinceMs) / 10) / 100;
}

/** What the user sees: lines and a bar, or JSON. */
class Shown {
  readonly #json: boolean;
  #bar: SingleBar | undefined;
  #lastTenth = -1;

  constructor(json: boolean) {
    this.#json = json;
  }

  /** One step, as JSON or as words. */
  line(json: object, words: string): void {
    this.end();
    if (this.#json) console.log(JSON.stringify(json));
    else if (words !== "") console.log(words);
  }

  end(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  event(event: UpdateEvent): void {
    if (event.event === "progress") this.#progress(event.done, event.total);
    else if (event.event === "connected")
      this.line({ event: "connected", machine: event.hello.machine }, "connected, key verified");
    else this.line(event, this.#words(event));
  }

  #words(event: Exclude<UpdateEvent, { event: "progress" | "connected" }>): string {
    switch (event.event) {
      case "same":
        return `the device runs this bundle already (${event.state})`;
      case "rejectedBefore":
        return pc.yellow(`this bundle was taken back before: ${explainWhy(event.why)}; sending it again`);
      case "retry":
        return pc.yellow(`broken off (${event.why}); going on`);
      case "resumed":
        return `the device has ${event.offset} of ${event.total} bytes already; going on from there`;
      case "committed":
        return "verified and committed";
      case "restarting":
        return "restarting";
      case "trial":
        return "on trial: waiting until the device has proved that it can be reached";
    }
  }

  #progress(done: number, total: number): void {
    const tenth = total === 0 ? 10 : Math.floor((done * 10) / total);
    if (!this.#json && process.stdout.isTTY) {
      if (this.#bar === undefined) {
        this.#bar = new SingleBar(
          { format: "sending {bar} {percentage} % {value}/{total} bytes" },
          Presets.shades_classic,
        );
        this.#bar.start(total, done);
      } else this.#bar.update(done);
    } else if (tenth !== this.#lastTenth) {
      this.line({ event: "progress", done, total }, `sending: ${tenth * 10} %`);
    }
    this.#lastTenth = tenth;
  }
}

if (import.meta.main) await main(program);
