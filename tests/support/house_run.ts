// A program of its own: lives in a house for so many days (arguments: seed, days) and prints what came of it as one line of JSON.

import { createHash } from "node:crypto";
import { join } from "node:path";
import { bundleScript } from "../../tools/lib/bundler.ts";
import { ROOT } from "../../tools/lib/paths.ts";
import { HOUSE_PROFILES, House, type HouseProfile, PERIPHERALS } from "../../tools/sim/house.ts";
import { HouseLife } from "../../tools/sim/house_life.ts";
import { type Program, scriptProgram } from "../../tools/sim/memory_native.ts";
import type { HouseReport } from "./lived_house.ts";
import { faultOf } from "./reference_topics.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Without new failures at the end, so that what can come back has come back. */
const CALM_MS = 5 * HOUR_MS;
const FAULTS_MAX = 20;

const [seed, days] = process.argv.slice(2).map(Number) as [number, number];
const programs = new Map<HouseProfile, Program>();
for (const profile of HOUSE_PROFILES) {
  programs.set(profile, scriptProgram((await bundleScript(join(ROOT, "profiles", profile, "main.ts"), ROOT)).code));
}
const house = new House(programs, seed, (profile, text) => {
  // Two pairs in one house; and a switch that is looked at ten times a second is as good as one a hundred times.
  if (profile.startsWith("tnow")) return text.replace("espnowgroup home", "espnowgroup range");
  return profile === "switch" ? text.replace("poll 10\n", "poll 100\n") : text;
});

const trace = createHash("sha256");
const faults: string[] = [];
const profileOf = new Map([...house.devices.values()].map(({ name, profile }) => [name, profile]));
const heard = new Set<HouseProfile>();
let published = 0;
house.onPublish = ({ topic, payload, retain }) => {
  const text = Buffer.from(payload).toString();
  trace.update(`${house.clock.nowUs} ${topic} ${text} ${retain}\n`);
  published++;
  const [kind, name = "", ...sub] = topic.split("/");
  if (kind === "cmnd") return;
  const profile = profileOf.get(name);
  if (profile !== undefined) heard.add(profile);
  const fault = profile === undefined ? `nobody has the topic ${topic}` : faultOf(profile, sub.join("/"), text, retain);
  if (fault !== undefined && faults.length < FAULTS_MAX) faults.push(fault);
};
for (const { profile, board } of house.devices.values()) {
  board.observe((event) => {
    if (event.kind === "pin" || event.kind === "reset" || event.kind === "net") {
      trace.update(`${house.clock.nowUs} ${profile} ${JSON.stringify(event)}\n`);
    }
  });
}
house.air.observe(({ from, to, channel, bytes }) => {
  trace.update(`${house.clock.nowUs} ${from} ${to} ${channel} `).update(bytes);
});

const life = new HouseLife(house, seed, days * DAY_MS - CALM_MS, Math.min(1, days / 7));
house.start();
house.run(days * DAY_MS);
const unreachable = reachAll();
const silent = HOUSE_PROFILES.filter((profile) => !heard.has(profile) && !PERIPHERALS.includes(profile));
const report: HouseReport = {
  published,
  trace: trace.digest("hex"),
  mishaps: life.mishaps,
  faults,
  silent,
  unreachable,
};
process.stdout.write(`${JSON.stringify(report)}\n`);

/** Asks every device for its version, and waits for the peripherals to be heard; tells which are not. */
function reachAll(): string[] {
  const missing = new Set<string>(house.devices.keys());
  const told = house.onPublish;
  house.onPublish = (publication) => {
    told(publication);
    const { topic, payload } = publication;
    const text = Buffer.from(payload).toString();
    const [, name = "", sub] = topic.split("/");
    if (sub === "Log" && text.startsWith("version {")) missing.delete(profileOf.get(name) ?? "");
    if (topic === `stat/${house.device("scale_manager").name}/Weight`) missing.delete("scale_sensor");
  };
  const walker = house.device("tnowp").chip.uniqueId;
  house.air.observe(({ from, to }) => {
    if (from === walker && to === house.device("tnowc").chip.uniqueId) missing.delete("tnowp");
  });
  for (const { name } of house.devices.values()) house.broker.publish(`cmnd/${name}/OTA`, "getversion");
  house.run(65 * 60_000);
  return [...missing];
}
