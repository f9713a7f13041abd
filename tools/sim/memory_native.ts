// A chip in memory: `native` over a Board, a MemoryNet and a SimClock, for unit tests and for many devices in one process.
// It owns boots, resets, the turn and the watchdog; slots, sockets and the functions themselves are in memory_*.ts beside it.

import { Air } from "./air.ts";
import type { Board, ChipSide, ResetReason } from "./board.ts";
import { RESET_REASONS } from "./board.ts";
import type { SimClock, Timer } from "./clock.ts";
import type { EdgeCutter, Level } from "./edge_cutter.ts";
import type { Machine } from "./machine.ts";
import { makeApi } from "./memory_api.ts";
import { guard } from "./memory_guard.ts";
import type { MemoryNet } from "./memory_net.ts";
import { MemoryRadio } from "./memory_radio.ts";
import { RTC_BYTES } from "./memory_sleep.ts";
import { bootPinsOf, type LastEnd, MemorySlots } from "./memory_slots.ts";
import { MemorySockets } from "./memory_sockets.ts";
import { countBoot, MemoryTrials } from "./memory_trials.ts";

/** What a bundle is to this machine: a function that is told `native`. */
export type Program = (native: Native) => void;

/** From reset to the first line of the program. */
const BOOT_US = 300_000;
/** From the end of a program to the first line of the next one of the same boot. */
const HANDOVER_US = 10_000;
/** What a turn costs when it asks to be called again at once, so that time goes on. */
const TURN_US = 100;
/** A trial that is not confirmed by then is taken back. */
export const TRIAL_US = 300_000_000;
const EVENTS_MAX = 32;
/** `native.netState`, `native.resetReason` */
const NET_UP = 3;
const SOFTWARE = 1;
export const UART_BUFFER = 512;
const CONSOLE_BUFFER = 2304;

export interface MemoryChipOptions {
  board: Board;
  net: MemoryNet;
  /** By default one without anybody else. */
  air?: Air;
  /** Runs at every boot, without slots. Without it the slots decide. */
  program?: Program;
  /** Pins that the bundle of such a program would name as boot pins. */
  bootPins?: readonly number[];
  /** Runs when no bundle can. */
  recovery?: Program;
  /** Turns a bundle's body into a program; by default the body is the script's text. */
  load?: (body: Uint8Array, hash: string) => Program;
  /** Makes `random()` repeat. */
  seed?: number;
  /** 12 hex digits. */
  uniqueId?: string;
  /** Called with each boot's `native` before the program runs. */
  onBoot?: (native: Native) => void;
}

/** A bundle's text as a program. */
export function scriptProgram(text: string): Program {
  return new Function("native", text) as Program;
}

/** What one boot keeps in RAM. */
export interface Boot {
  dead: boolean;
  startUs: number;
  slot: number;
  turn: (() => number) | undefined;
  events: NativeEvent[];
  dropped: number;
  sockets: MemorySockets;
  uarts: Map<number, { baud: number; bytes: number[] }>;
  i2c: Set<number>;
  /** Bytes that came in on the serial console, and whether the program was told of them since it last read. */
  console: number[];
  consoleTold: boolean;
  inputs: Set<number>;
  watched: Set<number>;
  pulses: { pin: number; filterNs: number; count: number } | undefined;
  edges: EdgeCutter | undefined;
  noise: Map<number, { write(payload: Uint8Array): Uint8Array; read(message: Uint8Array): Uint8Array | undefined }>;
  netState: number;
  netTimer: Timer | undefined;
  /** What was joined last, and whether the program before in this boot has left it up. */
  joined: { kind: number; ssid: string; password: string };
  netKept: boolean;
  watchdog: Timer | undefined;
  reason: number;
  asked: boolean;
  recoveryWhy: string;
}

export class MemoryChip implements Machine, ChipSide {
  readonly board: Board;
  readonly clock: SimClock;
  readonly net: MemoryNet;
  readonly options: MemoryChipOptions;
  readonly slots = new MemorySlots();
  /** Text by `space/key`. Survives everything, as do the files. */
  readonly nvs = new Map<string, string>();
  readonly files = new Map<string, Uint8Array>();
  readonly trials = new MemoryTrials(this.files);
  /** The program's part of RTC memory. Survives everything but a loss of power. */
  readonly rtc = new Uint8Array(RTC_BYTES);
  readonly radio: MemoryRadio;
  /** Every reset, in order. */
  readonly resets: ResetReason[] = [];
  readonly logLines: string[] = [];
  /** The `native` of the present boot. */
  native!: Native;
  boot!: Boot;
  /** What `bundleInfo` tells when a fixed program runs. */
  fixedInfo: Partial<BundleInfo> = {};
  bundleConfirmed = false;
  /** Turns of the program's loop, over all boots. */
  turns = 0;
  /** Takes what the program writes to the serial console, log lines included; false: no room now. */
  consoleOut: (bytes: Uint8Array) => boolean = () => true;
  /** Survives restarts but not power cuts. */
  recoverWhy = "";
  #askedNext = false;
  #last: LastEnd = { kind: "power" };
  #turnTimer: Timer | undefined;
  #trialTimer: Timer | undefined;
  #bootTimer: Timer | undefined;
  #powered = false;
  #random: number;

  constructor(options: MemoryChipOptions) {
    this.options = options;
    this.board = options.board;
    this.clock = options.board.clock;
    this.net = options.net;
    this.#random = (options.seed ?? 1) | 0 || 1;
    this.radio = new MemoryRadio(this, options.air ?? new Air(this.clock));
    this.board.chip = this;
  }

  get uniqueId(): string {
    return this.options.uniqueId ?? "02000000beef";
  }

  /** Power on without waiting for a promise: boots now. */
  start(): void {
    this.#powered = true;
    this.#last = { kind: "power" };
    this.#boot(0);
  }

  /** Moves virtual time on by `ms`. */
  run(ms: number): void {
    this.clock.advanceTo(this.clock.nowUs + ms * 1000);
  }

  async powerOn(): Promise<void> {
    if (!this.#powered) this.start();
  }

  async powerCut(): Promise<void> {
    this.#powered = false;
    this.recoverWhy = "";
    this.#askedNext = false;
    this.#end(true);
  }

  async pressReset(): Promise<void> {
    if (!this.#powered) return;
    if (!this.boot.dead) {
      this.reset("power on", { kind: "power" }, false);
      return;
    }
    // Asleep, or between two boots.
    if (this.#bootTimer !== undefined) this.#bootTimer.cancelled = true;
    this.#bootAfter("power on", { kind: "power" }, false, BOOT_US);
  }

  async close(): Promise<void> {
    await this.powerCut();
    if (this.board.chip === this) this.board.chip = undefined;
  }

  /** Ends this boot and begins the next one; `native` is dead from here on. */
  reset(reason: ResetReason, last: LastEnd, asked: boolean, delayUs = BOOT_US): void {
    if (this.boot.dead) return;
    this.#end(false);
    this.#bootAfter(reason, last, asked, delayUs);
  }

  /** Ends the program and starts what the slots say in the same boot, as native/main.c does; where only a reset will do, the chip is reset. */
  restartProgram(): void {
    const before = this.boot;
    if (before.dead) return;
    if (this.trials.firmwareDue) {
      this.reset("software", { kind: "asked" }, true);
      return;
    }
    const { profile } = this.native.bundleInfo();
    if (before.netState !== NET_UP) this.setNetState(0);
    this.#end(false, true);
    this.#last = { kind: "asked" };
    this.#askedNext = true;
    this.#bootTimer = this.clock.after(HANDOVER_US, () => this.#boot(SOFTWARE, { ...before, profile }));
  }

  #bootAfter(reason: ResetReason, last: LastEnd, asked: boolean, delayUs: number): void {
    this.#last = last;
    this.#askedNext = asked;
    this.resets.push(reason);
    this.board.emit({ kind: "reset", reason });
    this.#bootTimer = this.clock.after(delayUs, () => this.#boot(RESET_REASONS.indexOf(reason)));
  }

  /** Takes the running trial back and restarts. */
  rejectTrial(why: string): void {
    if (this.slots.slots[this.boot.slot]?.confirmed === false) this.slots.reject(this.boot.slot, why);
    this.trials.late();
    this.reset("software", { kind: "deadline" }, false);
  }

  #end(silently: boolean, keepPins = false): void {
    const boot = this.boot;
    for (const timer of [this.#turnTimer, this.#trialTimer, this.#bootTimer, boot?.netTimer, boot?.watchdog])
      if (timer !== undefined) timer.cancelled = true;
    this.#turnTimer = undefined;
    if (boot === undefined || boot.dead) return;
    boot.dead = true;
    boot.sockets.drop(silently);
    this.radio.off();
    if (!keepPins) this.board.resetPins();
  }

  #boot(reason: number, before?: Boot & { profile: string }): void {
    if (reason === 0) this.rtc.fill(0);
    const boot: Boot = {
      dead: false,
      startUs: this.clock.nowUs,
      slot: -1,
      turn: undefined,
      events: [],
      dropped: 0,
      sockets: new MemorySockets(this.net, () => {
        if (!boot.dead) this.wake();
      }),
      uarts: new Map(),
      i2c: new Set(),
      console: [],
      consoleTold: false,
      inputs: new Set(),
      watched: new Set(),
      pulses: undefined,
      edges: undefined,
      noise: new Map(),
      netState: before?.netState ?? 0,
      netTimer: undefined,
      joined: before?.joined ?? { kind: 0, ssid: "", password: "" },
      netKept: before !== undefined && before.netState === NET_UP,
      watchdog: undefined,
      reason,
      asked: this.#askedNext,
      recoveryWhy: "",
    };
    this.#askedNext = false;
    this.boot = boot;
    const native = guard(makeApi(this, boot), boot);
    this.native = native;
    this.options.onBoot?.(native);
    const program = this.#program(boot);
    if (before !== undefined) {
      if (native.bundleInfo().profile !== before.profile) {
        this.reset("software", { kind: "asked" }, true);
        return;
      }
      this.board.keepOutputs(this.options.bootPins ?? bootPinsOf(this.slots.slots[boot.slot]?.header));
    }
    if (program === undefined) return;
    const onTrial = () =>
      this.slots.slots[boot.slot]?.confirmed === false || this.trials.firmwareTrial || this.trials.configTrial;
    if (onTrial())
      this.#trialTimer = this.clock.after(TRIAL_US, () => {
        if (onTrial()) this.rejectTrial("deadline");
      });
    this.#run(boot, () => program(native));
    this.wake();
  }

  #program(boot: Boot): Program | undefined {
    countBoot(this.nvs, boot.reason, this.#last, this.recoverWhy !== "");
    // What was taken back has done what the last boot ended with: nobody else is to blame, and there is no more need for recovery.
    const excused = this.trials.boot(this.#last, this.recoverWhy !== "");
    if (excused && this.recoverWhy !== "") {
      this.#last = { kind: "asked" };
      this.recoverWhy = "";
    }
    if (this.options.program !== undefined) {
      boot.slot = 0;
      return this.options.program;
    }
    const asked = this.recoverWhy;
    this.recoverWhy = "";
    const slot = asked === "" ? this.slots.choose(this.#last, excused) : -1;
    const bundle = this.slots.slots[slot];
    if (bundle === undefined) {
      boot.recoveryWhy = asked || (this.slots.slots.some((each) => each?.confirmed) ? "crashloop" : "none");
      return this.options.recovery;
    }
    boot.slot = slot;
    const hash = Buffer.from(bundle.header.subarray(16, 24)).toString("hex");
    const load = this.options.load ?? ((body: Uint8Array) => scriptProgram(Buffer.from(body).toString()));
    return load(bundle.body, hash);
  }

  /** Calls into the program; what it lets escape is a crash of the device. */
  #run(boot: Boot, call: () => void): void {
    try {
      call();
    } catch (error) {
      if (boot.dead) return; // a ChipReset on its way out, or whatever the program made of it
      if (this.options.program === undefined && boot.slot < 0 && this.options.recovery === undefined) throw error;
      const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      const stack = error instanceof Error ? (error.stack ?? "") : "";
      this.nvs.set("hearth/exception", JSON.stringify({ message, stack }));
      this.reset("software", { kind: "crash" }, false);
    }
  }

  /** The program's turn is due now. */
  wake(): void {
    this.#turnAt(this.clock.nowUs);
  }

  #turnAt(atUs: number): void {
    const timer = this.#turnTimer;
    if (timer !== undefined && !timer.cancelled && timer.atUs <= atUs) return;
    if (timer !== undefined) timer.cancelled = true;
    this.#turnTimer = undefined;
    if (atUs !== Number.POSITIVE_INFINITY) this.#turnTimer = this.clock.at(atUs, () => this.#turn());
  }

  #turn(): void {
    this.#turnTimer = undefined;
    const boot = this.boot;
    if (boot.dead || boot.turn === undefined) return;
    const turn = boot.turn;
    this.turns++;
    this.#run(boot, () => {
      const deadlineMs = turn();
      if (boot.dead) return;
      this.#turnAt(Math.max(boot.startUs + Math.ceil(deadlineMs * 1000), this.clock.nowUs + TURN_US));
    });
  }

  post(kind: number, number: number, value: number, data: Uint8Array = new Uint8Array(0)): void {
    const boot = this.boot;
    if (boot === undefined || boot.dead) return;
    const timeMs = (this.clock.nowUs - boot.startUs) / 1000;
    if (boot.events.length >= EVENTS_MAX) boot.dropped++;
    else boot.events.push([kind, number, value, timeMs, data]);
    this.wake();
  }

  uartBytes(uart: number, bytes: Uint8Array): void {
    const port = this.boot?.uarts.get(uart);
    if (port === undefined || this.boot.dead) return;
    for (const byte of bytes) if (port.bytes.length < UART_BUFFER) port.bytes.push(byte);
    this.post(2, uart, 0);
  }

  /** Bytes come in on the serial console; what has no room is lost. */
  consoleBytes(bytes: Uint8Array): void {
    const boot = this.boot;
    if (boot === undefined || boot.dead) return;
    boot.console.push(...bytes.subarray(0, Math.max(0, CONSOLE_BUFFER - boot.console.length)));
    if (boot.consoleTold || boot.console.length === 0) return;
    boot.consoleTold = true;
    this.post(4, 0, 0);
  }

  pinLevel(pin: number, level: number): void {
    if (this.boot?.watched.has(pin)) this.post(3, pin, level);
  }

  pulses(pin: number, count: number, widthNs: number): void {
    const counter = this.boot?.pulses;
    if (counter?.pin === pin && widthNs >= counter.filterNs) counter.count += count;
  }

  edges(pin: number, levels: readonly Level[]): void {
    const receiver = this.boot?.edges;
    if (receiver?.pin === pin) receiver.push(levels);
  }

  networkChanged(): void {
    const boot = this.boot;
    if (boot === undefined || boot.dead || this.board.network.available) return;
    if (boot.netState === 2 || boot.netState === 3) this.setNetState(4);
  }

  setNetState(state: number): void {
    const boot = this.boot;
    if (boot.netTimer !== undefined) boot.netTimer.cancelled = true;
    boot.netTimer = undefined;
    if (boot.netState === 3 && state !== 3) boot.sockets.cut(state === 0);
    if (boot.netState === state) return;
    boot.netState = state;
    this.radio.follow();
    this.board.emit({ kind: "net", state: (["off", "on", "connecting", "up", "lost"] as const)[state] ?? "off" });
    this.post(1, 0, state);
  }

  /** xorshift32: enough for delays and nonces of a simulation. */
  randomByte(): number {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x;
    return (x >>> 11) & 0xff;
  }
}
