// The lines of a scenario that every appliance's world takes; what is left goes to the appliance's parts.

import type { Air } from "../sim/air.ts";
import type { Board } from "../sim/board.ts";
import type { Parts } from "./parts.ts";

export interface World {
  board: Board;
  parts: Parts;
  air: Air;
  /** Of the other device on the air. */
  peerParts: Parts | undefined;
  broker(up: boolean): void;
  power(on: boolean): void;
  reset(): void;
  peerPower(on: boolean): void;
}

/** `network on|off`, `joins MS`, `broker on|off`, `power on|off`, `reset`, `pin N LEVEL`, `air loss SHARE`, `peer on|off|LINE`, or the parts'. */
export function actOnWorld(line: string, world: World): void {
  const [word = "", ...args] = line.split(" ");
  const [first] = args;
  if (word === "network") world.board.setNetwork(isOn(first));
  else if (word === "joins") world.board.network.joinMs = Number(first);
  else if (word === "broker") world.broker(isOn(first));
  else if (word === "power") world.power(isOn(first));
  else if (word === "reset") world.reset();
  else if (word === "pin") world.board.drive(Number(first), Number(args[1]));
  else if (word === "air" && first === "loss") world.air.settings.loss = Number(args[1]);
  else if (word === "peer" && (first === "on" || first === "off")) world.peerPower(isOn(first));
  else if (word === "peer" && world.peerParts !== undefined) world.peerParts.act(first ?? "", args.slice(1));
  else world.parts.act(word, args);
}

function isOn(text: string | undefined): boolean {
  if (text !== "on" && text !== "off") throw new Error(`${text} is neither on nor off`);
  return text === "on";
}
