// A house with a battery scale and its gateway: two chips in memory on one air and one clock, and a broker.

import { Air, type AirSettings } from "../../tools/sim/air.ts";
import { Board } from "../../tools/sim/board.ts";
import { SimClock } from "../../tools/sim/clock.ts";
import { MemoryChip, type Program } from "../../tools/sim/memory_native.ts";
import { MemoryNet } from "../../tools/sim/memory_net.ts";
import { TinyBroker } from "../../tools/sim/tiny_broker.ts";
import { type GatewayEvent, WeightLedger } from "./weight_ledger.ts";

const BROKER = "10.0.0.1";
const PAIR = "espnowpsk a-long-random-key\nespnowgroup home\n";
const MANAGER = `mqttbroker ${BROKER}\nmqttname Manager\nwatchdog 1\n${PAIR}`;
const COUNTS_A_KG = 21_000;
const COUNTS_OFFSET = 84_000;
const SENSOR = `${PAIR}watchdog 1\ncalibration_a ${COUNTS_A_KG}\ncalibration_b -${COUNTS_OFFSET}\n`;

export interface Published {
  atMs: number;
  topic: string;
  payload: string;
}

export class ScaleHouse {
  readonly clock = new SimClock();
  readonly air: Air;
  readonly broker: TinyBroker;
  readonly manager: MemoryChip;
  readonly sensor: MemoryChip;
  readonly published: Published[] = [];
  readonly ledger: WeightLedger;
  readonly gateway: GatewayEvent[] = [];
  /** What lies on the scale, in kg; a reading each is drawn from it. */
  kg: () => number = () => 12.5;
  /** False: the HX711 never has a reading. */
  ready = true;

  /** Nothing is powered. `ssid` is the manager's network, `versions` their `espnowversion`. */
  constructor(
    manager: Program,
    sensor: Program,
    settings: Partial<AirSettings> = {},
    seed = 1,
    ssid = "(wired)",
    versions = { manager: "2", sensor: "2" },
  ) {
    this.air = new Air(this.clock, seed);
    Object.assign(this.air.settings, settings);
    const net = new MemoryNet(this.clock);
    this.broker = new TinyBroker(net, BROKER);
    const board = (ip: string) => {
      const made = new Board(this.clock);
      made.network.ip = ip;
      return made;
    };
    const chip = (program: Program, uniqueId: string, made: Board, config: string) => {
      const one = new MemoryChip({ board: made, net, air: this.air, program, uniqueId, seed: seed * 7919 + 1 });
      one.files.set("config.txt", new TextEncoder().encode(config));
      return one;
    };
    const wired = ssid === "(wired)";
    const channel = `espnowchannel ${wired ? 4 : 1}\n`;
    this.manager = chip(
      manager,
      "020000000001",
      board("10.0.0.2"),
      `ssid ${ssid}\n${MANAGER}${channel}espnowversion ${versions.manager}\n`,
    );
    // A cable has no channel.
    if (wired) this.manager.board.network.channel = 0;
    this.sensor = chip(sensor, "020000000002", board("10.0.0.3"), `${SENSOR}espnowversion ${versions.sensor}\n`);
    this.sensor.board.attachHx711(5, 4, {
      clocked: () => (this.ready ? Math.round(this.kg() * COUNTS_A_KG + COUNTS_OFFSET) & 0xffffff : undefined),
    });
    this.broker.onPublish = ({ client, topic, payload }) => {
      if (client === undefined || !topic.startsWith("stat/Manager/")) return;
      const text = new TextDecoder().decode(payload);
      this.published.push({ atMs: this.nowMs, topic: topic.slice("stat/Manager/".length), payload: text });
      if (topic === "stat/Manager/LWT" && text === "online") this.gateway.push([this.nowMs, "online"]);
    };
    this.manager.board.observe((event) => {
      if (event.kind === "reset") this.gateway.push([this.nowMs, "cut"]);
    });
    this.ledger = new WeightLedger(
      this.air,
      () => this.nowMs,
      () => {
        const hex = this.sensor.nvs.get("netnow/pair3")?.split(" ")[1];
        return hex === undefined ? [] : [new Uint8Array(Buffer.from(hex, "hex"))];
      },
    );
  }

  get nowMs(): number {
    return Math.round(this.clock.nowUs / 1000);
  }

  run(ms: number): void {
    this.clock.advanceTo(this.clock.nowUs + ms * 1000);
  }

  /** The gateway loses its power and gets it again. */
  cutManager(): void {
    void this.manager.powerCut();
    this.gateway.push([this.nowMs, "cut"]);
    this.manager.start();
  }

  /** The gateway's network goes; it comes again with `channel`. */
  networkGone(): void {
    this.manager.board.setNetwork(false);
    this.gateway.push([this.nowMs, "offline"]);
  }

  networkBack(channel = this.manager.board.network.channel): void {
    this.manager.board.network.channel = channel;
    this.manager.board.setNetwork(true);
  }

  /** What it has brought to its broker, as the ledger writes it. */
  brought(): string[] {
    const values = this.published.filter(({ topic }) => topic === "Weight" || topic === "Malfunction");
    return values.map(({ topic, payload }) => `${topic} ${Number(payload).toFixed(3)}`);
  }

  of(topic: string): string[] {
    return this.published.filter((each) => each.topic === topic).map((each) => each.payload);
  }
}
