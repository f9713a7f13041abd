// A scenario's stage on a device that is somewhere else: its name on a broker, in real time. Nothing around it can be touched or looked at.

import { connectBroker } from "../lib/device_access.ts";
import { deviceBroker } from "../lib/network_device.ts";
import { type Stage, Tracer } from "./stage.ts";

/** `given` as `bun run ota` knows it; `broker` if it is not on the one that its file names. The device has power, and is asked to publish everything when the scenario begins. */
export async function boardStage(given: string, broker?: string): Promise<Stage> {
  const { name, url } = deviceBroker(given, { broker });
  const client = await connectBroker(url);
  const begunMs = performance.now();
  const timers = new Set<ReturnType<typeof setTimeout>>();
  const tracer = new Tracer();
  const prefix = `stat/${name}/`;
  const stage: Stage = {
    name,
    ip: undefined,
    board: undefined,
    picture: undefined,
    onTrace: () => {},
    lateMs: LATE_MS,
    get nowMs() {
      return performance.now() - begunMs;
    },
    after: (ms, run) => {
      const timer = setTimeout(() => {
        timers.delete(timer);
        run();
      }, ms);
      timers.add(timer);
    },
    pass: (ms, run) => stage.after(ms, run),
    publish: (topic, payload, retain) => void client.publish(topic, payload, { retain }),
    act: (line) => {
      throw new Error(`${given} is a board: "${line}" cannot be done to it`);
    },
    play: async (ended) => {
      client.on("message", (topic, payload) => {
        if (!topic.startsWith(prefix)) return;
        const entry = tracer.entry(topic.slice(prefix.length), payload.toString(), stage.nowMs);
        if (entry !== undefined) stage.onTrace(entry);
      });
      await client.subscribeAsync(`${prefix}#`);
      await client.publishAsync(`cmnd/${name}/Refresh`, "1");
      while (!ended()) await new Promise((done) => setTimeout(done, LOOK_MS));
    },
    close: async () => {
      for (const timer of timers) clearTimeout(timer);
      await client.endAsync(true);
    },
  };
  client.on("error", () => {}); // it reconnects; what is waited for runs into its time-out
  return stage;
}

const LOOK_MS = 20;
/** A home's network. */
const LATE_MS = 1500;
