// A virtual energy meter on a bench: a machine (host firmware or emulator), board, PZEM with a household behind it, and a broker. What
// `sim`, `demo` and the end-to-end tests share; what is shown of it is theirs.

import { createHash } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { BUILD } from "../lib/paths.ts";
import { Air } from "./air.ts";
import { SimBroker } from "./broker.ts";
import { fitMeter, METER_UART } from "./fittings.ts";
import { HostMachine } from "./host_machine.ts";
import { HostWorld, type Pace } from "./host_world.ts";
import { Household } from "./household.ts";
import type { BenchMachine } from "./machine.ts";
import type { PzemModel } from "./models/pzem.ts";
import { QemuMachine } from "./qemu_machine.ts";
import { findQemu, meterUart, QEMU_HOST, QEMU_SSID, type QemuChip, qemuImage } from "./qemu_program.ts";

interface CommonOptions {
  name: string;
  /** bundle.bin that is permanent in slot 0; without it the flash folder is left as it is. */
  bundle?: Uint8Array;
  seed?: number;
  /** Folder with the chip's state; build/sim/NAME by default. */
  flashDir?: string;
  /** Begin with an empty chip. */
  fresh?: boolean;
  /** A broker elsewhere instead of the embedded one. */
  externalBroker?: { host: string; port: number; user?: string; password?: string };
  /** 64 hex digits. */
  otakey: string;
  /** More lines for config.txt. */
  moreConfig?: string[];
}

export interface BenchOptions extends CommonOptions {
  /** Path of the host firmware. */
  firmware: string;
  pace: Pace;
  /** More options for the firmware. */
  args?: string[];
  /** An ESP-NOW peripheral: without a network and a broker. */
  peripheral?: boolean;
}

export interface QemuBenchOptions extends CommonOptions {
  chip: QemuChip;
  /** Folder with the image; by default where `bun run flash --qemu` builds it. */
  image?: string;
}

export class Bench<M extends BenchMachine = HostMachine> {
  readonly world: HostWorld;
  readonly broker: SimBroker | undefined;
  /** Of ESP-NOW. */
  readonly air: Air;
  readonly machine: M;
  readonly meter: PzemModel;
  readonly household: Household;
  readonly config: string;
  /** Devices beside the first one. */
  readonly #others: HostMachine[] = [];

  private constructor(table: Table, machine: M, uart: number, config: string) {
    const { options, world, broker } = table;
    this.world = world;
    this.broker = broker;
    this.air = table.air;
    this.machine = machine;
    this.meter = fitMeter(machine.board, uart);
    this.household = new Household(world.clock, this.meter, options.seed ?? 1);
    this.config = config;
  }

  /** A bench with the power still off. */
  static async make(options: BenchOptions): Promise<Bench> {
    const table = await Bench.#lay(options, new HostWorld(options.pace), options.peripheral !== true);
    const machine = hostMachine(table, options);
    const config = options.peripheral ? peripheralConfig(options) : configText(table, "simulated", "127.0.0.1");
    const bench = new Bench(table, machine, METER_UART, config);
    await prepare(machine, options.bundle, config);
    return bench;
  }

  /** Puts an ESP-NOW peripheral beside the first device, with the power still off. A seed has to be one of its own. */
  async addPeripheral(options: Omit<BenchOptions, "pace">): Promise<{ machine: HostMachine; config: string }> {
    const table = { options, world: this.world, broker: undefined, air: this.air, flashDir: emptied(options) };
    const machine = hostMachine(table, options);
    this.#others.push(machine);
    const config = peripheralConfig(options);
    await prepare(machine, options.bundle, config);
    return { machine, config };
  }

  /** A bench with the emulator, in real time, with the power still off. Throws UserError when QEMU or the image are not there. */
  static async makeQemu(options: QemuBenchOptions): Promise<Bench<QemuMachine>> {
    const { chip } = options;
    const image = qemuImage(chip, options.image);
    const program = await findQemu(chip);
    const table = await Bench.#lay(options, new HostWorld(1, true), true);
    const machine = new QemuMachine({ world: table.world, chip, program, image, flashDir: table.flashDir });
    const bench = new Bench(table, machine, meterUart(chip), configText(table, QEMU_SSID, QEMU_HOST));
    await prepare(machine, options.bundle, bench.config);
    return bench;
  }

  static async #lay(options: CommonOptions, world: HostWorld, network: boolean): Promise<Table> {
    const flashDir = emptied(options);
    const air = new Air(world.clock, options.seed ?? 1);
    const broker = network && options.externalBroker === undefined ? await SimBroker.start() : undefined;
    if (options.externalBroker !== undefined) world.externalGraceMs = 2;
    if (broker !== undefined) {
      broker.onTraffic = () => world.noteTraffic();
      broker.onSent = (address) => world.noteSent(address);
    }
    return { options, world, broker, air, flashDir };
  }

  async close(): Promise<void> {
    await this.world.stop();
    await this.machine.close();
    for (const each of this.#others) await each.close();
    await this.broker?.close();
  }
}

interface Table {
  options: CommonOptions;
  world: HostWorld;
  broker: SimBroker | undefined;
  air: Air;
  flashDir: string;
}

/** The folder with the chip's state. */
function emptied(options: CommonOptions): string {
  const folder = options.flashDir ?? simFolder(options.name);
  if (options.fresh) rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

function hostMachine({ world, air, flashDir }: Table, options: Omit<BenchOptions, "pace">): HostMachine {
  return new HostMachine({
    world,
    air,
    firmware: options.firmware,
    flashDir,
    uniqueId: uniqueIdOf(options.name),
    args: options.args ?? [],
    ...(options.seed === undefined ? {} : { seed: options.seed }),
  });
}

async function prepare(machine: BenchMachine, bundle: Uint8Array | undefined, config: string): Promise<void> {
  if (bundle !== undefined) await machine.installBundle(bundle);
  await machine.writeFile("config.txt", config);
}

/** Where a virtual device's flash is kept between runs. */
export function simFolder(name: string): string {
  return join(BUILD, "sim", name);
}

/** Six bytes in hex that stay the same for a name: a locally administered address. */
export function uniqueIdOf(name: string): string {
  return `02${createHash("sha256").update(name).digest("hex").slice(0, 10)}`;
}

/** `host`: this PC's loopback as the device reaches it. */
function configText({ options, broker }: Table, network: string, host: string): string {
  const external = options.externalBroker;
  const local = external === undefined || /^(localhost|127\.[\d.]+)$/.test(external.host);
  const lines = [
    `ssid ${network}`,
    "password simulated",
    `mqttbroker ${local ? host : external.host}`,
    `mqttport ${external?.port ?? broker?.port}`,
    `mqttname ${options.name}`,
    "watchdog 1",
    `otakey ${options.otakey}`,
  ];
  if (external?.user !== undefined) lines.push(`mqttuser ${external.user}`);
  if (external?.password !== undefined) lines.push(`mqttpass ${external.password}`);
  return `${[...lines, ...(options.moreConfig ?? [])].join("\n")}\n`;
}

/** Of a device that has nothing but the radio. */
function peripheralConfig({ otakey, moreConfig }: CommonOptions): string {
  return `${["watchdog 1", `otakey ${otakey}`, ...(moreConfig ?? [])].join("\n")}\n`;
}
