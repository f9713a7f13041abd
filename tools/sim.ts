// `bun run sim PROFILE`: a virtual device with the real firmware on a bench, its topics live, and commands from the keyboard.

import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { Command, Option } from "commander";
import type { MqttClient } from "mqtt";
import pc from "picocolors";
import { netnowKeys } from "../device/netnow_codec.ts";
import { sampleTokens } from "./bench/device.ts";
import { main, progress } from "./lib/cli.ts";
import { shownAddress } from "./lib/device_access.ts";
import { messageOf, UsageError, UserError } from "./lib/errors.ts";
import { devicesFolder } from "./lib/paths.ts";
import { AirBridge } from "./sim/air_bridge.ts";
import { AIR_HELP, parseAir } from "./sim/air_settings.ts";
import { Bench, simFolder, uniqueIdOf } from "./sim/bench.ts";
import { castOf, hasRadio, isPeripheral, knownWords, shortName } from "./sim/cast.ts";
import { applyAir, carryOut, type SimDevice } from "./sim/console_commands.ts";
import { describe, observeAir, observeBench, observeDevice, parseDuration, type SimEvent } from "./sim/events.ts";
import { hostFirmware, profileBundle } from "./sim/firmware.ts";
import type { HostWorld } from "./sim/host_world.ts";
import type { BenchMachine } from "./sim/machine.ts";
import { QEMU_PROFILE } from "./sim/machines.ts";
import { otakeyOf } from "./sim/otakey.ts";
import { encodePng } from "./sim/picture.ts";
import { QEMU_CHIPS, type QemuChip } from "./sim/qemu_program.ts";
import { connectRemote, observeRemote, parseBroker } from "./sim/remote_broker.ts";
import { Screen } from "./sim/screen.ts";
import { SerialCable } from "./sim/serial_cable.ts";
import { bareBoard, surroundingsOf } from "./sim/surroundings.ts";

/** Real time without traffic on the serial port before the device's clock moves on. */
const SERIAL_GRACE_MS = 2;
const PERIPHERAL_AFTER_MS = 30_000;

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
  air?: string;
  airFaults?: string;
}

const program = new Command("sim")
  .description("Runs a virtual device: the real firmware and bytecode, a simulated board, and an MQTT broker.")
  .argument("[profile]", "the appliance; scale and tnow are pairs of devices on ESP-NOW", "energy")
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
  .option("--air <folder>", "share the air of ESP-NOW with other virtual devices and bun tools/entool.ts")
  .option("--air-faults <list>", `what the air does to frames sent here, e.g. loss=30,delay=5: ${AIR_HELP}`)
  .option("--json", "one JSON object per line and event")
  .addHelpText(
    "after",
    `
Examples:
  bun run sim energy                                   until q and Enter, or Ctrl-C
  bun run sim energy --warp 60 --broker mqtt://10.0.0.2
  bun run sim energy --json --warp max --for 1h --seed 1
  bun run sim h2o --warp 10                            then: tap 12, look
  bun run sim scale --warp 60                          a battery scale and its gateway; then: weigh 12.5
  bun run sim scale --warp max --for 1d --air-faults loss=30
  bun run sim scale_manager --air /tmp/air             and in another terminal: bun run sim scale_sensor --air /tmp/air
  bun run sim relay --warp max --for 2m --png relay.png
  bun run sim energy --qemu --chip esp32c3             after: bun run flash --qemu --build-only --chip esp32c3`,
  )
  .action((profile: string, options: Options) => run(profile, options));

async function run(word: string, options: Options): Promise<void> {
  const plan = planOf(word, options);
  const remote = options.broker === undefined ? undefined : await connectRemote(options.broker);
  const cable = options.serial ? new SerialCable() : undefined;
  let bridge: AirBridge | undefined;
  let bench: Bench<BenchMachine> | undefined;
  try {
    const laid = await lay(plan, options, cable);
    bench = laid.bench;
    bridge = joinAir(options, plan, laid.bench, laid.devices);
    if (cable !== undefined) joinCable(cable, bench.world);
    await show(plan, options, laid, remote, cable);
  } finally {
    await bench?.close();
    bridge?.close();
    cable?.close();
    await remote?.endAsync(true);
  }
}

/** What the options say, all of it checked. */
function planOf(word: string, options: Options) {
  const cast = castOf(word);
  if (cast === undefined)
    throw new UserError(`There is no profile "${word}" that comes up alone: use ${knownWords().join(", ")}.`);
  const [profile, second] = cast;
  if (options.qemu && word !== QEMU_PROFILE)
    throw new UsageError(`--qemu: only the ${QEMU_PROFILE} profile's parts are there`);
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
  for (const [option, given] of [
    ["--air", options.air],
    ["--air-faults", options.airFaults],
  ])
    if (given !== undefined && !hasRadio(profile)) throw new UsageError(`${option}: ${profile} has no ESP-NOW`);
  return { profile, second, name, pace, forMs, seed, external, air: airOf(options) };
}

type Plan = ReturnType<typeof planOf>;

function airOf({ airFaults }: Options) {
  try {
    return airFaults === undefined ? undefined : parseAir(airFaults);
  } catch (thrown) {
    throw new UsageError(`--air-faults ${messageOf(thrown)}`);
  }
}

/** Puts the devices on the bench, with the power still off. */
async function lay(plan: Plan, options: Options, cable: SerialCable | undefined) {
  const { profile, second, name, seed } = plan;
  const chip = async (of: string, called: string) => {
    const fresh = options.fresh === true || seed !== undefined || !hasFlash(called);
    const bundle = await profileBundle(of);
    const common = { name: called, otakey: otakeyOf(called), fresh, moreConfig: sampleTokens(of) };
    return fresh ? { ...common, bundle } : common;
  };
  const common = {
    ...(await chip(profile, name)),
    ...(seed === undefined ? {} : { seed }),
    ...(plan.external === undefined ? {} : { externalBroker: plan.external }),
  };
  if (options.qemu) {
    const bench: Bench<BenchMachine> = await Bench.makeQemu({ ...common, chip: options.chip ?? "esp32" });
    return { bench, devices: [{ name, profile, machine: bench.machine, around: undefined }] };
  }
  const firmware = await hostFirmware(progress);
  const host = await Bench.make({
    ...common,
    firmware,
    pace: plan.pace,
    peripheral: isPeripheral(profile),
    ...(cable === undefined ? {} : { args: ["--serial", cable.devicePath] }),
  });
  const around = profile === "energy" ? undefined : aroundOf(profile, host.machine);
  const devices: SimDevice[] = [{ name, profile, machine: host.machine, around }];
  if (second !== undefined) {
    const called = options.name === undefined ? `sim_${second}` : `${name}_${shortName(second)}`;
    const own = seed === undefined ? {} : { seed: seed + 1 };
    const { machine, config } = await host.addPeripheral({ ...(await chip(second, called)), ...own, firmware });
    devices.push({ name: called, profile: second, machine, around: aroundOf(second, machine) });
    await writeDeviceFile(called, config);
  }
  return { bench: host as Bench<BenchMachine>, devices };
}

function aroundOf(profile: string, { board }: BenchMachine) {
  return surroundingsOf(profile, board) ?? bareBoard(board);
}

/** The air as the options want it, and who else is on it. */
function joinAir({ air: folder }: Options, { air }: Plan, bench: Bench<BenchMachine>, devices: SimDevice[]) {
  if (air !== undefined) applyAir(air, bench);
  if (folder === undefined) return undefined;
  const bridge = new AirBridge(bench.world, bench.air, folder);
  bridge.onReset = (mac) => void devices.find((each) => uniqueIdOf(each.name) === mac)?.machine.pressReset();
  return bridge;
}

/** Switches everything on, and shows and does what comes until the end. */
async function show(
  plan: Plan,
  options: Options,
  { bench, devices }: Awaited<ReturnType<typeof lay>>,
  remote: MqttClient | undefined,
  cable: SerialCable | undefined,
): Promise<void> {
  const { name, profile, forMs } = plan;
  await writeDeviceFile(name, bench.config);
  const end = () => void bench.world.stop();
  const json = options.json === true;
  const screen = new Screen(!json, (line) => typed(line), end);
  const say = (line: string) => (json ? console.error(line) : screen.print(line));
  const each = json ? (event: SimEvent) => console.log(JSON.stringify(event)) : printer(name, screen);
  const publish = (topic: string, payload: string) => {
    if (remote !== undefined) remote.publish(topic, payload);
    else void bench.broker?.publish(topic, payload);
  };
  const picture = devices[0]?.around?.picture;
  if (options.png !== undefined && picture === undefined)
    throw new UsageError(`--png: the profile ${profile} has no display`);
  const context = {
    devices,
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
  const ends = [observeBench(bench, each, devices.length > 1 ? shortName(profile) : undefined)];
  for (const other of devices.slice(1))
    ends.push(observeDevice(bench, other.machine.board, each, shortName(other.profile)));
  if (hasRadio(profile)) ends.push(observeAir(bench, each, keysOf(bench.config)));
  process.on("SIGINT", end);
  process.on("SIGTERM", end); // an emulator would outlive us
  try {
    if (remote !== undefined) await observeRemote(remote, name, bench, each);
    if (!json) introduce(say, plan, options, bench, cable);
    else if (cable !== undefined) console.log(JSON.stringify({ t: 0, kind: "serial", path: cable.path }));
    await bench.machine.powerOn();
    for (const { machine } of devices.slice(1)) powerLater(bench.world, machine);
    bench.world.start();
    if (forMs === undefined) await bench.world.ended();
    else await bench.world.runFor(forMs);
  } finally {
    process.off("SIGINT", end);
    process.off("SIGTERM", end);
    if (options.png !== undefined && picture !== undefined) await Bun.write(options.png, encodePng(picture));
    if (!json) for (const { around } of devices) context.show(around?.look() ?? []);
    for (const finish of ends) finish(); // what the bench does while it is taken down happened to nobody
    screen.close();
  }
  for (const { name: of, machine } of devices)
    if (machine.failure !== undefined) throw new UserError(`The firmware of ${of} does not run: ${machine.failure}`);
}

/** A peripheral gets power when its central has found its channel, as a person would do it. */
function powerLater(world: HostWorld, machine: BenchMachine): void {
  world.clock.after(PERIPHERAL_AFTER_MS * 1000, () => {
    const release = world.hold();
    void machine.powerOn().finally(release);
  });
}

/** Of ESP-NOW, to tell what frames are. */
function keysOf(config: string) {
  const token = (name: string) => new RegExp(`^${name} (.*)$`, "m").exec(config)?.[1] ?? "";
  return netnowKeys(token("espnowpsk"), token("espnowgroup"));
}

function parseWarp(text: string): number | "fast" {
  if (text === "max") return "fast";
  const warp = Number(text);
  if (!(warp > 0 && warp <= 1_000_000)) throw new UsageError(`--warp ${text}: a number above 0, or max`);
  return warp;
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
  { name, profile, second }: Plan,
  options: Options,
  bench: Bench<BenchMachine>,
  cable: SerialCable | undefined,
): void {
  const flash = `flash in build/sim/${name}`;
  const others = second === undefined ? "" : ` (and ${pc.bold(second)})`;
  if (isPeripheral(profile)) say(`${pc.bold(name)}  has no network, only ESP-NOW; ${flash}`);
  else {
    // A password that was given is on no screen.
    const url = shownAddress(options.broker ?? bench.broker?.url ?? "");
    say(`${pc.bold(name)}${others}  at ${bench.machine.address}, broker ${pc.bold(url)}, ${flash}`);
    // The address that an emulated chip tells is one of QEMU's own network.
    const at = options.qemu ? ` --addr ${bench.machine.address}` : "";
    say(`Update it from another terminal:  MQTT_URL=${url} bun run ota ${name}${at}`);
  }
  say(`It gets power now, so it waits up to 10 s as every device does.`);
  if (second !== undefined) say(`${second} gets power ${PERIPHERAL_AFTER_MS / 1000} s later.`);
  if (options.air !== undefined) say(`See its air:  bun tools/entool.ts watch --air ${options.air} --device ${name}`);
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
