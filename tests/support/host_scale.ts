// A battery scale and its gateway as two processes of the host firmware: one air, one virtual clock, a real broker between gateway and tools.

import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Air, type AirSettings } from "../../tools/sim/air.ts";
import { SimBroker } from "../../tools/sim/broker.ts";
import { hostFirmware, profileBundle } from "../../tools/sim/firmware.ts";
import { HostMachine } from "../../tools/sim/host_machine.ts";
import { HostWorld } from "../../tools/sim/host_world.ts";
import { type GatewayEvent, WeightLedger } from "./weight_ledger.ts";

export const MANAGER_MAC = "020000000001";
export const SENSOR_MAC = "020000000002";
const PAIR = "espnowpsk a-long-random-key\nespnowgroup home\n";
const [COUNTS_A_KG, COUNTS_OFFSET] = [21_000, 84_000];

export interface HostScaleOptions {
  /** `espnowversion` of both. */
  version: string;
  settings?: Partial<AirSettings>;
  seed?: number;
  /** The manager's network: a cable, which has no channel, or an access point. */
  ssid?: string;
}

export class HostScale {
  readonly world = new HostWorld("fast");
  readonly air: Air;
  readonly broker: SimBroker;
  readonly manager: HostMachine;
  readonly sensor: HostMachine;
  /** As a person keeps the devices' files: manager.txt and scale.txt. */
  readonly folder: string;
  /** Retained or not, newest last: topics below stat/Manager/. */
  readonly published: { topic: string; payload: string; atMs: number }[] = [];
  readonly ledger: WeightLedger;
  readonly gateway: GatewayEvent[] = [];
  /** Console lines by device. */
  readonly lines = { manager: [] as string[], sensor: [] as string[] };
  /** What lies on the scale, in kg; asked for each reading. */
  kg: () => number = () => 12;

  private constructor(folder: string, broker: SimBroker, firmware: string, options: HostScaleOptions) {
    this.folder = folder;
    this.broker = broker;
    const { world } = this;
    this.air = new Air(world.clock, options.seed ?? 1);
    Object.assign(this.air.settings, options.settings ?? {});
    broker.onTraffic = () => world.noteTraffic();
    broker.onSent = (address) => world.noteSent(address);
    broker.observe((event) => {
      if (event.kind !== "publish" || !event.topic.startsWith("stat/Manager/")) return;
      const topic = event.topic.slice("stat/Manager/".length);
      const payload = Buffer.from(event.payload).toString();
      this.published.push({ topic, payload, atMs: this.nowMs });
      if (topic === "LWT" && payload === "online") this.gateway.push([this.nowMs, "online"]);
    });
    this.ledger = new WeightLedger(
      this.air,
      () => this.nowMs,
      () => this.#pairKeys(),
    );
    const seed = (options.seed ?? 1) * 7919;
    const common = { world, firmware, air: this.air };
    const flash = (name: string) => join(folder, name);
    this.manager = new HostMachine({ ...common, flashDir: flash("manager"), uniqueId: MANAGER_MAC, seed: seed + 1 });
    this.sensor = new HostMachine({ ...common, flashDir: flash("sensor"), uniqueId: SENSOR_MAC, seed: seed + 2 });
    this.sensor.board.attachHx711(5, 4, {
      clocked: () => Math.round(this.kg() * COUNTS_A_KG + COUNTS_OFFSET) & 0xffffff,
    });
    for (const name of ["manager", "sensor"] as const)
      this[name].board.observe((event) => {
        if (event.kind === "log") this.lines[name].push(event.line);
      });
  }

  /** Both with their bundles and configurations, and without power. */
  static async make(options: HostScaleOptions): Promise<HostScale> {
    const folder = mkdtempSync(join(tmpdir(), "hearth-scale-"));
    const made = new HostScale(folder, await SimBroker.start(), await hostFirmware(), options);
    const { manager, sensor, broker } = made;
    const ssid = options.ssid ?? "(wired)";
    const pair = `${PAIR}espnowversion ${options.version}\n`;
    const managerFile = `ssid ${ssid}\nmqttbroker 127.0.0.1\nmqttport ${broker.port}\nmqttname Manager\nwatchdog 1\n${pair}espnowchannel 4\notakey ${"11".repeat(32)}\n`;
    const sensorFile = `${pair}watchdog 1\ncalibration_a ${COUNTS_A_KG}\ncalibration_b -${COUNTS_OFFSET}\notakey ${"22".repeat(32)}\n`;
    // A cable has no channel.
    if (ssid === "(wired)") manager.board.network.channel = 0;
    await manager.installBundle(await profileBundle("scale_manager"));
    await sensor.installBundle(await profileBundle("scale_sensor"));
    await manager.writeFile("config.txt", managerFile);
    await sensor.writeFile("config.txt", sensorFile);
    await Bun.write(join(folder, "manager.txt"), managerFile);
    await Bun.write(join(folder, "scale.txt"), sensorFile);
    return made;
  }

  async close(): Promise<void> {
    await this.world.stop();
    await this.manager.close();
    await this.sensor.close();
    await this.broker.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Lets time pass. */
  async run(ms: number): Promise<void> {
    await this.world.until(() => false, ms);
  }

  get nowMs(): number {
    return this.world.clock.nowUs / 1000;
  }

  /** The gateway loses its power and gets it again. */
  async cutManager(): Promise<void> {
    this.gateway.push([this.nowMs, "cut"]);
    await this.manager.powerCut();
    await this.manager.powerOn();
  }

  /** The gateway's network goes for a second, and comes again with `channel`. */
  async changeChannel(channel: number): Promise<void> {
    const { board } = this.manager;
    board.setNetwork(false);
    this.gateway.push([this.nowMs, "offline"]);
    board.network.channel = channel;
    await this.run(1000);
    board.setNetwork(true);
  }

  /** What the gateway has brought to its broker, as the ledger writes it. */
  brought(): string[] {
    const values = this.published.filter(({ topic }) => topic === "Weight" || topic === "Malfunction");
    return values.map(({ topic, payload }) => `${topic} ${Number(payload).toFixed(3)}`);
  }

  /** Of all pairs that the sensor's flash still has: its NVS is a log. */
  #pairKeys(): Uint8Array[] {
    const nvs = join(this.sensor.flashDir, "nvs.bin");
    const log = existsSync(nvs) ? readFileSync(nvs, "latin1") : "";
    const found = log.matchAll(/netnowpair3[0-9A-F:]{17} ([0-9a-f]{64})/g);
    return [...new Set([...found].map((each) => each[1] as string))].map((hex) =>
      Uint8Array.from(Buffer.from(hex, "hex")),
    );
  }

  of(topic: string): string[] {
    return this.published.filter((each) => each.topic === topic).map((each) => each.payload);
  }
}
