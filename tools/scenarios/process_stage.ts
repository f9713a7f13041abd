// A scenario's stage in this process: the profile's main.ts on a chip in memory, a broker beside it, everything on one clock.

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { BootPin } from "../lib/bundle.ts";
import { ROOT } from "../lib/paths.ts";
import { Air } from "../sim/air.ts";
import { Board } from "../sim/board.ts";
import { SimClock } from "../sim/clock.ts";
import { MemoryChip, type MemoryChipOptions, type Program, scriptProgram } from "../sim/memory_native.ts";
import { MemoryNet } from "../sim/memory_net.ts";
import { TinyBroker } from "../sim/tiny_broker.ts";
import { type Actor, localStage } from "./local_stage.ts";
import { partsOf } from "./parts.ts";
import type { Scenario } from "./scenario.ts";
import { configOf, PEER_ID, peerConfigOf, SEED, UNIQUE_ID } from "./settings.ts";
import type { Stage } from "./stage.ts";

const BROKER = "10.0.0.1";
const PORT = 1883;
/** From the device's loop to the broker and back. */
const WAY_MS = 250;

interface Built {
  program: Program;
  bootPins: BootPin[];
}
const built = new Map<string, Promise<Built>>();

/** The device's power is still off. */
export async function processStage(scenario: Scenario): Promise<Stage> {
  const clock = new SimClock();
  const net = new MemoryNet(clock);
  net.latencyUs = 0; // as on loopback, where the host firmware lives
  const air = new Air(clock, SEED);
  const broker = new TinyBroker(net, BROKER, PORT);
  const device = await chipOf(scenario.profile, UNIQUE_ID, "10.0.0.2");
  device.machine.files.set("config.txt", Buffer.from(configOf(scenario, { host: BROKER, port: PORT })));
  const peer = scenario.peer === undefined ? undefined : await chipOf(scenario.peer, PEER_ID, "10.0.0.3");
  peer?.machine.files.set("config.txt", Buffer.from(peerConfigOf(scenario)));

  async function chipOf(profile: string, uniqueId: string, ip: string): Promise<Actor<MemoryChip>> {
    const board = new Board(clock);
    board.network.ip = ip;
    const { program, bootPins } = await buildOnce(profile);
    const options: MemoryChipOptions = { board, net, air, program, uniqueId };
    const made = new MemoryChip(options);
    const random = hostRandom(SEED);
    options.onBoot = (native) => {
      native.random = random();
      for (const { pin, mode, level } of bootPins) board.setPinMode(pin, mode, level);
    };
    return { machine: made, parts: partsOf(profile, board) };
  }

  const { stage, published } = localStage({
    scenario,
    clock,
    air,
    device,
    peer,
    lateMs: WAY_MS,
    publish: (topic, payload, retain) => broker.publish(topic, payload, retain),
    broker: (up) => (up ? broker.start() : broker.stop()),
    play: async (ended) => {
      device.machine.start();
      while (!ended() && clock.step());
    },
  });
  broker.onPublish = ({ client, topic, payload }) => {
    if (client !== undefined) published(topic, payload);
  };
  return stage;
}

function buildOnce(profile: string): Promise<Built> {
  const found = built.get(profile) ?? build(profile);
  built.set(profile, found);
  return found;
}

async function build(profile: string): Promise<Built> {
  const folder = join(ROOT, "profiles", profile);
  const { outputs } = await Bun.build({ entrypoints: [join(folder, "main.ts")], format: "iife", target: "browser" });
  const pins = join(folder, "boot_pins.ts");
  const { bootPins } = existsSync(pins) ? ((await import(pins)) as { bootPins: BootPin[] }) : { bootPins: [] };
  return { program: scriptProgram(await (outputs[0] as Blob).text()), bootPins };
}

/** What `native.random` of the host firmware gives in each boot after --seed (port_random of native/host), so that random delays are the same
 * on both machines. */
function hostRandom(seed: number): () => Native["random"] {
  let boots = 0;
  return () => {
    let state = BigInt(seed + ++boots * 1_000_003);
    return (length) =>
      Uint8Array.from({ length }, () => {
        state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffff_ffff_ffff_ffffn;
        return Number(state >> 56n);
      });
  };
}
