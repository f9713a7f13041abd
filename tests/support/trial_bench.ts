// A virtual energy meter whose firmware, bundle and configuration can each be replaced by a new one, and what it tells of them afterwards.

import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeHeader, encodeBundle, encodeHeader, HEADER_BYTES } from "../../tools/lib/bundle.ts";
import { hostImage } from "../../tools/lib/firmware_image.ts";
import { LinkClient } from "../../tools/lib/link_client.ts";
import { connectTcp } from "../../tools/lib/wire.ts";
import { Bench } from "../../tools/sim/bench.ts";
import { observeBench, type SimEvent } from "../../tools/sim/events.ts";
import { hostFirmware, profileBundle } from "../../tools/sim/firmware.ts";

const NAME = "meter";
const KEY = "11".repeat(32);
const LINK_PORT = 8266;
const REAL_TIME = 1;
/** Longer than the proof takes. */
const SETTLE_MS = 20_000;
/** Longer than any trial and its roll-back. */
const LIMIT_MS = 900_000;

/** What `getversion` answers, as far as tests look at it. */
export interface Told {
  profile: string;
  bundle: string;
  state: string;
  recovery: string | null;
  rejected: { bundle: string; why: string } | null;
  firmware: string;
  image: { hash: string; slot: number; state: string; rejected: { hash: string; why: string } | null };
  config: { hash: string; state: string; rejected: { hash: string; why: string } | null };
}

/** The host firmware with another version, and if wanted another engine id: as different as two builds are to everything around them. With
 * `recovery` that bundle is in it instead of the recovery bundle, and is what runs where no other does. */
export async function firmwareVariant(version: string, engineId?: string, recovery?: Uint8Array): Promise<Uint8Array> {
  const elf = readFileSync(await hostFirmware());
  for (let at = elf.indexOf("HEARTHF1host\0"); at >= 0; at = elf.indexOf("HEARTHF1host\0", at + 1)) {
    elf.fill(0, at + 24, at + 56);
    elf.write(version, at + 24);
    if (engineId !== undefined) elf.write(engineId, at + 56, "hex");
  }
  // The recovery bundle in it is one of the same build.
  let put = 0;
  for (let at = elf.indexOf("HEARTHB1"); engineId !== undefined && at >= 0; at = elf.indexOf("HEARTHB1", at + 1)) {
    const header = decodeHeader(elf.subarray(at));
    if (typeof header === "string") continue;
    if (recovery !== undefined && recovery.length <= HEADER_BYTES + header.bodyLength) {
      elf.set(bundleFor(recovery, engineId), at);
      put++;
    } else elf.set(encodeHeader({ ...header, engineId }), at);
  }
  if (recovery !== undefined && put === 0) throw new Error("there is no room for this bundle in the firmware");
  return hostImage(elf);
}

/** The same bundle for a firmware with another engine id. */
export function bundleFor(bundle: Uint8Array, engineId: string): Uint8Array {
  const header = decodeHeader(bundle);
  if (typeof header === "string") throw new Error(header);
  return encodeBundle(bundle.subarray(HEADER_BYTES), { ...header, engineId });
}

export class TrialBench {
  readonly bench: Bench;
  readonly folder: string;
  #waiting = 0;
  #watch: (event: SimEvent) => void = () => {};

  private constructor(bench: Bench, folder: string) {
    this.bench = bench;
    this.folder = folder;
    observeBench(bench, (event) => this.#watch(event));
  }

  /** A chip with the energy profile; the power is off. */
  static async make(moreConfig: string[] = []): Promise<TrialBench> {
    const folder = mkdtempSync(join(tmpdir(), "hearth-trial-"));
    const bench = await Bench.make({
      name: NAME,
      firmware: await hostFirmware(),
      bundle: await profileBundle("energy"),
      pace: "fast",
      seed: 1,
      otakey: KEY,
      flashDir: join(folder, "flash"),
      moreConfig,
    });
    return new TrialBench(bench, folder);
  }

  /** config.txt of this bench's broker with one more line. */
  newConfig(line: string): string {
    return `${this.bench.config}${line}\n`;
  }

  /** Lets time rush until `topic` is published as asked, each message looked at once; false when it is not. Then it goes with real time
   * again, so that nothing is missed between two steps of a test. */
  async saw(topic: string, asked: (payload: string) => boolean = () => true, limitMs = LIMIT_MS): Promise<boolean> {
    let found = false;
    this.#watch = (event) => {
      if (found || event.kind !== "publish" || event.topic !== `stat/${NAME}/${topic}`) return;
      found = asked(event.payload);
      if (found) this.bench.world.setPace(REAL_TIME);
    };
    return this.until(() => found, limitMs);
  }

  online(): Promise<boolean> {
    return this.saw("LWT", (payload) => payload === "online");
  }

  async command(payload: string): Promise<void> {
    await this.bench.broker?.publish(`cmnd/${NAME}/OTA`, payload);
  }

  async told(): Promise<Told> {
    let line = "";
    const answered = this.saw("Log", (payload) => {
      if (line === "" && !payload.startsWith("version {")) return false;
      line += payload;
      return line.endsWith("}");
    });
    await this.command("getversion");
    if (!(await answered)) throw new Error("the device does not answer getversion");
    return JSON.parse(line.replace(/^version /, "")) as Told;
  }

  /** What a tool does over the link; the device may be told to restart in it. */
  async link<Value>(work: (client: LinkClient) => Promise<Value>): Promise<Value> {
    const opened = this.saw("OTA");
    await this.command("open");
    await opened;
    const client = await LinkClient.open(await connectTcp(this.bench.machine.address, LINK_PORT), {
      key: Buffer.from(KEY, "hex"),
    });
    try {
      return await work(client);
    } finally {
      client.close();
    }
  }

  /** Lets time rush until `done` is true, and as long as something else is waited for. */
  async until(done: () => boolean, limitMs = LIMIT_MS): Promise<boolean> {
    const { world } = this.bench;
    this.#waiting++;
    world.setPace("fast");
    const result = await world.until(done, limitMs);
    if (--this.#waiting === 0) world.setPace(REAL_TIME);
    return result;
  }

  /** Does `act` when so much device time has gone by, before anything else happens. */
  async after(ms: number, act: () => void): Promise<void> {
    let done = false;
    this.bench.world.clock.after(ms * 1000, () => {
      done = true;
      act();
    });
    await this.until(() => done);
  }

  /** What it tells once nothing is on trial any more. */
  async settled(): Promise<Told> {
    for (;;) {
      const told = await this.told();
      if (told.image.state !== "pending" && told.state !== "trial" && told.config.state !== "trial") return told;
      await this.saw("Log", (line) => / confirmed/.test(line), SETTLE_MS);
    }
  }

  /** Keeps a copy of the chip's flash; the power is off. */
  snapshot(name: string): void {
    cpSync(this.bench.machine.flashDir, join(this.folder, name), { recursive: true });
  }

  /** Puts such a copy back; the power is off. */
  restore(name: string): void {
    rmSync(this.bench.machine.flashDir, { recursive: true });
    cpSync(join(this.folder, name), this.bench.machine.flashDir, { recursive: true });
  }

  async close(): Promise<void> {
    await this.bench.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
