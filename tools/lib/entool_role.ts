// entool as a central or a peripheral: the device's own protocol on a chip in memory, in real time, on the air of a folder. What it keeps
// (pairs, keys, numbers) is a file; what it says can be spoiled on its way out.

import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { Central } from "../../device/central.ts";
import { Loop } from "../../device/loop.ts";
import type { Netnow } from "../../device/netnow_auto.ts";
import {
  decodeFrame,
  encodeFrame,
  ID_LENGTH,
  type NetnowKeys,
  PING,
  TIME,
  timePlus,
} from "../../device/netnow_codec.ts";
import type { NetnowCounts } from "../../device/netnow_counts.ts";
import { macText, NetnowRadio } from "../../device/netnow_radio.ts";
import { VERSION3 } from "../../device/netnow3_codec.ts";
import { startNetnow } from "../../device/peripheral.ts";
import { Air, type AirFrame, BROADCAST, macBytes } from "../sim/air.ts";
import { AirBridge } from "../sim/air_bridge.ts";
import { Board } from "../sim/board.ts";
import { SimClock } from "../sim/clock.ts";
import { MemoryChip } from "../sim/memory_native.ts";
import { MemoryNet } from "../sim/memory_net.ts";
import { type Fault, spoil2, spoil3 } from "./entool_faults.ts";
import { decode2, decode3, type Told, tellFrame } from "./entool_frames.ts";
import { RealStage } from "./real_stage.ts";

/** A frame that is said twice comes again after so long: before any cache has forgotten it. */
const REPLAY_AFTER_US = 300_000;

/** Longer than a frame takes from the program to the air. */
const OUT_MS = 5;

export type RoleName = "central" | "peripheral";

export interface RoleOptions {
  role: RoleName;
  version: "2" | "3";
  folder: string;
  /** 12 lower-case hex digits. */
  mac: string;
  /** 1..13; a peripheral without one looks for its central on all. */
  channel: number | undefined;
  longRange: boolean;
  keys: NetnowKeys;
  warp: number;
  /** The file of what survives. */
  state: string;
}

/** A frame with what its keys make of it. `type` is without its version. */
export interface RoleFrame extends AirFrame {
  /** dBm; of our own frames 0. */
  rssi: number;
  told: Told;
}

export class Role {
  /** A frame that this radio heard. */
  onHeard: (frame: RoleFrame) => void = () => {};
  /** A frame that this radio has said, with what was to be wrong with it. */
  onSaid: (frame: RoleFrame, fault: Fault | undefined) => void = () => {};
  counts!: NetnowCounts;
  readonly #options: RoleOptions;
  readonly #chip: MemoryChip;
  readonly #stage: RealStage;
  readonly #air: Air;
  readonly #bridge: AirBridge;
  readonly #nativeBefore = (globalThis as { native?: unknown }).native;
  #central: Central | undefined;
  #netnow: Netnow | undefined;
  /** Whether somebody was confirmed. */
  #confirmed = false;
  /** The newest network time that was heard, and when. */
  #time: { time: Uint8Array; atUs: number } | undefined;
  #fault: { type: string; fault: Fault } | undefined;
  /** What went wrong while a frame was spoiled. */
  failure: Error | undefined;

  /** Joins the air, silently. Throws when that cannot be. */
  constructor(options: RoleOptions) {
    this.#options = options;
    const clock = new SimClock();
    this.#stage = new RealStage(clock, options.warp);
    this.#air = new Air(clock);
    this.#bridge = new AirBridge(this.#stage, this.#air, options.folder);
    this.#chip = new MemoryChip({
      board: new Board(clock),
      net: new MemoryNet(clock),
      air: this.#air,
      uniqueId: options.mac,
      program: () => this.#program(),
      onBoot: (native) => this.#equip(native),
    });
    for (const [key, value] of Object.entries(readState(options.state))) this.#chip.nvs.set(key, value);
    const { radio } = this.#chip;
    const heard = radio.heard.bind(radio);
    radio.heard = (frame, rssi) => {
      const told = this.tell(frame);
      this.#keepTime(frame);
      heard(frame, rssi);
      this.onHeard({ ...frame, rssi, told });
    };
  }

  /** Begins to play. */
  start(): void {
    this.#chip.start();
  }

  /** True when it can send: a peripheral whose central has confirmed it, a central that has confirmed somebody. */
  get ready(): boolean {
    return this.#netnow === undefined ? this.#confirmed : this.#netnow.ready;
  }

  /** Sends a payload to the central, or to all that it knows as back data. False when that cannot be now. Throws on too many bytes. */
  send(payload: Uint8Array): boolean {
    let sent = false;
    this.#stage.act(() => {
      sent = this.#central?.sendBack(payload) ?? this.#netnow?.send(payload) ?? false;
    });
    return sent;
  }

  /** The central of a peripheral. */
  get manager(): string | undefined {
    const { nvs } = this.#chip;
    return nvs.get("netnow/pair3")?.split(" ")[0] ?? nvs.get("netnow/manager");
  }

  /** A peripheral forgets its central and looks for one. */
  pair(): void {
    this.#stage.act(() => this.#netnow?.pair());
  }

  /** A peripheral of version 2 asks whether the time that it knows is right, which by itself it only does in doubt. False when it knows none. */
  ping(): boolean {
    const manager = macBytes((this.manager ?? "").replaceAll(":", ""));
    const known = this.#time;
    if (known === undefined || manager.length === 0) return false;
    const time = timePlus(known.time, Math.round((this.#chip.clock.nowUs - known.atUs) / 1000));
    const tid = native.random(ID_LENGTH);
    const ping = { type: PING, subtype: 0, time, tid, payload: new Uint8Array(0) };
    return native.espnowSend(manager, encodeFrame(this.#options.keys, ping));
  }

  /** The next frame of a type that leaves is spoiled. */
  spoilNext(type: string, fault: Fault): void {
    this.#fault = { type, fault };
  }

  /** What a frame is, with the keys of this role. */
  tell(frame: AirFrame): Told {
    const { keys, version } = this.#options;
    if (version === "2") return decode2(keys, frame.bytes);
    const key = this.#pairKey(frame.from === this.#options.mac ? frame.to : frame.from);
    const opened = key === undefined ? undefined : decode3(key, frame.bytes);
    if (opened !== undefined && !("refused" in opened)) return opened;
    const { type, refused } = tellFrame(keys, frame.bytes);
    if (type?.startsWith("v3 ") === true) return { type: type.slice(3) };
    return { refused: refused ?? "version" };
  }

  /** Leaves the air when what was said is out. */
  async close(): Promise<void> {
    await this.#stage.passed(OUT_MS);
    await this.#chip.close();
    this.#bridge.close();
    this.#stage.close();
    (globalThis as { native?: unknown }).native = this.#nativeBefore;
  }

  #program(): void {
    const { role, keys, version, channel, longRange } = this.#options;
    const loop = new Loop();
    const radio = new NetnowRadio(loop);
    if (role === "central") {
      native.espnowOn(channel ?? 1, longRange);
      this.#central = new Central(loop, radio, keys, version);
      this.counts = this.#central.counts;
    } else {
      this.#netnow = startNetnow(loop, radio, keys, longRange, version);
      this.counts = this.#netnow.counts;
    }
    loop.start();
  }

  /** Makes the chip's functions fit for a life outside of a simulation, and lets frames be spoiled. */
  #equip(api: Native): void {
    const { channel, state } = this.#options;
    const { espnowOn, nvsSet, nvsRemove, espnowSend } = api;
    const save = () => writeState(state, this.#chip.nvs);
    // Keys come from these numbers.
    api.random = (length) => new Uint8Array(randomBytes(length));
    api.espnowOn = (asked, longRange) => espnowOn(channel ?? asked, longRange);
    api.nvsSet = (space, key, value) => {
      nvsSet(space, key, value);
      save();
    };
    api.nvsRemove = (space, key) => {
      nvsRemove(space, key);
      save();
    };
    api.espnowSend = (mac, frame) => this.#say(espnowSend, mac, frame);
    (globalThis as { native?: unknown }).native = api;
  }

  #say(send: Native["espnowSend"], mac: Uint8Array, bytes: Uint8Array): boolean {
    const to = Buffer.from(mac).toString("hex");
    const frame: AirFrame = {
      channel: this.#chip.radio.channel,
      longRange: true,
      from: this.#chip.uniqueId,
      to,
      bytes,
    };
    const told = this.tell(frame);
    const fault = told.type === this.#fault?.type ? this.#fault?.fault : undefined;
    const spoiled = fault === undefined ? bytes : this.#spoil(frame, fault);
    if (spoiled === undefined || !send(mac, spoiled)) return false;
    if (fault !== undefined) this.#fault = undefined;
    if (told.type === "confirm" || told.type === "tsconfirm") this.#confirmed = true;
    const said = { ...frame, bytes: spoiled, rssi: 0, told };
    if (fault !== "replay") {
      this.onSaid(said, fault);
      return true;
    }
    // Beside the program's own frames, as somebody who has recorded it would.
    this.#chip.clock.after(REPLAY_AFTER_US, () => {
      this.#air.send(this.#chip.radio, to, bytes, () => {});
      this.onSaid(said, fault);
    });
    return true;
  }

  /** Undefined, and a failure, for what cannot be spoiled so. */
  #spoil(frame: AirFrame, fault: Fault): Uint8Array | undefined {
    const { keys, role } = this.#options;
    try {
      if (frame.bytes[0] === VERSION3 && typeof decodeFrame(keys, frame.bytes) === "string")
        return spoil3(this.#pairKey(frame.to), role === "central", frame.bytes, fault);
      return spoil2(keys, frame.bytes, fault);
    } catch (thrown) {
      this.failure = thrown as Error;
      return undefined;
    }
  }

  #pairKey(mac: string): Uint8Array | undefined {
    if (mac === BROADCAST) return undefined;
    const { nvs } = this.#chip;
    const [manager, own] = (nvs.get("netnow/pair3") ?? "").split(" ");
    const hex =
      this.#options.role === "central"
        ? nvs.get(`netnow3/${mac.toUpperCase()}`)
        : manager === macText(macBytes(mac))
          ? own
          : undefined;
    return hex === undefined ? undefined : new Uint8Array(Buffer.from(hex, "hex"));
  }

  #keepTime({ from, bytes }: AirFrame): void {
    const packet = decodeFrame(this.#options.keys, bytes);
    if (typeof packet === "string" || packet.type !== TIME || macText(macBytes(from)) !== this.manager) return;
    this.#time = { time: packet.time, atUs: this.#chip.clock.nowUs };
  }
}

function readState(path: string): Record<string, string> {
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Record<string, string>) : {};
}

/** In one step, before anything is made of a new number: a killed tool must not use it twice. */
function writeState(path: string, nvs: Map<string, string>): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, JSON.stringify(Object.fromEntries(nvs)), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
