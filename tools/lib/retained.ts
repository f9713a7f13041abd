// The messages that a broker keeps: what is gathered right after a subscription, until nothing more of it comes.

import type { MqttClient } from "mqtt";

/** After the last kept message: so long without another one, and all are known. */
const QUIET_MS = 500;

/** Payloads of the kept messages under `filters`, by topic. The client stays subscribed. */
export async function keptMessages(client: MqttClient, filters: readonly string[]): Promise<Map<string, string>> {
  const kept = new Map<string, string>();
  await new Promise<void>((resolve, reject) => {
    let timer = setTimeout(resolve, 2 * QUIET_MS);
    client.on("message", (topic, payload, packet) => {
      if (!packet.retain) return;
      kept.set(topic, payload.toString());
      clearTimeout(timer);
      timer = setTimeout(resolve, QUIET_MS);
    });
    client.subscribeAsync([...filters]).catch(reject);
  });
  return kept;
}
