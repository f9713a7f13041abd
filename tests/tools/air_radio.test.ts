// Tools on the air of a folder: the datagrams byte by byte, radios among each other, and beside a firmware process.

import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type AirDatagram, decodeAirDatagram, encodeAirDatagram } from "../../tools/lib/air_datagram.ts";
import { AirRadio, BROADCAST, sniffAir } from "../../tools/lib/air_radio.ts";
import { buildBundle, buildNative } from "../../tools/lib/native_build.ts";
import { partitionImage } from "../../tools/sim/flash_image.ts";
import { HostMachine } from "../../tools/sim/host_machine.ts";
import { HostWorld } from "../../tools/sim/host_world.ts";
import { airFolder, endAfterEach, onEnd } from "../support/air_folder.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const [A, B, C] = ["0200000000aa", "0200000000bb", "0200000000cc"] as const;
endAfterEach();

/** A radio, and a promise for what it hears next. */
function radio(folder: string, mac: string, channel = 6) {
  const heard: string[] = [];
  let wake = () => {};
  const onFrame = (frame: AirDatagram) => {
    heard.push(`${frame.from} ${frame.rssi} ${Buffer.from(frame.bytes)}`);
    wake();
  };
  const one = new AirRadio({ folder, mac, channel, rssi: -61, onFrame });
  onEnd(() => one.close());
  const next = async () => {
    while (heard.length === 0) await new Promise<void>((done) => (wake = done));
    return heard.shift();
  };
  return { radio: one, heard, next };
}

const GOLDEN: [string, AirDatagram][] = [
  [
    "010601ce07000000 0200000000aa ffffffffffff 6869",
    {
      kind: "frame",
      channel: 6,
      longRange: true,
      rssi: -50,
      sequence: 7,
      from: A,
      to: BROADCAST,
      bytes: Buffer.from("hi"),
    },
  ],
  [
    "020d0080ff000000 0200000000bb 0200000000aa",
    {
      kind: "acknowledgement",
      channel: 13,
      longRange: false,
      rssi: -128,
      sequence: 255,
      from: B,
      to: A,
      bytes: Buffer.alloc(0),
    },
  ],
  [
    "030601ce09000000 0200000000aa 0200000000bb",
    {
      kind: "deaf",
      channel: 6,
      longRange: true,
      rssi: -50,
      sequence: 9,
      from: A,
      to: B,
      bytes: Buffer.alloc(0),
    },
  ],
];

test("datagrams have the bytes of docs/BOARD.md", () => {
  for (const [hex, datagram] of GOLDEN) {
    const bytes = new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex"));
    expect(new Uint8Array(encodeAirDatagram(datagram))).toEqual(bytes);
    expect({ ...decodeAirDatagram(bytes), bytes: datagram.bytes }).toEqual(datagram);
    expect(Buffer.from(decodeAirDatagram(bytes)?.bytes ?? [])).toEqual(Buffer.from(datagram.bytes));
  }
});

test("what is cut short, too long or of another kind is no datagram", () => {
  const [frame, ack] = GOLDEN.map(([, datagram]) => encodeAirDatagram(datagram)) as [Uint8Array, Uint8Array];
  for (let length = 0; length <= 20; length++) expect(decodeAirDatagram(frame.subarray(0, length))).toBeUndefined();
  for (let length = 0; length < 20; length++) expect(decodeAirDatagram(ack.subarray(0, length))).toBeUndefined();
  expect(decodeAirDatagram(Buffer.concat([ack, Buffer.alloc(1)]))).toBeUndefined();
  expect(decodeAirDatagram(Buffer.concat([frame, Buffer.alloc(249)]))).toBeUndefined();
  expect(decodeAirDatagram(Buffer.concat([Buffer.of(4), frame.subarray(1)]))).toBeUndefined();
});

test("radios of one channel hear each other; a listener hears all", async () => {
  const folder = airFolder();
  const seen: string[] = [];
  onEnd(sniffAir(folder, (frame) => seen.push(`${frame.channel} ${frame.to} ${Buffer.from(frame.bytes)}`)));
  const a = radio(folder, A);
  const b = radio(folder, B);
  const c = radio(folder, C, 7);
  expect(await a.radio.send(BROADCAST, Buffer.from("all"))).toBe(true);
  expect(await b.next()).toBe(`${A} -61 all`);
  expect(await b.radio.send(A, Buffer.from("you"))).toBe(true);
  expect(await a.next()).toBe(`${B} -61 you`);
  expect(await a.radio.send(C, Buffer.from("elsewhere"))).toBe(false);
  expect([...a.heard, ...b.heard, ...c.heard]).toEqual([]);
  expect(seen).toEqual([`6 ${BROADCAST} all`, `6 ${A} you`, `6 ${C} elsewhere`]);
});

test("a radio that has gone leaves nothing behind, and its place can be taken again", async () => {
  const folder = airFolder();
  radio(folder, A).radio.close();
  expect(readdirSync(folder)).toEqual([]);
  const again = radio(folder, A);
  expect(await radio(folder, B).radio.send(A, Buffer.from("x"))).toBe(true);
  expect(await again.next()).toBe(`${B} -61 x`);
});

/** Answers each frame to its sender, and says what became of its own. */
const ECHO = `
  native.espnowOn(6, false);
  native.espnowSend(new Uint8Array(6).fill(255), native.encodeText("here"));
  native.onTurn(() => {
    for (let event; (event = native.nextEvent()) !== undefined;) {
      const [kind, channel, value, , data] = event;
      if (kind === 6) native.log("done " + value);
      if (kind === 5) {
        native.log("heard " + channel + " " + value);
        native.espnowSend(data.slice(0, 6), data.slice(6));
      }
    }
    return native.now() + 1000;
  });`;

async function echoBundle(folder: string): Promise<Uint8Array> {
  const entry = join(folder, "source", "main.ts");
  await Bun.write(entry, ECHO);
  const [out, store] = [join(folder, "bundle.bin"), join(folder, "store")];
  return (await buildBundle({ profile: "test", entry, out, store })).bundle;
}

test("a firmware process and a tool talk over the folder", async () => {
  const folder = airFolder();
  const other = radio(folder, B);
  const flash = join(folder, "flash");
  mkdirSync(flash);
  await Bun.write(join(flash, "app_0.bin"), partitionImage(await echoBundle(folder), 1, true));
  const { hearth } = await buildNative();
  const command = [hearth, "--flash", flash, "--air", folder, "--id", A, "--air-faults", "rssi=-40"];
  const child = Bun.spawn(command, { stdout: "pipe", stdin: "ignore" });
  onEnd(() => child.kill());
  expect(await other.next()).toBe(`${A} -40 here`);
  expect(await other.radio.send(A, Buffer.from("echo"))).toBe(true);
  expect(await other.next()).toBe(`${A} -40 echo`);
  other.radio.channel = 5;
  expect(await other.radio.send(A, Buffer.from("not there"))).toBe(false);
  child.kill();
  const lines = (await child.stdout.text()).split("\n").filter((line) => /^(done|heard)/.test(line));
  // What was answered can be there before the acknowledgement of what it answers.
  expect(lines.slice(0, 2).sort()).toEqual(["done 1", "heard 6 -61"]);
});

test("a firmware on a board, in virtual time, can be on the air of a folder, too", async () => {
  const folder = airFolder();
  const other = radio(folder, B);
  const { hearth } = await buildNative();
  const world = new HostWorld("fast");
  const flashDir = join(folder, "flash");
  const machine = new HostMachine({ world, firmware: hearth, flashDir, uniqueId: A, args: ["--air", folder] });
  try {
    await machine.installBundle(await echoBundle(folder));
    await machine.powerOn();
    world.start();
    expect(await other.next()).toBe(`${A} -50 here`);
    expect(await other.radio.send(A, Buffer.from("echo"))).toBe(true);
    expect(await other.next()).toBe(`${A} -50 echo`);
  } finally {
    await world.stop();
    await machine.close();
  }
});
