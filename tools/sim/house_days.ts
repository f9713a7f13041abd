// Days of a house, or of one of its halves: what was published, what failed, what each device did (as a trace to compare runs by), and
// who can be reached at the end.

import { HOUSE_PROFILES, House, type HouseProfile, PERIPHERALS } from "./house.ts";
import { HouseLife, type Mishaps } from "./house_life.ts";
import type { Program } from "./memory_native.ts";
import { profileProgram } from "./program.ts";
import type { TinyPublication } from "./tiny_broker.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Without new failures at the end, so that what can come back has come back. */
const CALM_MS = 5 * HOUR_MS;
/** Longer than a battery scale sleeps. */
const REACH_MS = 65 * 60_000;
const TRACE_PIECE = 1 << 16;

export interface HouseOptions {
  seed: number;
  days: number;
  /** Who lives there; by default everybody. */
  profiles?: readonly HouseProfile[];
  /** A profile's program; by default its bundle's script. */
  program?: (profile: HouseProfile) => Promise<Program>;
  /** Told of each publication by a device, `sub` being the topic below stat/NAME/; `profile` is undefined for a name that nobody has. */
  onPublication?: (
    profile: HouseProfile | undefined,
    sub: string,
    payload: string,
    publication: TinyPublication,
  ) => void;
}

export interface HouseReport {
  published: number;
  /** By profile: SHA-256 over its publications, commands, pins, resets, network changes and frames with their moments. */
  traces: Record<string, string>;
  /** By profile: turns of its loop. */
  turns: Record<string, number>;
  mishaps: Mishaps;
  /** Profiles with a network that have published nothing. */
  silent: string[];
  unreachable: string[];
  /** Processor time of the days, without what came before and after. */
  cpuMs: number;
  /** The same as real time. */
  realMs: number;
}

/** A day's failures are a week's: most kinds come about in a single day, too. */
const rarenessOf = (days: number) => Math.min(1, days / 7);

export async function daysInHouse(options: HouseOptions): Promise<HouseReport> {
  const { seed, days, profiles = HOUSE_PROFILES, program = profileProgram } = options;
  const programs = new Map<HouseProfile, Program>();
  for (const profile of profiles) programs.set(profile, await program(profile));
  // Two pairs in one house.
  const house = new House(programs, seed, (profile, text) =>
    profile.startsWith("tnow") ? text.replace("espnowgroup home", "espnowgroup range") : text,
  );
  const profileOf = new Map([...house.devices.values()].map(({ name, profile }) => [name, profile]));
  const traces = traced(house, profileOf);
  const heard = new Set<HouseProfile>();
  let published = 0;
  const traceOf = house.onPublish;
  house.onPublish = (publication) => {
    traceOf(publication);
    published++;
    const [kind, name = "", ...sub] = publication.topic.split("/");
    if (kind === "cmnd") return;
    const profile = profileOf.get(name);
    if (profile !== undefined) heard.add(profile);
    options.onPublication?.(profile, sub.join("/"), Buffer.from(publication.payload).toString(), publication);
  };
  const life = new HouseLife(house, seed, days * DAY_MS - CALM_MS, rarenessOf(days));
  house.start();
  const [beganCpu, beganMs] = [process.cpuUsage(), performance.now()];
  house.run(days * DAY_MS);
  const [cpu, realMs] = [process.cpuUsage(beganCpu), performance.now() - beganMs];
  const devices = [...house.devices.values()];
  const turns = Object.fromEntries(devices.map(({ profile, chip }) => [profile, chip.turns]));
  const unreachable = reachAll(house, profileOf);
  return {
    published,
    traces: Object.fromEntries([...traces].map(([profile, trace]) => [profile, trace.digest()])),
    turns,
    mishaps: life.mishaps,
    silent: profiles.filter((profile) => !heard.has(profile) && !PERIPHERALS.includes(profile)),
    unreachable,
    cpuMs: (cpu.user + cpu.system) / 1000,
    realMs,
  };
}

/** The whole house's report from those of its halves, which lived at the same time. */
export function joinedReports(halves: readonly HouseReport[]): HouseReport {
  const sum = (each: (half: HouseReport) => number) => halves.reduce((total, half) => total + each(half), 0);
  return {
    published: sum((half) => half.published),
    traces: Object.assign({}, ...halves.map((half) => half.traces)),
    turns: Object.assign({}, ...halves.map((half) => half.turns)),
    // What befalls all of the house befalls both halves.
    mishaps: Object.assign({}, ...halves.map((half) => half.mishaps)),
    silent: halves.flatMap((half) => half.silent),
    unreachable: halves.flatMap((half) => half.unreachable),
    cpuMs: sum((half) => half.cpuMs),
    realMs: Math.max(...halves.map((half) => half.realMs)),
  };
}

/** Lines that are hashed in large pieces: there are millions. */
class Trace {
  readonly #hash = new Bun.CryptoHasher("sha256");
  #text = "";

  add(line: string): void {
    this.#text += line;
    if (this.#text.length < TRACE_PIECE) return;
    this.#hash.update(this.#text);
    this.#text = "";
  }

  digest(): string {
    return this.#hash.update(this.#text).digest("hex");
  }
}

/** A trace of each device from now on. */
function traced(house: House, profileOf: ReadonlyMap<string, HouseProfile>): Map<HouseProfile, Trace> {
  const traces = new Map<HouseProfile, Trace>();
  const byMac = new Map<string, Trace>();
  for (const { profile, board, chip } of house.devices.values()) {
    const trace = new Trace();
    traces.set(profile, trace);
    byMac.set(chip.uniqueId, trace);
    board.observe((event) => {
      const nowUs = house.clock.nowUs;
      if (event.kind === "pin") trace.add(`${nowUs} pin ${event.pin} ${event.level}\n`);
      else if (event.kind === "reset") trace.add(`${nowUs} reset ${event.reason}\n`);
      else if (event.kind === "net") trace.add(`${nowUs} net ${event.state}\n`);
    });
  }
  house.onPublish = ({ topic, payload, retain }) => {
    const profile = profileOf.get(topic.split("/", 2)[1] ?? "");
    const text = Buffer.from(payload).toString();
    if (profile !== undefined) traces.get(profile)?.add(`${house.clock.nowUs} ${topic} ${text} ${retain}\n`);
  };
  house.air.observe(({ from, to, channel, bytes }) => {
    byMac.get(from)?.add(`${house.clock.nowUs} ${to} ${channel} ${Buffer.from(bytes).toString("hex")}\n`);
  });
  return traces;
}

/** Asks every device for its version, and waits for the peripherals to be heard; tells which are not. */
function reachAll(house: House, profileOf: ReadonlyMap<string, HouseProfile>): string[] {
  const missing = new Set<string>(house.devices.keys());
  const told = house.onPublish;
  const manager = house.devices.get("scale_manager")?.name;
  house.onPublish = (publication) => {
    told(publication);
    const { topic, payload } = publication;
    const text = Buffer.from(payload).toString();
    const [, name = "", sub] = topic.split("/");
    if (sub === "Log" && text.startsWith("version {")) missing.delete(profileOf.get(name) ?? "");
    if (topic === `stat/${manager}/Weight`) missing.delete("scale_sensor");
  };
  const walker = house.devices.get("tnowp")?.chip.uniqueId;
  const central = house.devices.get("tnowc")?.chip.uniqueId;
  house.air.observe(({ from, to }) => {
    if (from === walker && to === central) missing.delete("tnowp");
  });
  for (const { name } of house.devices.values()) house.broker.publish(`cmnd/${name}/OTA`, "getversion");
  house.run(REACH_MS);
  return [...missing];
}
