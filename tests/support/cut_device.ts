// A device on the host firmware whose power goes away in a storage operation, and what a tool does to it: send over the link, ask which bundle
// runs. It owns one flash folder, a broker and a clock; which operations are cut and what must hold afterwards is the test's.

import { cpSync, rmSync } from "node:fs";
import { LINK_PORT, LinkClient } from "../../tools/lib/link_client.ts";
import { connectTcp } from "../../tools/lib/wire.ts";
import { RESET_REASONS } from "../../tools/sim/board.ts";
import { SimBroker } from "../../tools/sim/broker.ts";
import { HostMachine } from "../../tools/sim/host_machine.ts";
import { HostWorld } from "../../tools/sim/host_world.ts";

const NAME = "meter";
const OTAKEY = "11".repeat(32);
/** Device time in which everything happens that will happen; a trial's deadline is 5 min. */
const LIMIT_MS = 900_000;
/** Device time between two questions to a device that does not answer. */
const ASK_MS = 15_000;
/** While the link's bytes are on their way, device seconds per real second: sessions have time-outs. */
const LINK_PACE = 20;

export interface Version {
  bundle: string;
  state: "recovery" | "trial" | "permanent";
  rejected: { bundle: string; why: string } | null;
  /** Why recovery runs; null when it does not. */
  recovery: string | null;
  image: { hash: string; state: string; rejected: { hash: string; why: string } | null };
  config: { hash: string; state: string; rejected: { hash: string; why: string } | null };
}

export interface BootOptions {
  /** Why it boots, enum port_reset; default power on. */
  reset?: number;
  /** The storage operation in which the power is lost, from 1. */
  cut?: number;
  /** What the cut leaves behind. */
  seed?: number;
}

export class CutDevice {
  readonly flashDir: string;
  /** Lines of the console and of the tool, over all boots. */
  readonly log: string[] = [];
  /** Kinds (enum host_cut_kind) of the present boot's storage operations. */
  operations: number[] = [];
  /** Called while the chip is off between two boots, with the reason of the next one. */
  onReset: (reset: number) => void = () => {};
  readonly #firmware: string;
  readonly #broker: SimBroker;
  readonly #world = new HostWorld("fast");
  #machine: HostMachine | undefined;
  #status = "";
  #version: Version | undefined;

  private constructor(flashDir: string, firmware: string, broker: SimBroker) {
    this.flashDir = flashDir;
    this.#firmware = firmware;
    this.#broker = broker;
    broker.onTraffic = () => this.#world.noteTraffic();
    broker.onSent = (address) => this.#world.noteSent(address);
    broker.observe((event) => {
      if (event.kind !== "publish") return;
      const text = Buffer.from(event.payload).toString();
      if (event.topic === `stat/${NAME}/OTA`) this.#status = text;
      if (text.startsWith("version {")) this.#version = JSON.parse(text.slice("version ".length)) as Version;
    });
    this.#world.start();
  }

  static async make(flashDir: string, firmware: string): Promise<CutDevice> {
    return new CutDevice(flashDir, firmware, await SimBroker.start());
  }

  async close(): Promise<void> {
    await this.#world.stop();
    await this.#machine?.close();
    await this.#broker.close();
  }

  /** The power is off and the chip's state a copy of `folder`'s; undefined: an empty chip with `bundle`, if there is one, for good. */
  async restore(folder: string | undefined, bundle?: Uint8Array): Promise<void> {
    await this.#machine?.close();
    rmSync(this.flashDir, { recursive: true, force: true });
    this.log.length = 0;
    if (folder !== undefined) return cpSync(folder, this.flashDir, { recursive: true });
    const machine = this.#make([]);
    if (bundle !== undefined) await machine.installBundle(bundle);
    await machine.writeFile("config.txt", this.config());
    await machine.close();
  }

  /** Switches the power on (or lets another kind of boot happen). */
  async boot({ reset = 0, cut, seed = 0 }: BootOptions = {}): Promise<void> {
    await this.#machine?.close();
    const args = ["--count-flash"];
    // The last one counts; a restart within these options' life is seen by `onReset`.
    if (reset !== 0) args.push("--reset", String(reset));
    if (cut !== undefined) args.push("--cut", String(cut), "--cut-seed", String(seed));
    this.operations = [];
    this.#machine = this.#make(args);
    await this.#machine.powerOn();
  }

  async powerOff(): Promise<void> {
    await this.#machine?.powerCut();
  }

  /** The device restarts because somebody asks it to. */
  async restart(): Promise<void> {
    let restarted = false;
    const onReset = this.onReset;
    this.onReset = () => {
      restarted = true;
    };
    await this.#ask("reboot", () => restarted);
    this.onReset = onReset;
  }

  get powered(): boolean {
    return this.#machine?.powered === true;
  }

  /** Lets time pass until `done` or a loss of power; true for `done`. */
  async until(done: () => boolean, limitMs = LIMIT_MS): Promise<boolean> {
    await this.#world.until(() => !this.powered || done(), limitMs);
    return this.powered && done();
  }

  /** What the device says of itself as soon as it is on the broker; undefined when it does not get there or loses its power. */
  async version(): Promise<Version | undefined> {
    this.#version = undefined;
    await this.#ask("getversion", () => this.#version !== undefined);
    return this.#version;
  }

  /** True as soon as the device runs the bundle of this name for good. */
  settled(bundle: string): Promise<boolean> {
    return this.eventually((version) => version.bundle === bundle && version.state === "permanent");
  }

  /** True as soon as the device says of itself what is asked for. */
  async eventually(asked: (version: Version) => boolean): Promise<boolean> {
    for (let spentMs = 0; spentMs < LIMIT_MS && this.powered; spentMs += ASK_MS) {
      const version = await this.version();
      if (version !== undefined && asked(version)) return true;
      await this.until(() => false, ASK_MS);
    }
    return false;
  }

  /** Opens the link and does `work` over it; false when the session broke (`log` says how). */
  async session(work: (link: LinkClient) => Promise<void>): Promise<boolean> {
    this.#status = "";
    if (!(await this.#ask("open", () => this.#status !== ""))) return false;
    this.#world.setPace(LINK_PACE);
    let link: LinkClient | undefined;
    try {
      const wire = await connectTcp(this.#machine?.address ?? "", LINK_PORT);
      const send = wire.send;
      wire.send = (bytes) => {
        send(bytes);
        this.#world.noteSent(this.#machine?.address ?? "");
      };
      link = await LinkClient.open(wire, { key: Buffer.from(OTAKEY, "hex") });
      await work(link);
      return true;
    } catch (thrown) {
      this.log.push(`tool: ${thrown}`);
      // The connection breaks a moment before the end of the process is known.
      await this.until(() => false, 5000);
      return false;
    } finally {
      link?.close();
      this.#world.setPace("fast");
    }
  }

  /** Sends a command, again and again, until `answered`. */
  async #ask(command: string, answered: () => boolean): Promise<boolean> {
    for (let spentMs = 0; spentMs < LIMIT_MS && this.powered && !answered(); spentMs += ASK_MS) {
      await this.#broker.publish(`cmnd/${NAME}/OTA`, command);
      await this.until(answered, ASK_MS);
    }
    return this.powered && answered();
  }

  #make(args: string[]): HostMachine {
    const machine = new HostMachine({
      world: this.#world,
      firmware: this.#firmware,
      flashDir: this.flashDir,
      uniqueId: "020000000001",
      seed: 1,
      args,
    });
    machine.board.observe((event) => {
      if (event.kind === "flash") this.operations.push(event.operation);
      else if (event.kind === "log") this.log.push(event.line);
      else if (event.kind === "reset") this.onReset(RESET_REASONS.indexOf(event.reason));
    });
    return machine;
  }

  /** config.txt as `restore` makes it, with more lines behind it, of which the last one of a token counts. */
  config(...more: string[]): string {
    const lines = ["ssid a", "password b", "mqttbroker 127.0.0.1", `mqttport ${this.#broker.port}`];
    return `${[...lines, `mqttname ${NAME}`, "watchdog 1", `otakey ${OTAKEY}`, ...more].join("\n")}\n`;
  }
}
