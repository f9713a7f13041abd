// A battery scale that is updated over ESP-NOW: gateway and sensor in memory on one air and clock, and a broker. The sensor boots from slots.

import { BEACON3, VERSION3 } from "../../device/netnow3_codec.ts";
import { encodeBundle } from "../lib/bundle.ts";
import { bundleMail, decodeReport, type Report } from "../lib/mail.ts";
import { Air } from "./air.ts";
import { Board } from "./board.ts";
import { SimClock } from "./clock.ts";
import { MemoryChip, type Program } from "./memory_native.ts";
import { MemoryNet } from "./memory_net.ts";
import { TinyBroker } from "./tiny_broker.ts";

export const KEY = new Uint8Array(32).fill(0x42);
export const SENSOR_MAC = "020000000002";
const PAIR = "espnowpsk a-long-random-key\nespnowgroup home\n";
const BROKER = "10.0.0.1";

export class MailHouse {
  readonly clock = new SimClock();
  readonly air: Air;
  readonly manager: MemoryChip;
  readonly sensor: MemoryChip;
  /** Retained topics below stat/Manager/. */
  readonly retained = new Map<string, string>();
  readonly weights: string[] = [];
  /** Frames on the air without beacons, which come anyway, by sender. */
  readonly frames = new Map<string, number>();

  /** Both are on; the sensor runs `script` from slot 0. `loss` both ways; `onBoot` as the chips'. */
  constructor(
    manager: Program,
    script: string,
    loss = 0,
    seed = 1,
    recovery?: Program,
    version = "auto",
    onBoot: { manager?: (native: Native) => void; sensor?: (native: Native) => void } = {},
  ) {
    const pair = `${PAIR}espnowversion ${version}\n`;
    this.air = new Air(this.clock, seed);
    this.air.settings.loss = loss;
    this.air.settings.ackLoss = loss;
    this.air.observe(({ from, bytes }) => {
      if (bytes[0] !== VERSION3 || bytes[1] !== BEACON3) this.frames.set(from, (this.frames.get(from) ?? 0) + 1);
    });
    const net = new MemoryNet(this.clock);
    const broker = new TinyBroker(net, BROKER);
    broker.onPublish = ({ topic, payload, retain }) => {
      const text = new TextDecoder().decode(payload);
      if (retain) this.retained.set(topic.slice("stat/Manager/".length), text);
      if (topic === "stat/Manager/Weight") this.weights.push(text);
    };
    const board = (ip: string) => {
      const made = new Board(this.clock);
      made.network.ip = ip;
      made.network.channel = 0;
      return made;
    };
    const common = { net, air: this.air, seed };
    this.manager = new MemoryChip({
      ...common,
      board: board("10.0.0.2"),
      program: manager,
      uniqueId: "020000000001",
      ...(onBoot.manager === undefined ? {} : { onBoot: onBoot.manager }),
    });
    this.manager.files.set(
      "config.txt",
      Buffer.from(`ssid (wired)\nmqttbroker ${BROKER}\nmqttname Manager\nwatchdog 1\n${pair}espnowchannel 4\n`),
    );
    this.sensor = new MemoryChip({
      ...common,
      board: board("10.0.0.3"),
      uniqueId: SENSOR_MAC,
      ...(recovery === undefined ? {} : { recovery }),
      ...(onBoot.sensor === undefined ? {} : { onBoot: onBoot.sensor }),
    });
    this.sensor.files.set(
      "config.txt",
      Buffer.from(
        `${pair}watchdog 1\ncalibration_a 21000\ncalibration_b -84000\notakey ${Buffer.from(KEY).toString("hex")}\n`,
      ),
    );
    this.sensor.board.attachHx711(5, 4, { clocked: () => 12 * 21_000 + 84_000 });
    if (script !== "") {
      const first = bundleOf(script);
      this.sensor.slots.install(0, first.subarray(0, 256), first.subarray(256), true);
    }
    this.manager.start();
    this.run(30_000);
    this.sensor.start();
  }

  run(ms: number): void {
    this.clock.advanceTo(this.clock.nowUs + ms * 1000);
  }

  /** Runs until `done`; false after `limitMs`. */
  until(done: () => boolean, limitMs: number, stepMs = 1000): boolean {
    for (let ms = 0; ms < limitMs && !done(); ms += stepMs) this.run(stepMs);
    return done();
  }

  post(bundle: Uint8Array, number = 1, key = KEY, mac = SENSOR_MAC): void {
    this.putMail(bundleMail(key, mac, number, bundle));
  }

  putMail(bytes: Uint8Array): void {
    this.manager.files.set(`mail.${SENSOR_MAC}`, new Uint8Array(bytes));
  }

  report(): Report | undefined {
    const hex = this.retained.get(`Mail/${SENSOR_MAC}`);
    return hex === undefined ? undefined : decodeReport(KEY, SENSOR_MAC, Buffer.from(hex, "hex"));
  }

  framesInAll(): number {
    return [...this.frames.values()].reduce((sum, each) => sum + each, 0);
  }
}

export function bundleOf(script: string, profile = "scale_sensor"): Uint8Array {
  const names = { version: "2", engineId: "00".repeat(8), apiHash: "00".repeat(8), bootPins: [] };
  return encodeBundle(Buffer.from(script), { profile, ...names });
}

export function nameOf(bundle: Uint8Array): string {
  return Buffer.from(bundle.subarray(16, 24)).toString("hex");
}
