// What every machine that is made for a scenario has in common: names, identities, seed and configuration.

import { BACK, DATA, decodeFrame, netnowKeys } from "../../device/netnow_codec.ts";
import { sampleTokens } from "../bench/device.ts";
import { tokensOf } from "../lib/network_device.ts";
import type { Air } from "../sim/air.ts";
import type { Board, BoardEvent } from "../sim/board.ts";
import type { Scenario } from "./scenario.ts";
import { type Stage, type TraceEntry, Tracer } from "./stage.ts";

export const NAME = "Device";
export const UNIQUE_ID = "020000000001";
export const PEER_ID = "020000000002";
export const SEED = 1;
const OTAKEY = "11".repeat(32);

/** config.txt of the scenario's device. `network`: the broker's address and port, and the network's name where it has to be a certain one. */
export function configOf(scenario: Scenario, network: { ssid?: string; host: string; port: number }): string {
  const base = [
    `ssid ${network.ssid ?? "home"}`,
    "password secret",
    `mqttbroker ${network.host}`,
    `mqttport ${network.port}`,
    `mqttname ${NAME}`,
    "watchdog 1",
    `otakey ${OTAKEY}`,
  ];
  const own = sampleTokens(scenario.profile);
  return `${[...base, ...own, ...(scenario.config ?? "").split("\n")].join("\n")}\n`;
}

/** config.txt of the other device on the air. */
export function peerConfigOf({ peer = "", peerConfig = "" }: Scenario): string {
  return `${["watchdog 1", `otakey ${OTAKEY}`, ...sampleTokens(peer), ...peerConfig.split("\n")].join("\n")}\n`;
}

/** Tells of the other device's resets, and of payloads that either sends over the air in version 2 of the protocol: `topic|value`. */
export function tracePeer(stage: Stage, scenario: Scenario, air: Air, board: Board): void {
  const tell = (stream: string, value: string) => stage.onTrace({ atMs: stage.nowMs, stream, value });
  const tokens = tokensOf(peerConfigOf(scenario));
  const keys = netnowKeys(tokens.get("espnowpsk") ?? "", tokens.get("espnowgroup") ?? "");
  board.observe((event) => {
    if (event.kind === "reset") tell("peer reset", event.reason);
  });
  air.observe((frame) => {
    const packet = decodeFrame(keys, frame.bytes);
    if (typeof packet === "string" || (packet.type !== DATA && packet.subtype !== BACK)) return;
    const text = Buffer.from(packet.payload).toString();
    if (text.startsWith("stat/"))
      tell(`said by ${frame.from === PEER_ID ? "peer" : "device"}`, text.replace("\n", "|"));
  });
}

/** Lets a stage tell what its device does: pins, network, resets, clock. Returns what is to be handed the device's publications. */
export function traceDevice(stage: Stage, board: Board): (topic: string, payload: Uint8Array) => void {
  const tell = (entry: TraceEntry | undefined) => {
    if (entry !== undefined) stage.onTrace(entry);
  };
  const tracer = new Tracer();
  const prefix = `stat/${stage.name}/`;
  board.observe((event) => tell(tracedEvent(event, stage.nowMs)));
  return (topic, payload) => {
    if (!topic.startsWith(prefix)) return;
    tell(tracer.entry(topic.slice(prefix.length), Buffer.from(payload).toString(), stage.nowMs));
  };
}

function tracedEvent(event: BoardEvent, atMs: number): TraceEntry | undefined {
  if (event.kind === "pin") return { atMs, stream: `pin ${event.pin}`, value: String(event.level) };
  if (event.kind === "reset") return { atMs, stream: "reset", value: event.reason };
  if (event.kind === "net") return { atMs, stream: "net", value: event.state };
  if (event.kind === "cpu") return { atMs, stream: "cpu", value: String(event.mhz) };
  return undefined;
}
