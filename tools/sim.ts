// `bun run sim PROFILE`: a virtual device with the real firmware on a bench, its topics live, and commands from the keyboard.

import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { Command, Option } from "commander";
import { connectAsync, type MqttClient } from "mqtt";
import pc from "picocolors";
import { mqttProfiles, sampleTokens } from "./bench/device.ts";
import { main, progress } from "./lib/cli.ts";
import { shownAddress } from "./lib/device_access.ts";
import { messageOf, UsageError, UserError } from "./lib/errors.ts";
import { devicesFolder } from "./lib/paths.ts";
import { Bench, simFolder } from "./sim/bench.ts";
import { carryOut } from "./sim/console_commands.ts";
import { describe, observeBench, parseDuration, type SimEvent } from "./sim/events.ts";
import { hostFirmware, profileBundle } from "./sim/firmware.ts";
import type { HostWorld } from "./sim/host_world.ts";
import type { BenchMachine } from "./sim/machine.ts";
import { otakeyOf } from "./sim/otakey.ts";
import { encodePng } from "./sim/picture.ts";
import { QEMU_CHIPS, type QemuChip } from "./sim/qemu_program.ts";
import { Screen } from "./sim/screen.ts";
import { SerialCable } from "./sim/serial_cable.ts";
import { bareBoard, surroundingsOf } from "./sim/surroundings.ts";

/** Real time without traffic on the serial port before the device's clock moves on. */
const SERIAL_GRACE_MS = 2;

interface Options {
  broker?: string;
  warp: string;
  for?: string;
  seed?: string;
  json?: boolean;
  name?: string;
  fresh?: boolean;
  serial?: boolean;
  png?: string;
  qemu?: boolean;
  chip?: QemuChip;
}

const program = new Command("sim")
  .description("Runs a virtual device: the real firmware and bytecode, a simulated board, and an MQTT broker.")
  .argument("[profile]", "the appliance", "energy")
  .option("--broker <url>", "use this broker (mqtt://[user:password@]host[:port]) instead of an embedded one")
  .addOption(new Option("--warp <n>", "device seconds per real second, or max").default("1"))
  .option("--for <duration>", "end after this much device time (90s, 10m, 2h, 1d)")
  .option("--seed <n>", "make the run repeat: begins with a new chip, random numbers and the household come from N")
  .option("--name <name>", "the device's name (mqttname)")
  .option("--fresh", "begin with a new chip instead of the last run's flash")
  .option(
    "--serial",
    "give the device a serial port, for console, pcp, pcp_conf, pcp_main and cpall; its path is shown",
  )
  .option(
    "--qemu",
    "boot the image that ESP-IDF built in Espressif's emulator instead: in real time, with UARTs and Ethernet only",
  )
  .addOption(new Option("--chip <chip>", "what --qemu emulates (default: esp32)").choices(Object.keys(QEMU_CHIPS)))
  .option("--png <file>", "at the end, writes what the display shows")
  .option("--json", "one JSON object per line and event")
  .addHelpText(
    "after",
    `
Examples:
  bun run sim energy                                   until q and Enter, or Ctrl-C
  bun run sim energy --warp 60 --broker mqtt://10.0.0.2
  bun run sim energy --json --warp max --for 1h --seed 1
  bun run sim h2o --warp 10                            then: tap 12, look
  bun run sim relay --warp max --for 2m --png relay.png
  bun run sim energy --qemu --chip esp32c3             after: bun run flash --qemu --build-only --chip esp32c3`,
  )
  .action((profile: string, options: Options) => run(profile, options));

async function run(profile: string, options: Options): Promise<void> {
  const known = mqttProfiles().filter((each) => each !== "recovery");
  if (!known.includes(profile))
    throw new UserError(`There is no profile "${profile}" that comes up alone: use ${known.join(", ")}.`);
  if (options.qemu && profile !== "energy") throw new UsageError("--qemu: only the energy profile's parts are there");
  if (options.chip !== undefined && !options.qemu) throw new UsageError("--chip goes with --qemu");
  const name = options.name ?? `${options.qemu ? "qemu" : "sim"}_${profile}`;
  if (!/^[A-Za-z0-9_-]{1,32}$/.test(name)) throw new UsageError(`--name ${name}: letters, digits, _ and -, at most 32`);
  const pace = parseWarp(options.warp);
  const forMs = options.for === undefined ? undefined : parseDuration(options.for);
  if (options.for !== undefined && forMs === undefined)
    throw new UsageError(`--for ${options.for}: a number with ms, s, m, h or d, e.g. 10m`);
  if (options.qemu && pace !== 1) throw new UsageError("--warp: the emulator knows real time only");
  if (options.qemu && options.serial) throw new UsageError("--serial: the emulator's own port is taken by its console");
  const seed = options.seed === undefined ? undefined : Number(options.seed);
  if (seed !== undefined && !(Number.isSafeInteger(seed) && seed >= 0))
    throw new UsageError(`--seed ${options.seed}: a whole number from 0 up`);
  const external = options.broker === undefined ? undefined : parseBroker(options.broker);
  const remote = options.broker === undefined ? undefined : await connectRemote(options.broker);

  const bundle = await profileBundle(profile);
  const fresh = options.fresh === true || seed !== undefined || !hasFlash(name);
  const common = {
    name,
    otakey: otakeyOf(name),
    fresh,
    moreConfig: sampleTokens(profile),
    ...(fresh ? { bundle } : {}),
    ...(seed === undefined ? {} : { seed }),
    ...(external === undefined ? {} : { externalBroker: external }),
  };
  const cable = options.serial ? new SerialCable() : undefined;
  const bench: Bench<BenchMachine> = options.qemu
    ? await Bench.makeQemu({ ...common, chip: options.chip ?? "esp32" })
    : await Bench.make({
        ...common,
        firmware: await hostFirmware(progress),
        pace,
        ...(cable === undefined ? {} : { args: ["--serial", cable.devicePath] }),
      });
  if (cable !== undefined) joinCable(cable, bench.world);
  try {
    await writeDeviceFile(name, bench.config);
    const end = () => void bench.world.stop();
    const json = options.json === true;
    const screen = new Screen(!json, (line) => typed(line), end);
    const say = (line: string) => (json ? console.error(line) : screen.print(line));
    const show = json ? (event: SimEvent) => console.log(JSON.stringify(event)) : printer(name, screen);
    const publish = (topic: string, payload: string) => {
      if (remote !== undefined) remote.publish(topic, payload);
      else void bench.broker?.publish(topic, payload);
    };
    const { board } = bench.machine;
    const around = surroundingsOf(profile, board) ?? (profile === "energy" ? undefined : bareBoard(board));
    const picture = around?.picture;
    if (options.png !== undefined && picture === undefined)
      throw new UsageError(`--png: the profile ${profile} has no display`);
    const context = {
      around,
      show: (lines: string[]) => {
        for (const line of lines) say(line);
      },
      bench,
      name,
      publish,
      say: (line: string) => say(pc.dim(line)),
      quit: end,
    };
    const typed = (line: string) => {
      carryOut(line, context).catch((thrown) => say(pc.red(messageOf(thrown))));
    };
    const endShow = observeBench(bench, show);
    process.on("SIGINT", end);
    try {
      if (remote !== undefined) await observeRemote(remote, name, bench, show);
      if (!json) introduce(say, name, options, bench, cable);
      else if (cable !== undefined) console.log(JSON.stringify({ t: 0, kind: "serial", path: cable.path }));
      await bench.machine.powerOn();
      bench.world.start();
      if (forMs === undefined) await bench.world.ended();
      else await bench.world.runFor(forMs);
    } finally {
      process.off("SIGINT", end);
      if (options.png !== undefined && picture !== undefined) await Bun.write(options.png, encodePng(picture));
      if (!json && around !== undefined) context.show(around.look());
      endShow(); // what the bench does while it is taken down happened to nobody
      screen.close();
    }
    if (bench.machine.failure !== undefined) throw new UserError(`The firmware does not run: ${bench.machine.failure}`);
  } finally {
    await bench.close();
    cable?.close();
    await remote?.endAsync(true);
  }
}

function parseWarp(text: string): number | "fast" {
  if (text === "max") return "fast";
  const warp = Number(text);
  if (!(warp > 0 && warp <= 1_000_000)) throw new UsageError(`--warp ${text}: a number above 0, or max`);
  return warp;
}

function parseBroker(text: string) {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "mqtt:" || url.hostname === "")
    throw new UsageError("--broker: write it as mqtt://[user:password@]host[:port]");
  return {
    host: url.hostname,
    port: url.port === "" ? 1883 : Number(url.port),
    ...(url.username === "" ? {} : { user: decodeURIComponent(url.username) }),
    ...(url.password === "" ? {} : { password: decodeURIComponent(url.password) }),
  };
}

async function connectRemote(url: string): Promise<MqttClient> {
  try {
    return await connectAsync(url, { connectTimeout: 5000 }, false);
  } catch (thrown) {
    throw new UserError(
      `No broker at ${shownAddress(url)} (${messageOf(thrown)}): is it running, and does it let us in?`,
    );
  }
}

/** What the device says and is told on somebody else's broker. */
async function observeRemote(
  remote: MqttClient,
  name: string,
  bench: Bench<BenchMachine>,
  show: (event: SimEvent) => void,
) {
  remote.on("message", (topic, payload, packet) => {
    bench.world.noteTraffic();
    const t = Math.round(bench.world.clock.nowUs / 1000);
    show({ t, kind: "publish", topic, payload: payload.toString(), retain: packet.retain });
  });
  await remote.subscribeAsync([`stat/${name}/#`, `cmnd/${name}/#`]);
}

function printer(name: string, screen: Screen): (event: SimEvent) => void {
  const width = `stat/${name}/Malfunction`.length;
  return (event) => {
    const row = describe(event, width, screen.columns);
    if (row !== undefined) screen.print(row);
  };
}

/** A serial port whose traffic keeps the device's clock from running ahead of the tool at its other end. */
function joinCable(cable: SerialCable, world: HostWorld): void {
  world.externalGraceMs = Math.max(world.externalGraceMs, SERIAL_GRACE_MS);
  cable.toDevice = cable.toTool = (bytes) => {
    world.noteTraffic();
    return bytes;
  };
}

function introduce(
  say: (line: string) => void,
  name: string,
  options: Options,
  bench: Bench<BenchMachine>,
  cable: SerialCable | undefined,
): void {
  // A password that was given is on no screen.
  const url = shownAddress(options.broker ?? bench.broker?.url ?? "");
  say(`${pc.bold(name)}  at ${bench.machine.address}, broker ${pc.bold(url)}, flash in build/sim/${name}`);
  say(`It gets power now, so it waits up to 10 s as every device does.`);
  // The address that an emulated chip tells is one of QEMU's own network.
  const at = options.qemu ? ` --addr ${bench.machine.address}` : "";
  say(`Update it from another terminal:  MQTT_URL=${url} bun run ota ${name}${at}`);
  if (cable !== undefined) say(`Its serial port:  SERIAL_PORT=${cable.path} bun run console`);
  say(`${pc.bold("h")} and Enter lists the commands, ${pc.bold("q")} ends.\n`);
  say(pc.dim(`${"device time".padEnd(12)}  ${"topic".padEnd(`stat/${name}/Malfunction`.length)}  value`));
}

function hasFlash(name: string): boolean {
  return ["app_0.bin", "flash.bin"].some((file) => existsSync(join(simFolder(name), file)));
}

/** The device's config where `bun run ota` looks for it. */
async function writeDeviceFile(name: string, config: string): Promise<void> {
  mkdirSync(devicesFolder(), { recursive: true });
  await Bun.write(join(devicesFolder(), `${name}.txt`), config);
}

if (import.meta.main) await main(program);
