// What every machine that is made for a scenario has in common: names, identities, seed and configuration.

import { BACK, DATA, decodeFrame, netnowKeys } from "../../device/netnow_codec.ts";
import { sampleTokens } from "../bench/device.ts";
import { tokensOf } from "../lib/network_device.ts";
import type { Air } from "../sim/air.ts";
import type { Board, BoardEvent } from "../sim/board.ts";
import type { Scenario } from "./scenario.ts";
import { type TraceEntry, Tracer } from "./stage.ts";

export const NAME = "Device";
export const UNIQUE_ID = "020000000001";
export const PEER_ID = "020000000002";
export const SEED = 1;
const OTAKEY = "11".repeat(32);

/** config.txt of the scenario's device. `broker`: its address and port. */
export function configOf(scenario: Scenario, broker: { host: string; port: number }): string {
  const base = [
    "ssid home",
    "password secret",
    `mqttbroker ${broker.host}`,
    `mqttport ${broker.port}`,
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
export function tracePeer(
  scenario: Scenario,
  air: Air,
  board: Board,
  tell: (stream: string, value: string) => void,
): void {
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

/** The part of a board's event that belongs to a trace. */
export function tracedEvent(event: BoardEvent, atMs: number): TraceEntry | undefined {
  if (event.kind === "pin") return { atMs, stream: `pin ${event.pin}`, value: String(event.level) };
  if (event.kind === "reset") return { atMs, stream: "reset", value: event.reason };
  if (event.kind === "net") return { atMs, stream: "net", value: event.state };
  if (event.kind === "cpu") return { atMs, stream: "cpu", value: String(event.mhz) };
  return undefined;
}

/** Takes publications and hands out what of them belongs to the device's trace. */
export function publicationTracer(): (topic: string, payload: Uint8Array, atMs: number) => TraceEntry | undefined {
  const tracer = new Tracer();
  const prefix = `stat/${NAME}/`;
  return (topic, payload, atMs) =>
    topic.startsWith(prefix)
      ? tracer.entry(topic.slice(prefix.length), Buffer.from(payload).toString(), atMs)
      : undefined;
}
