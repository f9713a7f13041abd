// A scenario's stage on the host firmware: the profile's bundle on a process of its own, with a board, a broker and virtual time.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Air } from "../sim/air.ts";
import { SimBroker } from "../sim/broker.ts";
import { hostFirmware, profileBundle } from "../sim/firmware.ts";
import { HostMachine } from "../sim/host_machine.ts";
import { HostWorld } from "../sim/host_world.ts";
import { TOLERANCE_MS } from "./compare.ts";
import { type Parts, partsOf } from "./parts.ts";
import type { Scenario } from "./scenario.ts";
import { configOf, NAME, PEER_ID, peerConfigOf, SEED, traceDevice, tracePeer, UNIQUE_ID } from "./settings.ts";
import type { Stage } from "./stage.ts";
import { actOnWorld } from "./world.ts";

/** Real time without traffic before virtual time moves on: the scheduler does not see what is on its way through sockets. */
const GRACE_MS = 3;
/** The same while the device connects: it wakes by itself when its socket is ready, which nobody here is told. */
const CONNECT_GRACE_MS = 100;
const QUIET_TURNS = 10;
/** On a busy machine it may be long before a firmware that was sent bytes gets its turn. */
const EXPECT_MS = 500;
/** Waits longer than this get less, those of many hours none, up to so much before their end. */
const LONG_MS = 10_000;
const LONG_GRACE_MS = 1;
const FROM_DAY_MS = 3 * 3_600_000;
const CAREFUL_MS = 3000;
/** Longer than any scenario. */
const LIMIT_MS = 7 * 86_400_000;

/** The device's power is still off. */
export async function hostStage(scenario: Scenario): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), "hearth-scenario-"));
  const firmware = await hostFirmware();
  const world = new HostWorld("fast");
  world.quietTurns = QUIET_TURNS;
  world.expectMs = EXPECT_MS;
  const air = new Air(world.clock, SEED);
  const broker = await SimBroker.start();
  broker.onTraffic = () => world.noteTraffic();
  broker.onSent = (address) => world.noteSent(address);
  const { machine, parts } = await machineOf(scenario.profile, UNIQUE_ID, "device");
  await machine.writeFile("config.txt", configOf(scenario, { host: "127.0.0.1", port: broker.port }));
  const peer = scenario.peer === undefined ? undefined : await machineOf(scenario.peer, PEER_ID, "peer");
  await peer?.machine.writeFile("config.txt", peerConfigOf(scenario));

  async function machineOf(
    profile: string,
    uniqueId: string,
    name: string,
  ): Promise<{ machine: HostMachine; parts: Parts }> {
    const made = new HostMachine({ world, firmware, flashDir: join(folder, name), uniqueId, seed: SEED, air });
    await made.installBundle(await profileBundle(profile));
    return { machine: made, parts: partsOf(profile, made.board) };
  }

  const { board } = machine;
  const stage: Stage = {
    name: NAME,
    ip: board.network.ip,
    board,
    picture: parts.picture,
    onTrace: () => {},
    lateMs: TOLERANCE_MS,
    get nowMs() {
      return world.clock.nowUs / 1000;
    },
    after: (ms, run) => void world.clock.after(ms * 1000, run),
    pass: (ms, run) => {
      if (ms >= LONG_MS) {
        world.externalGraceMs = ms >= FROM_DAY_MS ? 0 : LONG_GRACE_MS;
        stage.after(ms - CAREFUL_MS, () => {
          world.externalGraceMs = GRACE_MS;
        });
      }
      stage.after(ms, run);
    },
    publish: (topic, payload, retain) => {
      // A firmware that a message wakes goes by the time that it was told last.
      if (!machine.busy && Number.isFinite(machine.wakeUs)) machine.grant();
      world.noteSent(machine.address);
      void broker.publish(topic, payload, retain);
    },
    act: (line) =>
      actOnWorld(line, {
        board,
        parts,
        air,
        peerParts: peer?.parts,
        broker: (up) => {
          if (up) world.externalGraceMs = CONNECT_GRACE_MS;
          void (up ? broker.resume() : broker.stop());
        },
        power: (on) => void (on ? machine.powerOn() : machine.powerCut()),
        reset: () => void machine.pressReset(),
        peerPower: (on) => void (on ? peer?.machine.powerOn() : peer?.machine.powerCut()),
      }),
    play: async (ended) => {
      world.externalGraceMs = GRACE_MS;
      await machine.powerOn();
      await world.until(() => ended() || machine.failure !== undefined, LIMIT_MS);
    },
    close: async () => {
      await world.stop();
      await machine.close();
      await peer?.machine.close();
      await broker.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  if (peer !== undefined) tracePeer(stage, scenario, air, peer.machine.board);
  const published = traceDevice(stage, board);
  board.observe((event) => {
    if (event.kind === "net" && event.state === "up") world.externalGraceMs = CONNECT_GRACE_MS;
  });
  broker.observe((event) => {
    if (event.kind !== "publish" || event.client === undefined) return;
    if (event.topic.endsWith("/LWT")) world.externalGraceMs = GRACE_MS;
    published(event.topic, event.payload);
  });
  return stage;
}
