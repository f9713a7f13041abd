// A house of one: an appliance on a chip in memory, an in-memory broker, and a record of what was published when.

import { Appliance } from "../../device/appliance.ts";
import { TOKENS } from "../../profiles/energy/config.ts";
import { Board } from "../../tools/sim/board.ts";
import { SimClock } from "../../tools/sim/clock.ts";
import { MemoryChip, type Program } from "../../tools/sim/memory_native.ts";
import { MemoryNet } from "../../tools/sim/memory_net.ts";
import { TinyBroker } from "../../tools/sim/tiny_broker.ts";

export const KEY = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
export const CONFIG = `ssid home\npassword secret\nmqttbroker 10.0.0.1\nmqttname Meter\nwatchdog 1\notakey ${KEY}\n`;

export class House {
  readonly chip: MemoryChip;
  readonly broker: TinyBroker;
  /** `[ms since the present boot, topic without stat/Meter/, payload]`, of all publications but those of `proof`. */
  readonly published: [number, string, string][] = [];
  readonly retained: string[] = [];
  /** When the network's state changed, in ms since the present boot. */
  readonly net: [number, string][] = [];
  boots = 0;
  appliance!: Appliance;

  /** A device that is not powered yet. */
  constructor(
    start: (appliance: Appliance) => void = () => {},
    config: string | Uint8Array = CONFIG,
    program?: Program,
  ) {
    const board = new Board(new SimClock());
    board.network.ip = "10.0.0.2";
    const net = new MemoryNet(board.clock);
    this.broker = new TinyBroker(net, "10.0.0.1");
    this.chip = new MemoryChip({
      board,
      net,
      onBoot: (native) => {
        this.boots++;
        (globalThis as { native?: Native }).native = native;
      },
      program:
        program ??
        (() => {
          this.appliance = new Appliance("test", TOKENS);
          this.appliance.run(() => start(this.appliance));
        }),
    });
    this.chip.files.set("config.txt", Buffer.from(config as string));
    board.observe((event) => {
      if (event.kind === "net") this.net.push([this.nowMs, event.state]);
    });
    this.broker.onPublish = ({ client, topic, payload, retain }) => {
      if (client === undefined || topic.startsWith("cmnd/")) return;
      if (retain) this.retained.push(topic);
      else this.published.push([this.nowMs, topic.replace("stat/Meter/", ""), Buffer.from(payload).toString()]);
    };
  }

  /** Since the present boot, whole ms. */
  get nowMs(): number {
    return Math.round((this.chip.clock.nowUs - this.chip.boot.startUs) / 1000);
  }

  /** Power on, without the random delay, and `ms` of time. */
  boot(ms = 20_000): this {
    this.chip.start();
    // A restart that was asked for has no delay.
    this.chip.reset("software", { kind: "asked" }, true, 0);
    this.chip.clock.step();
    this.net.length = 0;
    this.chip.run(ms);
    return this;
  }

  /** Lets time pass until the present boot is `ms` old. */
  until(ms: number): void {
    this.chip.clock.advanceTo(this.chip.boot.startUs + ms * 1000);
  }

  /** Payloads on one topic, and forgets them. */
  take(topic: string): string[] {
    const taken = this.published.filter((each) => each[1] === topic).map((each) => each[2]);
    const rest = this.published.filter((each) => each[1] !== topic);
    this.published.splice(0, this.published.length, ...rest);
    return taken;
  }

  command(payload: string, retain = false): void {
    this.broker.publish("cmnd/Meter/OTA", payload, retain);
    this.chip.run(100);
  }
}
