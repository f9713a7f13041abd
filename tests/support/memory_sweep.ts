// One life of a profile's bundle with too little heap: boot, connect, publish, take an update. It owns the course of such a life and how it is
// told what ended it; which limits are tried on which build is the test's.

import { join } from "node:path";
import { measuredDevice, mqttProfiles, NAME, OTAKEY } from "../../tools/bench/device.ts";
import { measuredPeripheral } from "../../tools/bench/peripheral.ts";
import { encodeBundle, HEADER_BYTES } from "../../tools/lib/bundle.ts";
import { LINK_PORT, LinkClient } from "../../tools/lib/link_client.ts";
import { buildBundle, type NativeVariant } from "../../tools/lib/native_build.ts";
import { connectTcp } from "../../tools/lib/wire.ts";
import type { HostMachine } from "../../tools/sim/host_machine.ts";
import type { HostWorld } from "../../tools/sim/host_world.ts";

/** How far a life came: the step that it did not reach the end of. */
export type Step = "boot" | "connect" | "publish" | "update" | "end";

/** What ended it. `ran`: everything that was asked for was done; after an update it restarted with that. `survived`: it lives on and what failed is stored as its exception.
 * `refused`: it lives on and did not take the update. `exception`, `restart`: it restarted, with that reason stored. `crash`: the process died
 * otherwise, hung, or went without a word. */
export const OUTCOMES = ["ran", "survived", "refused", "exception", "restart", "crash"] as const;
export type Outcome = (typeof OUTCOMES)[number];

export interface Life {
  limit: number;
  step: Step;
  outcome: Outcome;
  /** The most that the engine held, in bytes, when the firmware last went idle. */
  peak: number;
  /** The console's last lines, and the tool's. */
  said: string[];
}

const BOOT_MS = 60_000;
const CONNECT_MS = 120_000;
/** From the first word to the broker: past the values' first publication. */
const PUBLISH_MS = 15_000;
const OPEN_MS = 15_000;
const RESTART_MS = 60_000;
const MAIL_MS = 6 * 3_600_000;
const SAID_LINES = 12;
/** Device seconds per real second while the link's bytes are on their way. */
const LINK_PACE = 20;

interface Subject {
  machine: HostMachine;
  world: HostWorld;
  connected(): boolean;
  /** Brings the update and waits for the restart that follows it; what the tool was told when it was not taken. */
  update(ended: () => boolean): Promise<string | undefined>;
  close(): Promise<void>;
}

/** Lives once, up to and with the step `last`. `limit`: bytes of the engine's heap; 0: as much as it likes. */
export async function live(
  profile: string,
  variant: NativeVariant,
  limit: number,
  last: "publish" | "update" = "update",
): Promise<Life> {
  const args = ["--count-heap", ...(limit > 0 ? ["--heap-limit", String(limit)] : [])];
  const alone = mqttProfiles().includes(profile);
  const subject = await (alone ? networked(profile, variant, args) : peripheral(profile, variant, args));
  const { machine, world } = subject;
  const said: string[] = [];
  let restarted = false;
  machine.board.observe((event) => {
    if (event.kind === "log") said.push(event.line);
    if (event.kind !== "reset" || event.reason === "deep sleep" || restarted) return;
    restarted = true;
    world.hold(); // the next boot would add to what is found
  });
  const ended = () => restarted || machine.failure !== undefined;
  let peak = 0;
  let step: Step = "boot";
  let refused: string | undefined;
  try {
    await machine.powerOn();
    if (await world.until(() => ended() || machine.idles > 0, BOOT_MS)) step = ended() ? "boot" : "connect";
    if (step === "connect" && (await world.until(() => ended() || subject.connected(), CONNECT_MS)) && !ended())
      step = "publish";
    if (step === "publish" && !(await world.until(ended, PUBLISH_MS))) step = last === "publish" ? "end" : "update";
    if (step === "update") refused = await subject.update(ended);
    peak = machine.heap?.peak ?? 0;
    if (refused !== undefined) said.push(`tool: ${refused}`);
    const nvs = Buffer.from(await Bun.file(join(machine.flashDir, "nvs.bin")).arrayBuffer());
    const outcome = outcomeOf(machine, step, refused, said, nvs.toString("latin1"));
    return { limit, step: outcome === "ran" ? "end" : step, outcome, peak, said: said.slice(-SAID_LINES) };
  } finally {
    await subject.close();
  }
}

/** `nvs`: the bytes of its storage as text. */
function outcomeOf(
  machine: HostMachine,
  step: Step,
  refused: string | undefined,
  said: string[],
  nvs: string,
): Outcome {
  const stored = nvs.includes('{"message":"');
  const reset = machine.resets.find((reason) => reason !== "deep sleep");
  if (machine.failure !== undefined || (reset !== undefined && reset !== "software")) return "crash";
  if (reset === undefined) {
    if (step === "end" && !stored) return "ran";
    if (stored) return "survived";
    return step === "update" && refused !== undefined ? "refused" : "crash";
  }
  if (said.some((line) => /^exception: ./.test(line))) return stored ? "exception" : "crash";
  if (step === "update" && refused === undefined) return "ran";
  return /reboot[ -~]{4}/.test(nvs) ? "restart" : "crash";
}

async function networked(profile: string, variant: NativeVariant, args: string[]): Promise<Subject> {
  const { own, update } = await bundlesOf(profile);
  const { bench, seen, close } = await measuredDevice({ profile, variant, args, bundle: own });
  const { machine, world, broker } = bench;
  return {
    machine,
    world,
    connected: () => seen.some((each) => each.topic === "LWT" && each.payload === "online"),
    update: async (ended) => {
      await broker?.publish(`cmnd/${NAME}/OTA`, "open");
      const open = () => seen.some(({ topic, payload }) => topic === "OTA" && payload.startsWith("netstatus 3"));
      await world.until(() => ended() || open(), OPEN_MS);
      if (!open()) return "the link did not open";
      world.setPace(LINK_PACE);
      try {
        const link = await LinkClient.open(await connectTcp(machine.address, LINK_PORT), {
          key: Buffer.from(OTAKEY, "hex"),
        });
        await link.putBundle(update);
        await link.reboot();
        link.close();
      } catch (thrown) {
        // The connection breaks a moment before the end of the process is known.
        world.setPace("fast");
        await world.until(ended, OPEN_MS);
        return String(thrown);
      }
      world.setPace("fast");
      return (await world.until(ended, RESTART_MS)) ? undefined : "it did not restart with the update";
    },
    close,
  };
}

async function peripheral(profile: string, variant: NativeVariant, args: string[]): Promise<Subject> {
  const { own, update } = await bundlesOf(profile);
  const { machine, world, connected, post, close } = await measuredPeripheral(profile, args, variant, own);
  return {
    machine,
    world,
    connected,
    update: async (ended) => {
      post(update);
      return (await world.until(ended, MAIL_MS)) ? undefined : "it did not take its mail";
    },
    close,
  };
}

interface Bundles {
  own: Uint8Array;
  update: Uint8Array;
}

const built = new Map<string, Promise<Bundles>>();

/** Its bundle, and what is sent to it: itself with another version; what comes in blocks over the air is a few blocks long. Recovery gets an appliance. */
function bundlesOf(profile: string): Promise<Bundles> {
  let bundles = built.get(profile);
  if (bundles === undefined) {
    bundles = buildBundle({ profile: INSTEAD[profile] ?? profile }).then(({ bundle: own, header }) => {
      const body = own.subarray(
        HEADER_BYTES,
        mqttProfiles().includes(profile) ? own.length : HEADER_BYTES + MAIL_BYTES,
      );
      return { own, update: encodeBundle(body, { ...header, version: "swept" }) };
    });
    built.set(profile, bundles);
  }
  return bundles;
}

const INSTEAD: Record<string, string> = { recovery: "energy", recovery_espnow: "tnowp" };
const MAIL_BYTES = 6000;
