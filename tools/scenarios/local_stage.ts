// What the stages on this PC have in common, in this process and on the host firmware: a device and what is around it on one clock, and
// what is traced of them. How the machine is made, and how its time passes, is each stage's.

import type { Air } from "../sim/air.ts";
import type { SimClock } from "../sim/clock.ts";
import type { Machine } from "../sim/machine.ts";
import type { Parts } from "./parts.ts";
import type { Scenario } from "./scenario.ts";
import { NAME, traceDevice, tracePeer } from "./settings.ts";
import type { Stage } from "./stage.ts";
import { actOnWorld } from "./world.ts";

/** A device with its parts. */
export interface Actor<M extends Machine> {
  machine: M;
  parts: Parts;
}

export interface LocalStage<M extends Machine> {
  scenario: Scenario;
  clock: SimClock;
  air: Air;
  device: Actor<M>;
  peer: Actor<M> | undefined;
  lateMs: number;
  publish: Stage["publish"];
  broker(up: boolean): void;
  play: Stage["play"];
}

/** The stage, and what is to be handed the device's publications. */
export function localStage<M extends Machine>(
  made: LocalStage<M>,
): {
  stage: Stage;
  published: (topic: string, payload: Uint8Array) => void;
} {
  const { scenario, clock, air, device, peer, lateMs, publish, broker, play } = made;
  const { machine, parts } = device;
  const { board } = machine;
  const give = (actor: Actor<M> | undefined, power: boolean) =>
    void (power ? actor?.machine.powerOn() : actor?.machine.powerCut());
  const stage: Stage = {
    name: NAME,
    ip: board.network.ip,
    board,
    picture: parts.picture,
    onTrace: () => {},
    lateMs,
    get nowMs() {
      return clock.nowUs / 1000;
    },
    after: (ms, run) => void clock.after(ms * 1000, run),
    pass: (ms, run) => stage.after(ms, run),
    publish,
    act: (line) =>
      actOnWorld(line, {
        board,
        parts,
        air,
        peerParts: peer?.parts,
        broker,
        power: (on) => give(device, on),
        reset: () => void machine.pressReset(),
        peerPower: (on) => give(peer, on),
      }),
    play,
    close: async () => {
      await machine.close();
      await peer?.machine.close();
    },
  };
  if (peer !== undefined) tracePeer(stage, scenario, air, peer.machine.board);
  return { stage, published: traceDevice(stage, board) };
}
