// The third machine: the image that ESP-IDF built, in Espressif's QEMU. Joins the emulated chip's UARTs to the models on the board and to the
// link, keeps its flash in one file, and tells its resets. Time is real. What the emulator has not (pins, buses, radio) is refused.

import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { type FlasherArgs, partitionOf } from "../lib/chip_build.ts";
import { messageOf } from "../lib/errors.ts";
import { LINK_PORT, LinkClient } from "../lib/link_client.ts";
import { SerialChannel } from "../lib/serial_channel.ts";
import type { Wire } from "../lib/wire.ts";
import { Board, type ChipSide, type ResetReason } from "./board.ts";
import { partitionImage } from "./flash_image.ts";
import type { HostWorld } from "./host_world.ts";
import { loopbackAddress } from "./loopback.ts";
import type { BenchMachine } from "./machine.ts";
import { QemuMonitor } from "./qemu_monitor.ts";
import { QEMU_CHIPS, type QemuChip, qemuCommand } from "./qemu_program.ts";

const FLASH_BYTES = 4 * 1024 * 1024;
const SECTOR_BYTES = 4096;
const CONSOLE_UART = 0;
const LINE_MAX = 1024;
const ERROR_MAX = 4096;
/** The ROM's numbers of reset causes that are not a restart by the program (both chips' ROMs; rom/rtc.h). */
const CAUSES: Partial<Record<number, ResetReason>> = {
  1: "power on",
  5: "deep sleep",
  7: "watchdog",
  8: "watchdog",
  9: "watchdog",
  11: "watchdog",
  13: "watchdog",
  15: "brown-out",
  16: "watchdog",
  17: "watchdog",
};
/** What is printed before a restart that the ROM then takes for one by the program. The first such line counts: what follows is the report. */
const ENDS: readonly [RegExp, ResetReason][] = [
  [/^(watchdog: the deadline has passed|E \(\d+\) task_wdt: Task watchdog got triggered)/, "watchdog"],
  [/^(Guru Meditation Error|abort\(\) was called|assert failed|\*\*\*ERROR\*\*\* A stack overflow)/, "panic"],
];

export interface QemuMachineOptions {
  world: HostWorld;
  chip: QemuChip;
  /** Path of QEMU. */
  program: string;
  image: FlasherArgs;
  /** Folder with the chip's flash; made when it is not there. */
  flashDir: string;
}

export class QemuMachine implements BenchMachine, ChipSide {
  readonly board: Board;
  /** Where this PC reaches the device's update link. */
  readonly address = loopbackAddress();
  readonly flashDir: string;
  readonly resets: ResetReason[] = [];
  failure: string | undefined;
  readonly #options: QemuMachineOptions;
  readonly #world: HostWorld;
  readonly #flash: string;
  readonly #uarts = new Map<number, Socket>();
  /** Files that are brought over the serial link when the firmware has started. */
  readonly #files = new Map<string, Uint8Array>();
  /** They are on their way. */
  #bringing = false;
  /** They are there, and the next reset begins the first boot with them. */
  #restarting = false;
  #monitor: QemuMonitor | undefined;
  #process: Subprocess | undefined;
  #exited: Promise<unknown> = Promise.resolve();
  #servers: Server[] = [];
  #sockets: string | undefined;
  #errorText = "";
  #line = "";
  #bootUs = 0;
  /** A reset that the ROM tells is one of the chip's life: power has been on before. */
  #counted = false;
  /** Why the next restart by the program is none. */
  #end: ResetReason | undefined;

  constructor(options: QemuMachineOptions) {
    this.#options = options;
    this.#world = options.world;
    this.flashDir = options.flashDir;
    this.#flash = join(options.flashDir, "flash.bin");
    this.board = new Board(options.world.clock);
    this.board.network.ip = this.address;
    this.board.chip = this;
    mkdirSync(this.flashDir, { recursive: true });
    this.#writeImage();
  }

  get uptimeMs(): number {
    return (this.#world.clock.nowUs - this.#bootUs) / 1000;
  }

  get powered(): boolean {
    return this.#process !== undefined;
  }

  // ---- flash

  /** Boot loader, partition table and firmware, unless they are there: a firmware that came over the air since then stays. */
  #writeImage(): void {
    const pieces = this.#options.image.files.map(([at, path]) => ({ at: Number(at), bytes: readFileSync(path) }));
    const hash = createHash("sha256");
    for (const { at, bytes } of pieces) hash.update(`${at} ${bytes.length} `).update(bytes);
    const mark = join(this.flashDir, "image.sha256");
    const digest = hash.digest("hex");
    if (!existsSync(this.#flash)) writeFileSync(this.#flash, new Uint8Array(FLASH_BYTES).fill(0xff));
    else if (existsSync(mark) && readFileSync(mark, "utf8") === digest) return;
    for (const { at, bytes } of pieces) this.#write(at, bytes);
    writeFileSync(mark, digest);
  }

  #write(at: number, bytes: Uint8Array): void {
    const file = openSync(this.#flash, "r+");
    writeSync(file, bytes, 0, bytes.length, at);
    closeSync(file);
  }

  async installBundle(bundle: Uint8Array): Promise<void> {
    this.#write(partitionOf(false, "app_0").offset, partitionImage(bundle, 1, true));
    this.#write(partitionOf(false, "app_1").offset, new Uint8Array(SECTOR_BYTES).fill(0xff));
  }

  /** The file is brought over the serial link, as `pcp_conf` does, when the firmware has started next; it then restarts. */
  async writeFile(name: string, content: string | Uint8Array): Promise<void> {
    this.#files.set(name, typeof content === "string" ? Buffer.from(content) : content);
  }

  /** True until the chip has restarted with the files that it was given. Resets until then are none of its life. */
  get awaitsFiles(): boolean {
    return this.#files.size > 0 || this.#bringing;
  }

  // ---- power and reset

  async powerOn(): Promise<void> {
    if (this.powered) return;
    await this.#exited;
    this.#counted = false;
    await this.#start();
  }

  async powerCut(): Promise<void> {
    this.#process?.kill(9);
    await this.#exited;
  }

  async pressReset(): Promise<void> {
    if (!this.powered) return;
    await this.powerCut();
    await this.#start();
  }

  async close(): Promise<void> {
    await this.powerCut();
    for (const server of this.#servers) server.close();
    if (this.#sockets !== undefined) rmSync(this.#sockets, { recursive: true, force: true });
  }

  async #start(): Promise<void> {
    const folder = this.#sockets ?? (await this.#serve());
    const { chip, program } = this.#options;
    this.#errorText = this.#line = "";
    this.#end = undefined;
    this.#bootUs = this.#world.clock.nowUs;
    const uarts = Array.from({ length: QEMU_CHIPS[chip].uarts }, (_, uart) => join(folder, `uart${uart}`));
    const wires = {
      flash: this.#flash,
      monitor: join(folder, "monitor"),
      uarts,
      address: this.address,
      port: LINK_PORT,
    };
    const child = Bun.spawn(qemuCommand(program, chip, wires), { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
    this.#process = child;
    this.#exited = Promise.all([child.exited, this.#readErrors(child.stderr)]).then(() => this.#ended(child));
  }

  async #readErrors(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const piece of stream) this.#errorText = (this.#errorText + decoder.decode(piece)).slice(-ERROR_MAX);
  }

  #ended(child: Subprocess): void {
    this.#process = undefined;
    this.board.resetPins();
    if (child.signalCode === "SIGKILL") return;
    this.#fail(`QEMU ended (${child.exitCode ?? child.signalCode}): ${this.#errorText.trim()}`);
  }

  #fail(why: string): void {
    this.failure = why;
    this.#world.act(() => this.board.emit({ kind: "log", line: `! ${why}` }));
  }

  // ---- the wires

  async #serve(): Promise<string> {
    const folder = mkdtempSync(join(tmpdir(), "hearth-qemu-"));
    this.#sockets = folder;
    const listen = (name: string, joined: (socket: Socket) => void) => {
      const server = createServer((socket) => {
        socket.on("error", () => {}); // the process's end tells why
        joined(socket);
      });
      this.#servers.push(server);
      return new Promise<void>((done, failed) => {
        server.once("error", failed);
        server.listen(join(folder, name), done);
      });
    };
    await listen("monitor", (socket) => {
      this.#monitor = new QemuMonitor(socket, (why) => this.#fail(`QEMU refuses a command: ${why}`));
      if (!this.board.network.available) this.networkChanged();
    });
    for (let uart = 0; uart < QEMU_CHIPS[this.#options.chip].uarts; uart++)
      await listen(`uart${uart}`, (socket) => this.#joined(uart, socket));
    return folder;
  }

  #joined(uart: number, socket: Socket): void {
    this.#uarts.set(uart, socket);
    if (uart === CONSOLE_UART) {
      const channel = new SerialChannel(wireOf(socket));
      const decoder = new TextDecoder();
      channel.onText = (bytes) => this.#text(decoder.decode(bytes, { stream: true }), channel);
      return;
    }
    socket.on("data", (piece) => {
      const bytes = new Uint8Array(piece as Buffer);
      this.#world.act(() => {
        this.board.emit({ kind: "uart", uart, bytes });
        this.board.uarts.get(uart)?.received(bytes);
      });
    });
  }

  #text(text: string, channel: SerialChannel): void {
    const lines = (this.#line + text).split(/\r?\n/);
    this.#line = (lines.pop() ?? "").slice(-LINE_MAX);
    for (const line of lines) if (line !== "") this.#world.act(() => this.#told(line, channel));
  }

  #told(line: string, channel: SerialChannel): void {
    const cause = /^rst:0x([0-9a-f]+) /.exec(line)?.[1];
    if (cause !== undefined) this.#reset(Number.parseInt(cause, 16));
    else this.#end ??= ENDS.find(([begin]) => begin.test(line))?.[1];
    this.board.emit({ kind: "log", line });
    if (line.startsWith("boot: ") && this.#files.size > 0) void this.#bringFiles(channel);
  }

  #reset(cause: number): void {
    const reason = CAUSES[cause] ?? this.#end ?? "software";
    this.#end = undefined;
    this.#bootUs = this.#world.clock.nowUs;
    const prepared = !this.awaitsFiles;
    if (this.#restarting) this.#bringing = this.#restarting = false;
    if (this.#counted && prepared) {
      this.resets.push(reason);
      this.board.emit({ kind: "reset", reason });
    }
    this.#counted = true;
  }

  async #bringFiles(channel: SerialChannel): Promise<void> {
    const files = [...this.#files];
    this.#files.clear();
    this.#bringing = true;
    try {
      const client = await LinkClient.greet(channel);
      let changed = false;
      for (const [name, content] of files) {
        const sha256 = createHash("sha256").update(content).digest("hex");
        if ((await client.hash(name))?.sha256 === sha256) continue;
        await client.putFile(name, content);
        changed = true;
      }
      this.#bringing = this.#restarting = changed;
      if (changed) await client.reboot();
    } catch (thrown) {
      this.#fail(`the files did not get to the chip: ${messageOf(thrown)}`);
    }
  }

  // ---- what the world does to the chip

  uartBytes(uart: number, bytes: Uint8Array): void {
    this.#uarts.get(uart)?.write(bytes);
  }

  pinLevel(): void {
    throw new Error("the emulator's pins cannot be driven");
  }

  networkChanged(): void {
    this.#monitor?.setLink(this.board.network.available);
  }
}

function wireOf(socket: Socket): Wire {
  const wire: Wire = {
    send: (bytes) => void socket.write(bytes),
    close: () => {}, // the console stays when a session ends
    onData: () => {},
    onEnd: () => {},
  };
  socket.on("data", (piece) => wire.onData(new Uint8Array(piece as Buffer)));
  socket.on("close", () => wire.onEnd("the emulator has ended"));
  return wire;
}
