// What entool does on the air of a folder: show it, wait for frames, send them, with faults if wanted. Version 2; of version 3 it tells types.

import pc from "picocolors";
import {
  CONFIRM,
  DATA,
  decodeFrame,
  encodeFrame,
  type NetnowKeys,
  type Packet,
  PING,
  TIME,
  WAKEUP,
} from "../../device/netnow_codec.ts";
import type { AirDatagram } from "./air_datagram.ts";
import { AirRadio, BROADCAST, sniffAir } from "./air_radio.ts";
import { type Fault, spoil2 } from "./entool_faults.ts";
import { jsonPacket, type Told, TYPES, tellFrame } from "./entool_frames.ts";
import { UsageError, UserError } from "./errors.ts";

const TIME_ASKED_MS = 1000;
const ASKED_TIMES = 5;
interface AirOptions {
  air: string;
  channel: string;
  mac: string;
  ordinary?: boolean;
  json?: boolean;
  for?: string;
  text?: string;
  count?: string;
}

interface TxOptions extends AirOptions {
  to: string;
  payload?: string;
  confirms?: string;
  timestamp?: string;
  fault?: Fault;
}

export function numberOf(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!(value >= least && value <= most)) throw new UsageError(`${name} ${text}: a number from ${least} to ${most}`);
  return value;
}

function radioOf(options: AirOptions, onFrame: (frame: AirDatagram) => void): AirRadio {
  if (!/^[0-9a-f]{12}$/.test(options.mac)) throw new UsageError(`--mac ${options.mac}: 12 lower-case hex digits`);
  const channel = numberOf("--channel", options.channel, 1, 13);
  try {
    return new AirRadio({
      folder: options.air,
      mac: options.mac,
      channel,
      longRange: options.ordinary !== true,
      onFrame,
    });
  } catch {
    throw new UserError(
      `No air in ${options.air}: start a device with --air ${options.air} first, or make the folder.`,
    );
  }
}

/** Whether a frame wants an answer of a central, is one, or neither. */
export function kindOfFrame(keys: NetnowKeys, bytes: Uint8Array): "question" | "answer" | "other" {
  const type = tellFrame(keys, bytes).type?.replace("v3 ", "") ?? "";
  if (["tsconfirm", "confirm", "answer"].includes(type)) return "answer";
  return ["data", "ping", "wakeup", "pairreq", "request"].includes(type) ? "question" : "other";
}

function line(frame: Omit<AirDatagram, "kind" | "sequence">, shown: Told): string {
  const { type, refused, payload, tid, confirms } = shown;
  const what = refused === undefined ? pc.green((type ?? "").padEnd(10)) : pc.red(`refused ${refused}`);
  const text = payload === undefined ? "" : JSON.stringify(Buffer.from(payload, "hex").toString());
  const more = [tid && `tid ${tid.slice(0, 8)}`, confirms && `confirms ${confirms.slice(0, 8)}`, text];
  const to = frame.to === BROADCAST ? "all".padEnd(12) : frame.to;
  return `${pc.dim(`ch ${String(frame.channel).padStart(2)} ${frame.rssi} dBm`)} ${pc.cyan(frame.from)} > ${to} ${what} ${more.filter((each) => each).join(" ")}`;
}

export function print(options: { json?: boolean }, frame: Omit<AirDatagram, "kind" | "sequence">, shown: Told): void {
  const { channel, rssi, from, to } = frame;
  // Of version 3 the direction is known from the MACs.
  const { from: _, ...what } = shown;
  if (options.json) console.log(JSON.stringify({ channel, rssi, from, to, ...what }));
  else console.log(line(frame, shown));
}

export async function watch(keys: NetnowKeys, options: AirOptions): Promise<void> {
  const count = options.count === undefined ? undefined : numberOf("--count", options.count, 1, 1e6);
  const { promise: over, resolve: finish } = Promise.withResolvers<void>();
  let shown = 0;
  let end: () => void;
  try {
    end = sniffAir(options.air, (frame) => {
      print(options, frame, tellFrame(keys, frame.bytes));
      if (++shown === count) finish();
    });
  } catch {
    throw new UserError(
      `No air in ${options.air}: start a device with --air ${options.air} first, or make the folder.`,
    );
  }
  process.once("SIGINT", finish);
  const limit =
    options.for === undefined ? undefined : setTimeout(finish, numberOf("--for", options.for, 0, 1e6) * 1000);
  await over;
  clearTimeout(limit);
  end();
  if (count !== undefined && shown < count) throw new UserError(`${shown} of ${count} frames came.`);
}

/** Whether a frame is of the type and has the text in its payload. */
export function isAsked({ type, payload }: Told, asked: string | undefined, text = ""): boolean {
  return (
    (asked === undefined || type === asked) &&
    Buffer.from(payload ?? "", "hex")
      .toString()
      .includes(text)
  );
}

/** Listens until `count` frames as asked have come or the time is over; how many came. */
async function listen(keys: NetnowKeys, type: string | undefined, options: AirOptions, count: number): Promise<number> {
  if (type !== undefined && TYPES[type] === undefined)
    throw new UsageError(
      `type ${type}: one of ${Object.keys(TYPES).join(", ")}; those of version 3 need --role and --v 3`,
    );
  const limitMs = numberOf("--for", options.for ?? "10", 0, 1e6) * 1000;
  let came = 0;
  let finish = () => {};
  const radio = radioOf(options, (frame) => {
    const shown = tellFrame(keys, frame.bytes);
    if (!isAsked(shown, type, options.text)) return;
    print(options, frame, shown);
    if (++came >= count) finish();
  });
  await new Promise<void>((done) => {
    const timer = setTimeout(done, limitMs);
    finish = () => {
      clearTimeout(timer);
      done();
    };
  });
  radio.close();
  return came;
}

export async function receive(keys: NetnowKeys, type: string | undefined, options: AirOptions): Promise<void> {
  const count = numberOf("--count", options.count ?? "1", 1, 1e6);
  const came = await listen(keys, type, options, count);
  if (came < count) throw new UserError(`${came} of ${count} frames came in ${options.for} s.`);
}

export async function refuseToHear(keys: NetnowKeys, type: string | undefined, options: AirOptions): Promise<void> {
  if ((await listen(keys, type, options, 1)) > 0) throw new UserError("A frame came that should not.");
}

export async function transmit(keys: NetnowKeys, type: string, options: TxOptions): Promise<void> {
  const text = (options.text ?? "").replaceAll("\\n", "\n");
  const packet = jsonPacket({
    type,
    payload: options.payload ?? Buffer.from(text).toString("hex"),
    ...(options.confirms === undefined ? {} : { confirms: options.confirms }),
    ...(options.timestamp === undefined ? {} : { timestamp: options.timestamp }),
  });
  const to = options.to;
  if (!/^[0-9a-f]{12}$/.test(to)) throw new UsageError(`--to ${to}: 12 lower-case hex digits`);
  let heard: (packet: Packet) => void = () => {};
  const radio = radioOf(options, ({ bytes }) => {
    const came = decodeFrame(keys, bytes);
    if (typeof came !== "string") heard(came);
  });
  try {
    const asks = (packet.type === DATA || packet.type === PING) && options.timestamp === undefined;
    if (asks) packet.time = await networkTime(keys, radio, to, (each) => (heard = each));
    const good = encodeFrame(keys, packet);
    const frame = options.fault === undefined ? good : spoil2(keys, good, options.fault);
    let acknowledged = await radio.send(to, frame);
    if (options.fault === "replay") acknowledged = await radio.send(to, frame);
    const tid = hexOf(packet.tid);
    if (options.json) console.log(JSON.stringify({ sent: type, tid, bytes: frame.length, acknowledged }));
    else console.log(`sent ${type}, ${frame.length} bytes, tid ${tid}${acknowledged ? "" : ", not acknowledged"}`);
    if (!acknowledged) throw new UserError(`${to} did not acknowledge it: is it on channel ${options.channel}?`);
  } finally {
    radio.close();
  }
}

const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

/** Sends a wakeup until the central confirms it with its time; that time, at the moment of return. */
async function networkTime(
  keys: NetnowKeys,
  radio: AirRadio,
  to: string,
  hear: (heard: (packet: Packet) => void) => void,
): Promise<Uint8Array> {
  for (let asked = 0; asked < ASKED_TIMES; asked++) {
    const wakeup: Packet = {
      type: WAKEUP,
      subtype: 0,
      time: new Uint8Array(12),
      tid: native.random(12),
      payload: new Uint8Array(0),
    };
    const confirmed = new Promise<Uint8Array | undefined>((done) => {
      setTimeout(() => done(undefined), TIME_ASKED_MS);
      hear((came) => {
        if (came.type === TIME && came.subtype === CONFIRM && hexOf(came.payload) === hexOf(wakeup.tid))
          done(came.time);
      });
    });
    await radio.send(to, encodeFrame(keys, wakeup));
    const time = await confirmed;
    if (time !== undefined) return time;
  }
  throw new UserError(`No central at ${to} confirmed a wakeup: look at --to, --channel, --psk and --group.`);
}
