// The launcher of the host firmware: it plays chip and boot loader, serves the board socket (docs/BOARD.md), and joins the process
// to a Board. When time passes is decided by HostWorld.

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Subprocess } from "bun";
import type { Air } from "./air.ts";
import { Board, type ChipSide, RESET_REASONS, type ResetReason } from "./board.ts";
import { takeBoardMessage } from "./board_messages.ts";
import { BoardDecoder, encodeFromBoard, type FromBoard, type FromDevice, type HeapFigures } from "./board_protocol.ts";
import { flashFirmware, loadFirmware } from "./boot_loader.ts";
import type { Timer } from "./clock.ts";
import type { Level } from "./edge_cutter.ts";
import { partitionImage } from "./flash_image.ts";
import { HostRadio } from "./host_radio.ts";
import { HostStation } from "./host_station.ts";
import { HostWatchdog } from "./host_watchdog.ts";
import type { HostWorld, Scheduled } from "./host_world.ts";
import { loopbackAddress } from "./loopback.ts";
import type { BenchMachine } from "./machine.ts";
import { processState } from "./turn.ts";

/** From reset to the firmware's first instruction, as a chip's boot loader takes. */
const BOOT_US = 300_000;
/** What the boot loader's watchdog allows from reset to the firmware's first setting of its own, as in sdkconfig.defaults. */
const START_US = 15_000_000;
/** Panics in a row, each before the firmware ever went idle, after which the launcher gives up. */
const PANICS_MAX = 20;

export interface HostMachineOptions {
  world: HostWorld;
  /** The firmware: the path of its program, which is flashed and booted from the chip's firmware slots; or the command of something that
   * behaves like it, without slots. */
  firmware: string | string[];
  /** State of the chip; made when it is not there. */
  flashDir: string;
  /** Makes the device's random numbers repeat. */
  seed?: number;
  /** 12 hex digits; by default one that stays in the flash folder. */
  uniqueId?: string;
  /** More options for the firmware. */
  args?: string[];
  /** Loopback address of its own. */
  address?: string;
  /** By default one without anybody else. */
  air?: Air;
}

type Fate = "watchdog" | "power" | "reset";

/** What can become of a running firmware: a crash of the CPU, a program that stands still until the watchdog ends it, and that end itself. */
export type Fault = "panic" | "hang" | "watchdog";

export class HostMachine implements BenchMachine, ChipSide, Scheduled {
  readonly board: Board;
  readonly address: string;
  readonly flashDir: string;
  /** Every reset since power came on first, in order. */
  readonly resets: ResetReason[] = [];
  /** Set when the launcher has given up; says why. */
  failure: string | undefined;
  busy = false;
  /** The engine's heap when the firmware last went idle; undefined without the option --count-heap. */
  heap: HeapFigures | undefined;
  /** How often the firmware went idle since the present boot: turns of its loop, nearly. */
  idles = 0;
  readonly #radio: HostRadio;
  readonly #station: HostStation;
  readonly #watchdog: HostWatchdog;
  #untilUs = Number.POSITIVE_INFINITY;
  readonly #options: HostMachineOptions;
  readonly #world: HostWorld;
  readonly #mail: FromBoard[] = [];
  #process: Subprocess | undefined;
  #exited: Promise<unknown> = Promise.resolve();
  #socket: Socket | undefined;
  /** Resolves when all that the process said has been read; its last words come about when it ends. */
  #heard: Promise<void> = Promise.resolve();
  #server: Server | undefined;
  #socketPath = "";
  #powered = false;
  #fate: Fate | undefined;
  #bootUs = 0;
  #bootTimer: Timer | undefined;
  #boots = 0;
  #panics = 0;
  #sleepUs = 0;
  #errorText = "";

  constructor(options: HostMachineOptions) {
    this.#options = options;
    this.#world = options.world;
    this.flashDir = options.flashDir;
    this.board = new Board(options.world.clock);
    this.address = options.address ?? loopbackAddress();
    this.board.network.ip = this.address;
    this.board.chip = this;
    this.#station = new HostStation(this.board, (message) => this.#post(message));
    this.#watchdog = new HostWatchdog(this.#world, () => this.#kill("watchdog"));
    this.#radio = new HostRadio(options.world.clock, options.air, (message) => this.#post(message));
    mkdirSync(join(this.flashDir, "files"), { recursive: true });
    this.#world.add(this);
  }

  /** Milliseconds since the present boot, by the device's clock. */
  get uptimeMs(): number {
    return (this.#world.clock.nowUs - this.#bootUs) / 1000;
  }

  /** True while the firmware runs or is about to. */
  get powered(): boolean {
    return this.#powered;
  }

  get wakeUs(): number {
    return this.#process === undefined ? Number.POSITIVE_INFINITY : this.#bootUs + this.#untilUs;
  }

  get hasMail(): boolean {
    return this.#mail.length > 0 && this.#socket !== undefined;
  }

  // ---- the flash folder, as `cpall` and `pcp_conf` would fill it

  /** Writes a bundle (header and body) as the permanent one. Power must be off. */
  async installBundle(bundle: Uint8Array): Promise<void> {
    await Bun.write(join(this.flashDir, "app_0.bin"), partitionImage(bundle, 1, true));
    rmSync(join(this.flashDir, "app_1.bin"), { force: true });
  }

  async writeFile(name: string, content: string | Uint8Array): Promise<void> {
    const path = join(this.flashDir, "files", name);
    mkdirSync(dirname(path), { recursive: true });
    await Bun.write(path, content);
  }

  // ---- power and reset

  async powerOn(): Promise<void> {
    if (this.#powered) return;
    await this.#exited;
    await this.#serve();
    if (typeof this.#options.firmware === "string") flashFirmware(this.flashDir, this.#options.firmware);
    this.#powered = true;
    this.#panics = 0;
    this.#boot(0);
  }

  async powerCut(): Promise<void> {
    this.#powered = false;
    if (this.#bootTimer !== undefined) this.#bootTimer.cancelled = true;
    this.#kill("power");
    await this.#exited;
  }

  async pressReset(): Promise<void> {
    if (!this.#powered) return;
    if (this.#process === undefined && this.#bootTimer !== undefined && !this.#bootTimer.cancelled) {
      // Asleep, or between two boots.
      this.#bootTimer.cancelled = true;
      this.#restart("power on", BOOT_US);
      return;
    }
    this.#kill("reset");
    await this.#exited;
  }

  /** Makes the running firmware fail. */
  fail(fault: Fault): void {
    if (fault === "watchdog") this.#kill("watchdog");
    else this.#process?.kill(fault === "panic" ? "SIGABRT" : "SIGSTOP");
  }

  async close(): Promise<void> {
    await this.powerCut();
    this.#radio.leave();
    this.#world.remove(this);
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    await new Promise<void>((done) => server.close(() => done()));
    rmSync(dirname(this.#socketPath), { recursive: true, force: true });
  }

  // ---- the scheduler's side

  grant(): void {
    const nowUs = Math.max(0, this.#world.clock.nowUs - this.#bootUs);
    const messages: FromBoard[] = [{ kind: "time", nowUs }, ...this.#mail.splice(0)];
    this.#setBusy();
    // In one piece, so that the device never handles the time without what comes with it.
    this.#socket?.write(Buffer.concat(messages.map(encodeFromBoard)));
  }

  checkHang(): void {
    if (this.busy && this.#process !== undefined && this.#fate === undefined) this.#watchdog.look(this.#process.pid);
  }

  get still(): boolean {
    return this.#process === undefined || processState(this.#process.pid).still;
  }

  #setBusy(): void {
    this.busy = true;
    this.#watchdog.turnBegins();
  }

  // ---- the process

  #boot(reason: number): void {
    this.#boots++;
    this.idles = 0;
    this.heap = undefined;
    this.#fate = undefined;
    this.#mail.length = 0;
    this.#untilUs = 0;
    this.#station.reset();
    this.#sleepUs = 0;
    this.#errorText = "";
    this.#bootUs = this.#world.clock.nowUs;
    const { firmware, seed, uniqueId, args } = this.#options;
    const loaded = typeof firmware === "string" ? loadFirmware(this.flashDir) : undefined;
    if (loaded === undefined && typeof firmware === "string") {
      this.#giveUp("the boot loader found no firmware that verifies");
      return;
    }
    this.#setBusy();
    this.#watchdog.arm(this.#bootUs + START_US);
    const command = loaded === undefined ? [...firmware] : [loaded.program, "--firmware-slot", String(loaded.slot)];
    command.push("--flash", this.flashDir, "--board", this.#socketPath, "--reset", String(reason));
    if (seed !== undefined) command.push("--seed", String(seed + this.#boots * 1_000_003));
    if (uniqueId !== undefined) command.push("--id", uniqueId);
    const child = Bun.spawn([...command, ...(args ?? [])], { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
    this.#process = child;
    const errors = this.#readErrors(child.stderr);
    this.#heard = Promise.resolve();
    this.#exited = Promise.all([child.exited, errors])
      .then(() => this.#heard)
      .then(() => this.#ended(child));
  }

  async #readErrors(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const piece of stream) this.#errorText = (this.#errorText + decoder.decode(piece)).slice(-16384);
  }

  #kill(fate: Fate): void {
    if (this.#process === undefined || this.#fate !== undefined) return;
    this.#fate = fate;
    this.#setBusy();
    this.#process.kill(9);
  }

  #ended(child: Subprocess): void {
    this.#process = undefined;
    this.#socket?.destroy();
    this.#socket = undefined;
    this.busy = false;
    this.#untilUs = Number.POSITIVE_INFINITY;
    this.#watchdog.arm(0);
    this.#station.reset();
    this.board.resetPins();
    this.#radio.tune(0, false);
    for (const line of this.#errorText.split("\n"))
      if (line !== "") this.board.emit({ kind: "log", line: `! ${line}` });
    const code = child.exitCode;
    if (!this.#powered || this.#fate === "power") {
      this.#powered = false;
    } else if (this.#fate === "reset") this.#restart("power on", BOOT_US);
    else if (this.#fate === "watchdog" || code === 12) this.#restart("watchdog", BOOT_US);
    else if (code === 11) this.#restart("software", BOOT_US);
    else if (code === 14) this.#restart("deep sleep", this.#sleepUs);
    else if (code === 99) this.#powered = false;
    else if (code === 0 || code === 1 || code === 2)
      this.#giveUp(this.#errorText.trim() || `the firmware ended (${code})`);
    else if (++this.#panics >= PANICS_MAX) this.#giveUp(`${PANICS_MAX} crashes in a row: ${this.#errorText.trim()}`);
    else this.#restart("panic", BOOT_US);
    this.#world.poke();
  }

  #giveUp(why: string): void {
    this.#powered = false;
    this.failure = why;
    this.board.emit({ kind: "log", line: `! the launcher gives up: ${why}` });
  }

  #restart(reason: ResetReason, delayUs: number): void {
    this.resets.push(reason);
    this.board.emit({ kind: "reset", reason });
    this.#bootTimer = this.#world.clock.after(delayUs, () => this.#boot(RESET_REASONS.indexOf(reason)));
  }

  // ---- the board socket

  async #serve(): Promise<void> {
    if (this.#server !== undefined) return;
    this.#socketPath = join(mkdtempSync(join(tmpdir(), "hearth-")), "board");
    const server = createServer((socket) => this.#connected(socket));
    this.#server = server;
    await new Promise<void>((done, failed) => {
      server.once("error", failed);
      server.listen(this.#socketPath, done);
    });
  }

  #connected(socket: Socket): void {
    const decoder = new BoardDecoder();
    this.#socket = socket;
    this.#heard = new Promise((done) => socket.once("close", () => done()));
    socket.on("error", () => {}); // the process's end tells why
    socket.on("data", (piece: Buffer) => {
      if (this.#socket !== socket) return;
      for (const message of decoder.push(new Uint8Array(piece))) this.#take(message);
    });
  }

  #send(message: FromBoard): void {
    this.#socket?.write(encodeFromBoard(message));
  }

  #take(message: FromDevice): void {
    switch (message.kind) {
      case "idle":
        this.#untilUs = message.untilUs;
        this.idles++;
        if (this.#fate === undefined) this.busy = false;
        this.#panics = 0;
        this.#world.noteIdle(this);
        break;
      case "watchdog":
        this.#watchdog.arm(message.deadlineUs === 0 ? 0 : this.#bootUs + message.deadlineUs);
        break;
      case "net off":
        this.#station.set("off");
        break;
      case "net on":
        this.#station.set("on");
        break;
      case "net connect":
        this.#station.connect();
        break;
      case "heap": {
        const { live, peak, gross, largest } = message;
        this.heap = { live, peak, gross, largest };
        break;
      }
      case "deep sleep":
        this.#sleepUs = message.us;
        break;
      case "radio":
        this.#radio.tune(message.channel, message.longRange, message.mac);
        break;
      case "espnow send":
        this.#radio.send(message);
        break;
      default: {
        const answer = takeBoardMessage(this.board, message);
        if (answer !== undefined) this.#send(answer);
      }
    }
  }

  /** Told with the next grant. */
  #post(message: FromBoard): void {
    if (this.#process === undefined) return;
    this.#mail.push(message);
    this.#world.poke();
  }

  // ---- what the world does to the chip

  uartBytes(uart: number, bytes: Uint8Array): void {
    this.#post({ kind: "uart bytes", uart, bytes });
  }

  pinLevel(pin: number, level: number): void {
    this.#post({ kind: "pin level", pin, level });
  }

  pulses(pin: number, count: number, widthNs: number): void {
    this.#post({ kind: "pulses", pin, count, widthNs });
  }

  edges(pin: number, levels: readonly Level[]): void {
    this.#post({ kind: "edges", pin, levels });
  }

  networkChanged(): void {
    this.#station.networkChanged();
  }
}
