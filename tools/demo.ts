// `bun run demo`: a virtual energy meter boots, is updated, and comes back from a build that throws and from one that never reaches
// the broker again. Every step counts only when it was seen on the broker.

import Table from "cli-table3";
import { Command } from "commander";
import pc from "picocolors";
import { main, progress } from "./lib/cli.ts";
import { UserError } from "./lib/errors.ts";
import { LINK_PORT, LinkClient } from "./lib/link_client.ts";
import { connectTcp } from "./lib/wire.ts";
import { Bench } from "./sim/bench.ts";
import { formatTime } from "./sim/events.ts";
import { hostFirmware, profileBundle } from "./sim/firmware.ts";
import { otakeyOf } from "./sim/otakey.ts";
import { dropVariant, type Edit, FASTER_WINDOWS, THROWS_AT_START, variantOf, WRONG_PORT } from "./sim/variants.ts";

const NAME = "demo_energy";
const TOPIC_WIDTH = `stat/${NAME}/Malfunction`.length;
/** Characters of a payload that are shown. */
const SHOWN_MAX = 120;
/** Device time that a step may take; a trial's deadline is 5 min. */
const STEP_MS = 15 * 60_000;
/** While the link's bytes are on their way, time must not run off: the link is not seen by the scheduler. */
const LINK_PACE = 2;

interface Version {
  bundle: string;
  slot: number;
  state: string;
  rejected: { bundle: string; why: string } | null;
}

interface Outcome {
  booted: boolean;
  published: number;
  updated: boolean;
  rolledBackFromCrash: boolean;
  rolledBackFromUnreachable: boolean;
  seconds: number;
}

const program = new Command("demo")
  .description("Shows the main job: a device boots, publishes, is updated, and comes back from two bad updates.")
  .option("--json", "end with one JSON line")
  .addHelpText("after", "\nExample:\n  bun run demo")
  .action(async (options: { json?: boolean }) => {
    const startedMs = performance.now();
    const demo = await Demo.make(options.json === true);
    try {
      await demo.run();
    } finally {
      await demo.close();
      demo.outcome.seconds = Math.round((performance.now() - startedMs) / 100) / 10;
      if (options.json) lastLine = JSON.stringify(demo.outcome);
      else demo.report();
    }
    const { booted, updated, rolledBackFromCrash, rolledBackFromUnreachable } = demo.outcome;
    if (!(booted && updated && rolledBackFromCrash && rolledBackFromUnreachable))
      throw new UserError("Not every step was observed on the broker.");
  });

/** What --json ends with, after whatever else is said, also when a step failed. */
let lastLine: string | undefined;

class Demo {
  readonly outcome: Outcome = {
    booted: false,
    published: 0,
    updated: false,
    rolledBackFromCrash: false,
    rolledBackFromUnreachable: false,
    seconds: 0,
  };
  readonly #seen: { topic: string; payload: string; ms: number }[] = [];
  readonly #rows: [string, boolean, string][] = [];
  readonly #bench: Bench;
  readonly #json: boolean;
  readonly #key: Uint8Array;
  readonly #endShow: () => void;

  private constructor(bench: Bench, key: string, json: boolean) {
    this.#bench = bench;
    this.#json = json;
    this.#key = Buffer.from(key, "hex");
    const endBroker = bench.broker?.observe((event) => {
      if (event.kind !== "publish") return;
      const payload = Buffer.from(event.payload).toString();
      this.#seen.push({ topic: event.topic, payload, ms: bench.world.clock.nowUs / 1000 });
      if (event.topic.startsWith(`stat/${NAME}/`)) this.outcome.published++;
      this.#tell(pc.cyan(event.topic.padEnd(TOPIC_WIDTH)), payload);
    });
    const endBoard = bench.machine.board.observe((event) => {
      if (event.kind === "reset") this.#tell(pc.yellow("reset".padEnd(TOPIC_WIDTH)), event.reason);
    });
    this.#endShow = () => {
      endBroker?.();
      endBoard();
    };
  }

  static async make(json: boolean): Promise<Demo> {
    const firmware = await hostFirmware(progress);
    const bundle = await profileBundle("energy");
    const otakey = otakeyOf(NAME);
    const bench = await Bench.make({ name: NAME, firmware, bundle, pace: "fast", otakey, fresh: true, seed: 2 });
    return new Demo(bench, otakey, json);
  }

  close(): Promise<void> {
    this.#endShow(); // what the bench does while it is taken down happened to nobody
    return this.#bench.close();
  }

  async run(): Promise<void> {
    this.#say("Power on: the device waits up to 10 s, joins the network, finds the broker, reads its meter.");
    await this.#bench.machine.powerOn();
    this.#bench.world.start();
    this.outcome.booted = await this.#saw(0, (topic, payload) => topic === "LWT" && payload === "online");
    this.outcome.booted &&= await this.#saw(0, (topic) => topic === "VA");
    const first = this.outcome.booted ? await this.#version() : undefined;
    this.#row("boots and publishes", this.outcome.booted, first === undefined ? "" : `bundle ${first.bundle}`);
    if (first === undefined) return;

    this.#say("\nUpdate to a changed build (windows of 30 s instead of 60 s).");
    const changed = await this.#update("changed", FASTER_WINDOWS);
    const confirmed = await this.#saw(
      changed.from,
      (topic, text) => topic === "Log" && text.includes("trial confirmed"),
    );
    const windows = await this.#faster(changed.from);
    const now = await this.#version();
    this.outcome.updated = confirmed && windows && now?.bundle === changed.bundle && now.state === "permanent";
    this.#row("updated and confirmed", this.outcome.updated, `bundle ${now?.bundle}, slot ${now?.slot}`);

    this.#say("\nUpdate to a build that throws at start.");
    this.outcome.rolledBackFromCrash = await this.#comesBack("crash", THROWS_AT_START, changed.bundle);
    this.#say(
      "\nUpdate to a build that runs but knocks at a wrong port: nobody can reach it, its trial ends after 5 min.",
    );
    this.outcome.rolledBackFromUnreachable = await this.#comesBack("deadline", WRONG_PORT, changed.bundle);
  }

  /** True when the device took the bad build back, for the right reason, and is on the broker with the good one. */
  async #comesBack(why: string, edit: Edit, good: string): Promise<boolean> {
    const bad = await this.#update(why, FASTER_WINDOWS, edit);
    const online = await this.#saw(bad.from, (topic, payload) => topic === "LWT" && payload === "online");
    const version = online ? await this.#version() : undefined;
    const back = version?.bundle === good && version.rejected?.bundle === bad.bundle && version.rejected.why === why;
    const what = version?.rejected ? `took ${version.rejected.bundle} back: ${version.rejected.why}` : "not seen again";
    this.#row(`comes back from ${why === "crash" ? "a crash" : "being unreachable"}`, back, what);
    return back;
  }

  /** Builds, sends and commits a variant, and restarts the device into it. `from`: where its story on the broker begins. */
  async #update(variant: string, ...edits: Edit[]): Promise<{ bundle: string; from: number }> {
    const root = await variantOf("energy", variant, edits);
    const bundle = await profileBundle("energy", root).finally(() => dropVariant(root));
    const opened = this.#seen.length;
    await this.#bench.broker?.publish(`cmnd/${NAME}/OTA`, "open");
    if (!(await this.#saw(opened, (topic) => topic === "OTA")))
      throw new UserError("The device does not open its link.");
    const status = this.#seen.slice(opened).find((each) => each.topic === `stat/${NAME}/OTA`)?.payload ?? "";
    const address = / addr (\S+)/.exec(status)?.[1] ?? "";
    this.#bench.world.setPace(LINK_PACE);
    const link = await LinkClient.open(await connectTcp(address, LINK_PORT), { key: this.#key });
    await link.putBundle(bundle);
    const from = this.#seen.length;
    await link.reboot();
    link.close();
    this.#bench.world.setPace("fast");
    const hash = Buffer.from(bundle.subarray(16, 24)).toString("hex");
    this.#say(`  sent ${bundle.length} bytes to ${address}: bundle ${hash}; the device restarts into it`);
    // The old connection's end must not be taken for the new one's beginning.
    await this.#saw(from, (topic, payload) => topic === "LWT" && payload === "offline");
    return { bundle: hash, from: this.#seen.length };
  }

  /** Waits until a publication on stat/NAME/`topic` from number `from` on is as asked. */
  #saw(from: number, asked: (topic: string, payload: string) => boolean): Promise<boolean> {
    const prefix = `stat/${NAME}/`;
    let looked = from;
    const found = () => {
      for (; looked < this.#seen.length; looked++) {
        const { topic, payload } = this.#seen[looked] as { topic: string; payload: string };
        if (topic.startsWith(prefix) && asked(topic.slice(prefix.length), payload)) return true;
      }
      return false;
    };
    return this.#bench.world.until(found, STEP_MS);
  }

  /** True when two windows were published half a minute apart. */
  async #faster(from: number): Promise<boolean> {
    const windows = () => this.#seen.slice(from).filter((each) => each.topic === `stat/${NAME}/VA`);
    await this.#bench.world.until(() => windows().length >= 2, STEP_MS);
    const [first, second] = windows();
    return first !== undefined && second !== undefined && Math.abs(second.ms - first.ms - 30_000) < 2000;
  }

  async #version(): Promise<Version | undefined> {
    const from = this.#seen.length;
    await this.#bench.broker?.publish(`cmnd/${NAME}/OTA`, "getversion");
    let version: Version | undefined;
    await this.#saw(from, (topic, payload) => {
      if (topic !== "Log" || !payload.startsWith("version {")) return false;
      version = JSON.parse(payload.slice("version ".length)) as Version;
      return true;
    });
    return version;
  }

  #tell(what: string, value: string): void {
    this.#say(
      `${pc.dim(formatTime(this.#bench.world.clock.nowUs / 1000))}  ${what}  ${value.length > SHOWN_MAX ? `${value.slice(0, SHOWN_MAX)}…` : value}`,
    );
  }

  #say(line: string): void {
    if (this.#json) console.error(line);
    else console.log(line);
  }

  #row(step: string, seen: boolean, what: string): void {
    this.#rows.push([step, seen, what]);
  }

  report(): void {
    const table = new Table({
      head: ["step", "seen on the broker", "what"].map(pc.bold),
      style: { head: [], border: [] },
    });
    for (const [step, seen, what] of this.#rows) table.push([step, seen ? pc.green("yes") : pc.red("no"), what]);
    console.log(`\n${table.toString()}\n${this.outcome.published} publications, ${this.outcome.seconds} s`);
  }
}

if (import.meta.main) {
  await main(program);
  if (lastLine !== undefined) console.log(lastLine);
}
