// A peripheral of ESP-NOW to measure: its bundle on the host firmware and, on the same air and clock, its central in memory.

import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleMail } from "../lib/mail.ts";
import { buildBundle, buildNative, type NativeVariant } from "../lib/native_build.ts";
import { ROOT } from "../lib/paths.ts";
import { Air } from "../sim/air.ts";
import { Board } from "../sim/board.ts";
import { COUNTS_AT_ZERO, COUNTS_PER_KG, HX711_PINS } from "../sim/fittings.ts";
import { HostMachine } from "../sim/host_machine.ts";
import { HostWorld } from "../sim/host_world.ts";
import { MemoryChip } from "../sim/memory_native.ts";
import { MemoryNet } from "../sim/memory_net.ts";
import { profileProgram } from "../sim/program.ts";
import { TinyBroker } from "../sim/tiny_broker.ts";

const BROKER = "10.0.0.1";
const MAC = "020000000002";
const OTAKEY = "5c".repeat(32);
/** Until the central is on its broker. */
const CENTRAL_MS = 30_000;
/** What the battery scale reads at 12 kg. */
const COUNTS = 12 * COUNTS_PER_KG + COUNTS_AT_ZERO;

export interface MeasuredPeripheral {
  machine: HostMachine;
  world: HostWorld;
  /** True once its central has told the broker of it. */
  connected(): boolean;
  /** Leaves an update for it with its central. */
  post(bundle: Uint8Array): void;
  /** Makes the network (a peripheral's: its central) or the broker fail, or work again. */
  works(what: "network" | "broker", working: boolean): Promise<void>;
  close(): Promise<void>;
}

/** With the power still off; its central is on. `bundle`: bundle.bin of the profile, built already. */
export async function measuredPeripheral(
  profile: string,
  args: string[],
  variant: NativeVariant = { m32: true },
  bundle?: Uint8Array,
): Promise<MeasuredPeripheral> {
  const folder = mkdtempSync(join(tmpdir(), "hearth-bench-"));
  const { hearth } = await buildNative(variant);
  const world = new HostWorld("fast");
  const air = new Air(world.clock);
  const net = new MemoryNet(world.clock);
  const broker = new TinyBroker(net, BROKER);
  let told = false;
  broker.onPublish = ({ topic }) => {
    told ||= topic === `stat/Central/Mail/${MAC}`;
  };
  const sample = join(ROOT, "profiles", profile, "config.sample.txt");
  // Recovery has none: it comes with that of the profile before.
  const config = readFileSync(
    existsSync(sample) ? sample : join(ROOT, "profiles", "tnowp", "config.sample.txt"),
    "utf8",
  );
  const board = new Board(world.clock);
  board.network.ip = "10.0.0.2";
  board.network.channel = 0;
  const central = new MemoryChip({
    board,
    net,
    air,
    program: await profileProgram("scale_manager"),
    uniqueId: "020000000001",
  });
  const [psk, group] = ["espnowpsk", "espnowgroup"].map((token) => new RegExp(`^${token} .*$`, "m").exec(config)?.[0]);
  const own = `ssid (wired)\nmqttbroker ${BROKER}\nmqttname Central\nwatchdog 1\nespnowchannel 1\n${psk}\n${group}\n`;
  central.files.set("config.txt", Buffer.from(own));
  const machine = new HostMachine({
    world,
    firmware: hearth,
    flashDir: join(folder, "flash"),
    uniqueId: MAC,
    seed: 1,
    args,
    air,
  });
  machine.board.attachHx711(HX711_PINS.data, HX711_PINS.clock, { clocked: () => COUNTS });
  if (profile !== "recovery_espnow") await machine.installBundle(bundle ?? (await buildBundle({ profile })).bundle);
  await machine.writeFile("config.txt", `${config.trimEnd()}\notakey ${OTAKEY}\n`);
  central.start();
  world.clock.advanceTo(CENTRAL_MS * 1000);
  return {
    machine,
    world,
    connected: () => told,
    post: (bundle) => {
      central.files.set(`mail.${MAC}`, new Uint8Array(bundleMail(Buffer.from(OTAKEY, "hex"), MAC, 1, bundle)));
    },
    works: async (what, working) => {
      if (what === "network") await (working ? central.powerOn() : central.powerCut());
      else if (working) broker.start();
      else broker.stop();
    },
    close: async () => {
      await world.stop();
      await machine.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
