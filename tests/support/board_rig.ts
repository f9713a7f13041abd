// A device that is somewhere else, as end-to-end tests reach it: by its name on a broker and its update link, in real time. Nothing around
// it can be touched.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectBroker } from "../../tools/lib/device_access.ts";
import { deviceBroker } from "../../tools/lib/network_device.ts";
import type { SimEvent } from "../../tools/sim/events.ts";
import { publishedBy, type Rig, runTool } from "./rig.ts";

const LOOK_MS = 50;

/** The device `given` as `bun run ota` knows it; it has power. `port`: its serial port on this PC, if it has one. */
export async function boardRig(given: string, port: string | undefined): Promise<Rig> {
  const { name, url } = deviceBroker(given, {});
  const folder = mkdtempSync(join(tmpdir(), "hearth-board-"));
  const client = await connectBroker(url);
  const seen: SimEvent[] = [];
  const begunMs = performance.now();
  client.on("error", () => {});
  client.on("message", (topic, payload, packet) => {
    const t = Math.round(performance.now() - begunMs);
    seen.push({ t, kind: "publish", topic, payload: payload.toString(), retain: packet.retain });
  });
  await client.subscribeAsync([`stat/${name}/#`, `cmnd/${name}/#`]);
  const cannot = (): never => {
    throw new Error(`${given} is a board: only has(...) and needing(...) tell what a test may do to it`);
  };
  const file = async (to: string, content: string | Uint8Array) => {
    const path = join(folder, to);
    await Bun.write(path, content);
    return path;
  };
  return {
    name,
    device: given,
    seen,
    saw: async (asked, from = 0, limitMs = 900_000) => {
      const endMs = performance.now() + limitMs;
      while (performance.now() < endMs && !seen.slice(from).some(asked)) await Bun.sleep(LOOK_MS);
      return seen.slice(from).some(asked);
    },
    published: publishedBy(name),
    send: async (sub, payload) => void (await client.publishAsync(`cmnd/${name}/${sub}`, payload)),
    powerOn: async () => {},
    powerCut: cannot,
    setNetwork: cannot,
    load: cannot,
    resets: cannot,
    ota: async (bundle) => runTool("ota", [given, "--bundle", await file("update.bin", bundle)]),
    tool: (command, ...args) => runTool(command, args),
    file,
    serialTool: (tool, ...args) => runTool(tool, [...args, "--port", port ?? cannot()]),
    get bench() {
      return cannot();
    },
    close: async () => {
      await client.endAsync(true);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
