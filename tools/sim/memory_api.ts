// Every function of device/native.d.ts for one boot of an in-memory chip. State is in MemoryChip and its Boot; what has a file of its
// own beside this one (pins, parts, radio, crypto, sleep) is put together here.

import { BLOCK_BYTES, blockSums, SUM_BYTES } from "../lib/block_sums.ts";
import { u32 } from "../lib/link_frames.ts";
import { consoleApi } from "./memory_console.ts";
import { cipherApi, cryptoApi, sha256 } from "./memory_crypto.ts";
import { ChipReset } from "./memory_guard.ts";
import type { Boot, MemoryChip } from "./memory_native.ts";
import { partApi } from "./memory_parts.ts";
import { pinApi } from "./memory_pins.ts";
import { radioApi } from "./memory_radio.ts";
import { sleepApi } from "./memory_sleep.ts";
import { readHeader } from "./memory_slots.ts";
import { FIRMWARE_BYTES_MAX } from "./memory_trials.ts";
import { EBAD, EBUSY, EFULL, EINVAL, ENOENT, ENOMEM, nativeError } from "./native_error.ts";
import { formatFixed } from "./printf.ts";

const NVS_NAME_MAX = 15;
const NVS_VALUE_MAX = 1900;
const FILES_BYTES_MAX = 512 * 1024;

/** The functions of one boot. */
export function makeApi(chip: MemoryChip, boot: Boot): Native {
  return {
    ...systemApi(chip, boot),
    ...slotApi(chip, boot),
    ...trialApi(chip),
    ...storeApi(chip),
    ...netApi(chip, boot),
    ...cryptoApi(chip, boot),
    ...cipherApi,
    ...pinApi(chip, boot),
    ...partApi(chip, boot),
    ...radioApi(chip),
    ...sleepApi(chip),
    ...consoleApi(chip, boot),
  };
}

type Api<K extends keyof Native> = Pick<Native, K>;

function systemApi(chip: MemoryChip, boot: Boot) {
  const api: Api<
    | "onTurn"
    | "now"
    | "restart"
    | "restartProgram"
    | "resetReason"
    | "resetAsked"
    | "watchdog"
    | "cpuMhz"
    | "uniqueId"
    | "machine"
    | "firmwareVersion"
    | "log"
    | "heap"
    | "collect"
    | "nextEvent"
    | "eventsDropped"
    | "encodeText"
    | "decodeText"
    | "formatFixed"
  > = {
    onTurn: (turn) => {
      boot.turn = turn;
      chip.wake();
    },
    now: () => (chip.clock.nowUs - boot.startUs) / 1000,
    restart: (why, asked) => {
      chip.nvs.set("hearth/reboot", why);
      chip.reset("software", { kind: asked ? "asked" : "restart" }, asked);
      throw new ChipReset(why);
    },
    restartProgram: (why) => {
      chip.nvs.set("hearth/reboot", why);
      chip.restartProgram();
      throw new ChipReset(why);
    },
    resetReason: () => boot.reason,
    resetAsked: () => boot.asked,
    watchdog: (ms) => {
      if (boot.watchdog !== undefined) boot.watchdog.cancelled = true;
      boot.watchdog = undefined;
      if (ms <= 0) return;
      boot.watchdog = chip.clock.after(ms * 1000, () => chip.reset("watchdog", { kind: "watchdog" }, false));
    },
    cpuMhz: (mhz) => {
      if (mhz !== 80 && mhz !== 160 && mhz !== 240) throw nativeError(EINVAL, `no clock of ${mhz} MHz`);
      chip.board.emit({ kind: "cpu", mhz });
      return true;
    },
    uniqueId: () => chip.uniqueId,
    machine: () => "memory",
    firmwareVersion: () => "0.1.0",
    log: (line) => {
      chip.logLines.push(line);
      chip.consoleOut(Buffer.from(`${line}\r\n`));
      chip.board.emit({ kind: "log", line });
    },
    heap: () => [0, 0, 0, 0],
    collect: () => {},
    nextEvent: () => boot.events.shift(),
    eventsDropped: () => boot.dropped,
    encodeText: (text) => new TextEncoder().encode(text),
    decodeText: (bytes, start, end) => {
      try {
        return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(start, end));
      } catch {
        return undefined;
      }
    },
    formatFixed,
  };
  return api;
}

function slotApi(chip: MemoryChip, boot: Boot) {
  const api: Api<
    | "bundleInfo"
    | "bundleConfirm"
    | "slotBegin"
    | "slotWrite"
    | "slotPatch"
    | "slotBlocks"
    | "slotCommit"
    | "exceptionStore"
    | "exceptionRead"
    | "exceptionClear"
    | "rebootReason"
    | "rebootReasonClear"
    | "recover"
  > = {
    bundleInfo: () => bundleInfo(chip, boot),
    bundleConfirm: () => {
      chip.bundleConfirmed = true;
      chip.slots.confirm(boot.slot);
    },
    slotBegin: (header) => {
      const result = chip.slots.begin(boot.slot, header);
      if (typeof result === "string") throw nativeError(EINVAL, result);
      return result;
    },
    slotWrite: (offset, bytes) => {
      if (!chip.slots.write(offset, bytes))
        throw nativeError(EINVAL, `offset ${offset} is not where the last write ended`);
    },
    slotPatch: (offset, operations) => {
      const written = chip.slots.patch(boot.slot, offset, operations);
      if (written === "bad") throw nativeError(EBAD, "these are no operations");
      if (written === "gap") throw nativeError(EINVAL, `offset ${offset} is not where something ended`);
      return written;
    },
    slotBlocks: (first, room) => {
      const body = chip.slots.slots[boot.slot]?.body ?? new Uint8Array(0);
      const most = Math.floor((room - 4) / SUM_BYTES);
      const count = Math.max(0, Math.min(Math.floor(body.length / BLOCK_BYTES) - first, most));
      return Buffer.concat([u32(body.length), blockSums(body, first, count)]).subarray();
    },
    slotCommit: () => {
      if (!chip.slots.commit()) throw nativeError(EBAD, "the bundle does not verify");
    },
    exceptionStore: (message, stack) => {
      chip.nvs.set("hearth/exception", JSON.stringify({ message, stack }));
    },
    exceptionRead: () => chip.nvs.get("hearth/exception"),
    exceptionClear: () => {
      chip.nvs.delete("hearth/exception");
    },
    rebootReason: () => chip.nvs.get("hearth/reboot"),
    rebootReasonClear: () => {
      chip.nvs.delete("hearth/reboot");
    },
    recover: (why) => {
      chip.recoverWhy = why;
      chip.nvs.set("hearth/reboot", why);
      chip.reset("software", { kind: "restart" }, false);
      throw new ChipReset(why);
    },
  };
  return api;
}

function trialApi(chip: MemoryChip) {
  const trials = chip.trials;
  const api: Api<
    | "firmwareInfo"
    | "firmwareBegin"
    | "firmwareWrite"
    | "firmwareCommit"
    | "firmwareConfirm"
    | "configTry"
    | "configConfirm"
    | "configInfo"
  > = {
    firmwareInfo: () => trials.info(),
    firmwareBegin: (size, sha256) => {
      if (trials.firmwareTrial) throw nativeError(EBUSY, "the running firmware is on trial");
      if (size < 1 || sha256.length !== 32) throw nativeError(EINVAL, "no image has this size or hash");
      if (size > FIRMWARE_BYTES_MAX) throw nativeError(EFULL, `${size} bytes do not fit`);
      return trials.begin(size, sha256);
    },
    firmwareWrite: (offset, bytes) => {
      if (!trials.write(offset, bytes)) throw nativeError(EINVAL, `offset ${offset} is not where the last write ended`);
    },
    firmwareCommit: () => {
      if (!trials.commit()) throw nativeError(EBAD, "the firmware does not verify");
    },
    firmwareConfirm: () => trials.confirmFirmware(),
    configTry: (from) => {
      if (!chip.files.has(checkName(from))) throw nativeError(ENOENT, `no file ${from}`);
      trials.tryConfig(from);
    },
    configConfirm: () => trials.confirmConfig(),
    configInfo: () => ({
      trial: trials.configTrial || trials.configGoing,
      rejectedHash: trials.configRejectedHash,
      rejectedWhy: trials.configRejectedWhy,
    }),
  };
  return api;
}

function bundleInfo(chip: MemoryChip, boot: Boot): BundleInfo {
  const info: BundleInfo = {
    slot: boot.slot,
    state: boot.slot < 0 ? 0 : 2,
    profile: boot.slot < 0 ? "recovery" : "test",
    version: "0",
    hash: "0000000000000000",
    engineId: "0000000000000000",
    apiHash: "0000000000000000",
    rejectedHash: chip.slots.rejectedHash,
    rejectedWhy: chip.slots.rejectedWhy,
    recoveryWhy: boot.recoveryWhy,
  };
  const bundle = chip.slots.slots[boot.slot];
  const fields = bundle === undefined ? undefined : readHeader(bundle.header);
  if (bundle !== undefined && typeof fields === "object") {
    info.state = bundle.confirmed ? 2 : 1;
    info.profile = fields.profile;
    info.version = fields.version;
    info.hash = fields.sha256.slice(0, 16);
    info.engineId = fields.engineId;
    info.apiHash = fields.apiHash;
  }
  return Object.assign(info, chip.fixedInfo);
}

function storeApi(chip: MemoryChip) {
  const key = (space: string, name: string): string => {
    if (space === "" || space.length > NVS_NAME_MAX || name === "" || name.length > NVS_NAME_MAX)
      throw nativeError(EINVAL, `NVS names have 1 to ${NVS_NAME_MAX} characters`);
    return `${space}/${name}`;
  };
  const file = (name: string): Uint8Array => {
    const bytes = chip.files.get(checkName(name));
    if (bytes === undefined) throw nativeError(ENOENT, `no file ${name}`);
    return bytes;
  };
  const space = () => {
    let used = 0;
    for (const bytes of chip.files.values()) used += bytes.length;
    return FILES_BYTES_MAX - used;
  };
  const api: Api<
    | "nvsGet"
    | "nvsSet"
    | "nvsRemove"
    | "fileSize"
    | "fileRead"
    | "fileWrite"
    | "fileSync"
    | "fileRename"
    | "fileRemove"
    | "fileList"
    | "fileSpace"
    | "sha256File"
  > = {
    nvsGet: (spaceName, name) => chip.nvs.get(key(spaceName, name)),
    nvsSet: (spaceName, name, value) => {
      if (Buffer.byteLength(value) > NVS_VALUE_MAX)
        throw nativeError(EINVAL, `NVS values have at most ${NVS_VALUE_MAX} bytes`);
      chip.nvs.set(key(spaceName, name), value);
    },
    nvsRemove: (spaceName, name) => {
      chip.nvs.delete(key(spaceName, name));
    },
    fileSize: (name) => chip.files.get(checkName(name))?.length ?? -1,
    fileRead: (name, offset, length) => file(name).slice(offset, offset + length),
    fileWrite: (name, offset, bytes) => {
      const old = chip.files.get(checkName(name)) ?? new Uint8Array(0);
      if (offset > old.length) throw nativeError(EINVAL, `offset ${offset} is beyond the end of ${name}`);
      const grown = new Uint8Array(Math.max(old.length, offset + bytes.length));
      if (grown.length - old.length > space()) throw nativeError(EFULL, "no space left");
      grown.set(old);
      grown.set(bytes, offset);
      chip.files.set(name, grown);
    },
    fileSync: (name) => {
      file(name);
    },
    fileRename: (from, to) => {
      const bytes = file(from);
      chip.files.set(checkName(to), bytes);
      if (from !== to) chip.files.delete(from);
    },
    fileRemove: (name) => chip.files.delete(checkName(name)),
    fileList: () => [...chip.files].flatMap(([name, bytes]) => [name, bytes.length]),
    fileSpace: space,
    sha256File: (name) => sha256(file(name)),
  };
  return api;
}

/** File names as in port.h: letters, digits and `._-` in parts joined by `/`, none beginning with a dot. */
function checkName(name: string): string {
  if (name.length > 63 || !/^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/.test(name))
    throw nativeError(EINVAL, `bad file name ${JSON.stringify(name)}`);
  return name;
}

function netApi(chip: MemoryChip, boot: Boot) {
  const network = chip.board.network;
  const up = () => !boot.dead && boot.netState === 3;
  const api: Api<
    | "netOn"
    | "netConnect"
    | "netOff"
    | "netState"
    | "netAddress"
    | "netMac"
    | "netSignal"
    | "netResolve"
    | "socketConnect"
    | "socketListen"
    | "socketAccept"
    | "socketState"
    | "socketSend"
    | "socketReceive"
    | "socketClose"
  > = {
    netOn: (kind) => {
      if (!(kind >= 0 && kind <= 3)) throw nativeError(EINVAL, `no network kind ${kind}`);
      if (boot.netKept && kind === boot.joined.kind) return;
      boot.netKept = false;
      boot.joined = { ...boot.joined, kind };
      chip.setNetState(1);
    },
    netConnect: (ssid, password) => {
      if (boot.netState === 0) throw nativeError(EINVAL, "the network is off");
      const same = boot.joined.ssid === ssid && boot.joined.password === password;
      const kept = boot.netKept;
      boot.netKept = false;
      if (kept && same && boot.netState === 3) return;
      boot.joined = { ...boot.joined, ssid, password };
      chip.setNetState(2);
      boot.netTimer = chip.clock.after(network.joinMs * 1000, () => chip.setNetState(network.available ? 3 : 4));
    },
    netOff: () => {
      boot.netKept = false;
      chip.setNetState(0);
    },
    netState: () => boot.netState,
    netAddress: () => (boot.netState === 3 ? network.ip : "0.0.0.0"),
    netMac: () => {
      const id = chip.uniqueId;
      return (id.toUpperCase().match(/../g) ?? []).join(":");
    },
    netSignal: () => (boot.netState === 3 ? [network.rssi, network.channel] : [0, 0]),
    netResolve: (name) => {
      if (!up()) return undefined;
      return /^\d+\.\d+\.\d+\.\d+$/.test(name) ? name : chip.net.hosts.get(name);
    },
    socketConnect: (address, port) => {
      const id = boot.sockets.connect(address, port, up());
      if (id < 0) throw nativeError(ENOMEM, "all sockets are in use");
      return id;
    },
    socketListen: (port) => {
      const id = boot.sockets.listen(network.ip, port, up);
      if (id < 0) throw nativeError(ENOMEM, "all sockets are in use");
      return id;
    },
    socketAccept: (id) => boot.sockets.accept(id),
    socketState: (id) => boot.sockets.state(id),
    socketSend: (id, bytes, start, end) => boot.sockets.send(id, bytes.slice(start, end)),
    socketReceive: (id, bytes, start) => boot.sockets.receive(id, bytes, start),
    socketClose: (id) => boot.sockets.close(id),
  };
  return api;
}
