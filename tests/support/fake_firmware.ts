// A process that speaks the device's side of the board socket and nothing else, to test the launcher without the firmware.
// The first argument says how it behaves.

import { connect } from "node:net";

const [behaviour = ""] = process.argv.slice(2);
const option = (name: string): string => process.argv[process.argv.indexOf(name) + 1] ?? "";
const reset = Number(option("--reset"));
const socket = connect(option("--board"));
let nowUs = 0;
let rest: Buffer = Buffer.alloc(0);

function send(type: number, body: Uint8Array): void {
  const head = Buffer.alloc(3);
  head.writeUInt16LE(body.length + 1);
  head[2] = type;
  socket.write(Buffer.concat([head, body]));
}

function u64(value: number | bigint): Buffer {
  const body = Buffer.alloc(8);
  body.writeBigUInt64LE(BigInt(value));
  return body;
}

const idle = (untilUs: number) => send(2, u64(untilUs));
const log = (line: string) => send(11, Buffer.from(line));

socket.on("close", () => process.exit(0));
socket.on("connect", () => {
  send(1, Buffer.from([reset]));
  log(`reset ${reset}`);
  if (behaviour !== "unset" || reset === 2) send(9, u64(0));
  switch (behaviour) {
    case "hang": // a turn that never ends
      if (reset === 2) return idle(60_000_000);
      send(9, u64(15_000_000));
      return;
    case "unset": // idle, and never a word of its watchdog
      return idle(60_000_000);
    case "late": // idle beyond its watchdog
      if (reset === 2) return idle(60_000_000);
      send(9, u64(15_000_000));
      return idle(20_000_000);
    case "crash":
      return process.kill(process.pid, "SIGABRT");
    case "restart":
      if (reset === 1) return idle(60_000_000);
      return process.exit(11);
    case "sleep":
      if (reset === 4) return idle(60_000_000);
      send(12, Buffer.concat([Buffer.from([4]), u64(3_600_000_000)]));
      return process.exit(14);
    case "net":
      send(10, Buffer.from([1, 0]));
      send(10, Buffer.from([2, 1, 0x61, 0x62]));
      return idle(60_000_000);
    default:
      return idle(1_000_000);
  }
});
socket.on("data", (piece: Buffer) => {
  rest = Buffer.concat([rest, piece]);
  while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16LE(0)) {
    const type = rest[2];
    const end = 2 + rest.readUInt16LE(0);
    const body = rest.subarray(3, end);
    rest = rest.subarray(end);
    if (type === 64) nowUs = Number(body.readBigUInt64LE(0));
    else log(`got ${type} ${body.toString("hex")}`);
  }
  if (behaviour === "blink") send(4, Uint8Array.of(2, Math.floor(nowUs / 1_000_000) & 1));
  idle(nowUs + 1_000_000);
});
