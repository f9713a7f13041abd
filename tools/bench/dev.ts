// Part `dev`: from the write of a source file to the first publication of the program that was made of it, with the code of `bun run dev`.

import { join } from "node:path";
import { develop } from "../lib/dev_session.ts";
import { LINK_PORT } from "../lib/link_client.ts";
import { buildCompiler } from "../lib/native_build.ts";
import { NetworkDevice } from "../lib/network_device.ts";
import { DelayProxy } from "../lib/proxy.ts";
import { Shown } from "../lib/update_view.ts";
import { dropVariant, FASTER_WINDOWS, variantOf } from "../sim/variants.ts";
import { round } from "./boot.ts";
import { measuredDevice, NAME } from "./device.ts";
import { median, type Part } from "./figure.ts";

const RUNS = 5;
const ROUND_TRIP_MS = 20;

export const devPart: Part = {
  name: "dev",
  title: "time from a save to the running program",
  async *measure(say) {
    const root = await variantOf("energy", "bench", []);
    const file = join(root, FASTER_WINDOWS.file);
    const source = await Bun.file(file).text();
    const device = await measuredDevice({ profile: "energy" });
    const { machine, world, broker, config } = device.bench;
    const configFile = join(root, "device.txt");
    await Bun.write(configFile, config);
    const ending = new AbortController();
    const proxy = await DelayProxy.start({ host: machine.address, port: LINK_PORT, delayMs: ROUND_TRIP_MS / 2 });
    let target: NetworkDevice | undefined;
    try {
      await machine.powerOn();
      await device.connected();
      target = await NetworkDevice.connect(NAME, {
        config: configFile,
        broker: broker?.url as string,
        addr: `127.0.0.1:${proxy.port}`,
      });
      // Real time from here on, for the link, the restart of the program and the network.
      world.setPace(1);
      let wake: (event: string) => void = () => {};
      let restartedMs = 0;
      const sent: number[] = [];
      const done = (event: string) =>
        new Promise<void>((resolve) => {
          wake = (told) => told === event && resolve();
        });
      const show = new Quiet((event) => wake(event));
      const first = done("watching");
      const ended = develop(
        {
          ...{ device: target, profile: "energy", compiler: await buildCompiler(), root, show },
          ...{ changeProfile: false, typeCheck: true, timeoutMs: 60_000 },
          onEvent: (told) => {
            if (told.event === "committed") sent.push(told.sentBytes ?? 0);
            if (told.event === "restarting") restartedMs = performance.now();
          },
        },
        ending.signal,
      );
      await first;
      const totalS: number[] = [];
      const restartS: number[] = [];
      for (let run = 1; run <= RUNS; run++) {
        say(`dev: save ${run} of ${RUNS}`);
        let heardMs = 0;
        const from = device.seen.length;
        const stop = broker?.observe((event) => {
          if (
            event.kind === "publish" &&
            event.topic === `stat/${NAME}/LWT` &&
            Buffer.from(event.payload).toString() === "online"
          )
            heardMs ||= performance.now();
        });
        const watching = done("watching");
        const beganMs = performance.now();
        await Bun.write(file, source.replace(FASTER_WINDOWS.find, `export const WINDOW_MS = ${60_000 - run};`));
        await watching;
        stop?.();
        if (machine.resets.length > 0) throw new Error("the chip was reset: its program alone was to restart");
        if (heardMs === 0 || device.seen.length === from) throw new Error("the new program did not publish anything");
        totalS.push((heardMs - beganMs) / 1000);
        restartS.push((heardMs - restartedMs) / 1000);
      }
      ending.abort();
      await ended;
      yield {
        key: "dev.saveToPublicationS",
        value: round(median(totalS), 3),
        unit: "s",
        method: `a constant of energy.ts is written, until the new program's first publication; ${ROUND_TRIP_MS} ms of round trip, real time, the device stays in its network, type check in the background, median of ${RUNS}`,
        better: "lower",
      };
      yield {
        key: "dev.sentBytes",
        value: Math.max(...sent),
        unit: "B",
        method: "content of the frames that brought this change of a line; the most of all saves",
        better: "lower",
      };
      yield {
        key: "dev.restartToPublicationS",
        value: round(median(restartS), 3),
        unit: "s",
        method: "of that, from the restart on",
        better: "lower",
      };
    } finally {
      ending.abort();
      await target?.close();
      await proxy.stop();
      await device.close();
      dropVariant(root);
    }
  },
};

/** Hears what a person would see. */
class Quiet extends Shown {
  readonly #told: (event: string) => void;

  constructor(told: (event: string) => void) {
    super(true);
    this.#told = told;
  }

  override line(json: { event?: string }): void {
    this.#told(json.event ?? "");
  }
}
