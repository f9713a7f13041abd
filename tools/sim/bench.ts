// A virtual energy meter on a bench: host firmware, board, PZEM with a household behind it, and a broker. What `sim`, `demo` and the
// end-to-end tests share; what is shown of it is theirs.

import { createHash } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { BUILD } from "../lib/paths.ts";
import { SimBroker } from "./broker.ts";
import { HostMachine } from "./host_machine.ts";
import { HostWorld, type Pace } from "./host_world.ts";
import { Household } from "./household.ts";
import { PzemModel } from "./models/pzem.ts";

/** UART of the energy profile's meter. */
const PZEM_UART = 2;

export interface BenchOptions {
  name: string;
  /** Path of the host firmware. */
  firmware: string;
  /** bundle.bin that is permanent in slot 0; without it the flash folder is left as it is. */
  bundle?: Uint8Array;
  pace: Pace;
  seed?: number;
  /** Folder with the chip's state; build/sim/NAME by default. */
  flashDir?: string;
  /** Begin with an empty chip. */
  fresh?: boolean;
  /** A broker elsewhere instead of the embedded one. */
  externalBroker?: { host: string; port: number; user?: string; password?: string };
  /** 64 hex digits. */
  otakey: string;
  /** More options for the firmware. */
  args?: string[];
  /** More lines for config.txt. */
  moreConfig?: string[];
}

export class Bench {
  readonly world: HostWorld;
  readonly broker: SimBroker | undefined;
  readonly machine: HostMachine;
  readonly meter: PzemModel;
  readonly household: Household;
  readonly config: string;

  private constructor(options: BenchOptions, world: HostWorld, broker: SimBroker | undefined) {
    this.world = world;
    this.broker = broker;
    const seeds = options.seed === undefined ? {} : { seed: options.seed };
    this.machine = new HostMachine({
      world,
      firmware: options.firmware,
      flashDir: options.flashDir ?? simFolder(options.name),
      uniqueId: uniqueIdOf(options.name),
      args: options.args ?? [],
      ...seeds,
    });
    this.meter = new PzemModel(this.machine.board, PZEM_UART);
    this.household = new Household(world.clock, this.meter, options.seed ?? 1);
    this.config = configText(options, broker);
  }

  /** A bench with the power still off. */
  static async make(options: BenchOptions): Promise<Bench> {
    const flashDir = options.flashDir ?? simFolder(options.name);
    if (options.fresh) rmSync(flashDir, { recursive: true, force: true });
    mkdirSync(flashDir, { recursive: true });
    const world = new HostWorld(options.pace);
    const broker = options.externalBroker === undefined ? await SimBroker.start() : undefined;
    if (broker === undefined) world.externalGraceMs = 2;
    else {
      broker.onTraffic = () => world.noteTraffic();
      broker.onSent = (address) => world.noteSent(address);
    }
    const bench = new Bench(options, world, broker);
    if (options.bundle !== undefined) await bench.machine.installBundle(options.bundle);
    await bench.machine.writeFile("config.txt", bench.config);
    return bench;
  }

  async close(): Promise<void> {
    await this.world.stop();
    await this.machine.close();
    await this.broker?.close();
  }
}

/** Where a virtual device's flash is kept between runs. */
export function simFolder(name: string): string {
  return join(BUILD, "sim", name);
}

/** Six bytes in hex that stay the same for a name: a locally administered address. */
export function uniqueIdOf(name: string): string {
  return `02${createHash("sha256").update(name).digest("hex").slice(0, 10)}`;
}

function configText(options: BenchOptions, broker: SimBroker | undefined): string {
  const external = options.externalBroker;
  const lines = [
    "ssid simulated",
    "password simulated",
    `mqttbroker ${external?.host ?? "127.0.0.1"}`,
    `mqttport ${external?.port ?? broker?.port}`,
    `mqttname ${options.name}`,
    "watchdog 1",
    `otakey ${options.otakey}`,
  ];
  if (external?.user !== undefined) lines.push(`mqttuser ${external.user}`);
  if (external?.password !== undefined) lines.push(`mqttpass ${external.password}`);
  return `${[...lines, ...(options.moreConfig ?? [])].join("\n")}\n`;
}
