// Somebody else's broker in the place of the embedded one: how a person names it, and what passes there about one device.

import { connectAsync, type MqttClient } from "mqtt";
import { shownAddress } from "../lib/device_access.ts";
import { messageOf, UsageError, UserError } from "../lib/errors.ts";
import type { Bench } from "./bench.ts";
import type { SimEvent } from "./events.ts";
import type { BenchMachine } from "./machine.ts";

export function parseBroker(text: string) {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "mqtt:" || url.hostname === "")
    throw new UsageError("--broker: write it as mqtt://[user:password@]host[:port]");
  return {
    host: url.hostname,
    port: url.port === "" ? 1883 : Number(url.port),
    ...(url.username === "" ? {} : { user: decodeURIComponent(url.username) }),
    ...(url.password === "" ? {} : { password: decodeURIComponent(url.password) }),
  };
}

export async function connectRemote(url: string): Promise<MqttClient> {
  try {
    return await connectAsync(url, { connectTimeout: 5000 }, false);
  } catch (thrown) {
    throw new UserError(
      `No broker at ${shownAddress(url)} (${messageOf(thrown)}): is it running, and does it let us in?`,
    );
  }
}

/** What the device says and is told on somebody else's broker. */
export async function observeRemote(
  remote: MqttClient,
  name: string,
  bench: Bench<BenchMachine>,
  show: (event: SimEvent) => void,
): Promise<void> {
  remote.on("message", (topic, payload, packet) => {
    bench.world.noteTraffic();
    const t = Math.round(bench.world.clock.nowUs / 1000);
    show({ t, kind: "publish", topic, payload: payload.toString(), retain: packet.retain });
  });
  await remote.subscribeAsync([`stat/${name}/#`, `cmnd/${name}/#`]);
}
