// A device to measure: a profile's bundle on the host firmware with a virtual board and a broker, in a folder that goes away.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { baseConfig } from "../../profiles/base_config.ts";
import { buildBundle, buildNative, type NativeVariant } from "../lib/native_build.ts";
import { ROOT } from "../lib/paths.ts";
import { Bench } from "../sim/bench.ts";

export const NAME = "bench";
/** Of every measured device: its random numbers and its household repeat. */
const SEED = 1;
export const OTAKEY = "5c".repeat(32);
/** Virtual: a device that sleeps between two presses lets minutes of it go by while the PC has not passed on a packet yet. */
const CONNECT_LIMIT_MS = 3_600_000;

export interface DeviceOptions {
  profile: string;
  /** Of the firmware; by default the 64-bit build. The 32-bit one has a chip's heap. */
  variant?: NativeVariant;
  /** bundle.bin of the profile, built already. */
  bundle?: Uint8Array;
  /** More options for the firmware. */
  args?: string[];
  /** A broker elsewhere. */
  broker?: { host: string; port: number };
}

export interface MeasuredDevice {
  bench: Bench;
  /** Publications on stat/NAME/..., in order, by topic below NAME. */
  seen: { topic: string; payload: string; ms: number }[];
  /** Lets time pass until a publication from number `from` on is as asked. Throws when it does not come. */
  saw(asked: (topic: string, payload: string) => boolean, from?: number): Promise<void>;
  /** Lets time pass until the device is on the embedded broker. */
  connected(from?: number): Promise<void>;
  close(): Promise<void>;
}

/** All profiles. */
export function measuredProfiles(): string[] {
  const names = readdirSync(join(ROOT, "profiles")).filter((name) =>
    existsSync(join(ROOT, "profiles", name, "main.ts")),
  );
  return names.sort();
}

/** Those that come up alone: with a broker of their own. ESP-NOW peripherals need a central, and sleep. Recovery runs on a chip without a bundle. */
export function mqttProfiles(): string[] {
  const hasBroker = (profile: string) => {
    const path = join(ROOT, "profiles", profile, "config.sample.txt");
    return profile === "recovery" || (existsSync(path) && /^mqttbroker /m.test(readFileSync(path, "utf8")));
  };
  return measuredProfiles().filter(hasBroker);
}

/** Of the profile's sample configuration, the tokens that are its own. */
export function sampleTokens(profile: string): string[] {
  const path = join(ROOT, "profiles", profile, "config.sample.txt");
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.filter((line) => /^\w+ \S+$/.test(line) && !((line.split(" ")[0] as string) in baseConfig.shape));
}

/** A device with the power still off; its time runs as fast as it can. */
export async function measuredDevice(options: DeviceOptions): Promise<MeasuredDevice> {
  const folder = mkdtempSync(join(tmpdir(), "hearth-bench-"));
  const { hearth } = await buildNative(options.variant);
  const recovery = options.profile === "recovery";
  const built = async () => options.bundle ?? (await buildBundle({ profile: options.profile })).bundle;
  const bundle = recovery ? new Uint8Array(512) : await built();
  const bench = await Bench.make({
    name: NAME,
    firmware: hearth,
    bundle,
    pace: "fast",
    seed: SEED,
    otakey: OTAKEY,
    moreConfig: sampleTokens(options.profile),
    flashDir: join(folder, "flash"),
    ...(options.args === undefined ? {} : { args: options.args }),
    ...(options.broker === undefined ? {} : { externalBroker: options.broker }),
  });
  bench.machine.board.observe((event) => {
    const booted = event.kind === "log" ? /^boot: (\w+) /.exec(event.line)?.[1] : undefined;
    if (booted !== undefined && booted !== options.profile)
      throw new Error(`a device of profile ${options.profile} runs ${booted}: its configuration or bundle is no good`);
  });
  const seen: MeasuredDevice["seen"] = [];
  const prefix = `stat/${NAME}/`;
  bench.broker?.observe((event) => {
    if (event.kind !== "publish" || !event.topic.startsWith(prefix)) return;
    const payload = Buffer.from(event.payload).toString();
    seen.push({ topic: event.topic.slice(prefix.length), payload, ms: bench.world.clock.nowUs / 1000 });
  });
  const saw = async (asked: (topic: string, payload: string) => boolean, from = 0): Promise<void> => {
    const found = () => seen.slice(from).some((each) => asked(each.topic, each.payload));
    if (await bench.world.until(found, CONNECT_LIMIT_MS)) return;
    throw new Error(`the device of profile ${options.profile} did not publish what was waited for`);
  };
  return {
    bench,
    seen,
    saw,
    connected: (from = 0) => saw((topic, payload) => topic === "LWT" && payload === "online", from),
    close: async () => {
      await bench.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
