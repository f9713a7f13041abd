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
import { type Actor, localStage } from "./local_stage.ts";
import { partsOf } from "./parts.ts";
import type { Scenario } from "./scenario.ts";
import { configOf, PEER_ID, peerConfigOf, SEED, UNIQUE_ID } from "./settings.ts";
import type { Stage } from "./stage.ts";

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
  const device = await machineOf(scenario.profile, UNIQUE_ID, "device");
  const { machine } = device;
  await machine.writeFile("config.txt", configOf(scenario, { host: "127.0.0.1", port: broker.port }));
  const peer = scenario.peer === undefined ? undefined : await machineOf(scenario.peer, PEER_ID, "peer");
  await peer?.machine.writeFile("config.txt", peerConfigOf(scenario));

  async function machineOf(profile: string, uniqueId: string, name: string): Promise<Actor<HostMachine>> {
    const made = new HostMachine({ world, firmware, flashDir: join(folder, name), uniqueId, seed: SEED, air });
    await made.installBundle(await profileBundle(profile));
    return { machine: made, parts: partsOf(profile, made.board) };
  }

  const { stage, published } = localStage({
    scenario,
    clock: world.clock,
    air,
    device,
    peer,
    lateMs: TOLERANCE_MS,
    publish: (topic, payload, retain) => {
      // A firmware that a message wakes goes by the time that it was told last.
      if (!machine.busy && Number.isFinite(machine.wakeUs)) machine.grant();
      world.noteSent(machine.address);
      void broker.publish(topic, payload, retain);
    },
    broker: (up) => {
      if (up) world.externalGraceMs = CONNECT_GRACE_MS;
      void (up ? broker.resume() : broker.stop());
    },
    play: async (ended) => {
      world.externalGraceMs = GRACE_MS;
      await machine.powerOn();
      await world.until(() => ended() || machine.failure !== undefined, LIMIT_MS);
    },
  });
  const { pass, close } = stage;
  stage.pass = (ms, run) => {
    if (ms >= LONG_MS) {
      world.externalGraceMs = ms >= FROM_DAY_MS ? 0 : LONG_GRACE_MS;
      stage.after(ms - CAREFUL_MS, () => {
        world.externalGraceMs = GRACE_MS;
      });
    }
    pass(ms, run);
  };
  stage.close = async () => {
    await world.stop();
    await close();
    await broker.close();
    rmSync(folder, { recursive: true, force: true });
  };
  machine.board.observe((event) => {
    if (event.kind === "net" && event.state === "up") world.externalGraceMs = CONNECT_GRACE_MS;
  });
  broker.observe((event) => {
    if (event.kind !== "publish" || event.client === undefined) return;
    if (event.topic.endsWith("/LWT")) world.externalGraceMs = GRACE_MS;
    published(event.topic, event.payload);
  });
  return stage;
}
