import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { encodeBundle } from "../../tools/lib/bundle.ts";
import { Board } from "../../tools/sim/board.ts";
import { SimClock } from "../../tools/sim/clock.ts";
import { MemoryChip, type MemoryChipOptions } from "../../tools/sim/memory_native.ts";
import { MemoryNet } from "../../tools/sim/memory_net.ts";
import { formatFixed } from "../../tools/sim/printf.ts";
import { freshNative } from "../support/fresh_native.ts";

function bundle(script: string): Uint8Array {
  const ids = { engineId: "0".repeat(16), apiHash: "0".repeat(16) };
  return encodeBundle(Buffer.from(script), { profile: "test", version: "1", ...ids, bootPins: [] });
}

/** A chip with slots; `good` is permanent in slot 0. */
function slotChip(good: string, options: Partial<MemoryChipOptions> = {}): MemoryChip {
  const board = new Board(new SimClock());
  const chip = new MemoryChip({ board, net: new MemoryNet(board.clock), recovery: () => {}, ...options });
  const file = bundle(good);
  chip.slots.install(0, file.subarray(0, 256), file.subarray(256), true);
  chip.start();
  return chip;
}

function update(chip: MemoryChip, script: string): void {
  const file = bundle(script);
  chip.native.slotBegin(file.subarray(0, 256));
  chip.native.slotWrite(0, file.subarray(256));
  chip.native.slotCommit();
  expect(() => chip.native.restart("update", true)).toThrow();
  chip.run(1000);
}

const IDLE = "native.onTurn(() => Infinity); native.log('good');";

test("a turn runs at its deadline and when an event comes", () => {
  const chip = freshNative();
  const turns: number[] = [];
  chip.native.onTurn(() => {
    turns.push(chip.native.now());
    return chip.native.now() < 100 ? 100 : Number.POSITIVE_INFINITY;
  });
  chip.run(50);
  chip.run(100);
  chip.native.pinMode(4, 1, 0);
  chip.native.pinWatch(4, true);
  chip.board.drive(4, 1);
  chip.run(100);
  expect(turns).toEqual([0, 100, 150]);
  expect(chip.native.nextEvent()?.slice(0, 3)).toEqual([3, 4, 1]);
});

test("restart does not return, not even to code that catches everything", () => {
  const chip = freshNative();
  let after = 0;
  chip.native.onTurn(() => {
    for (let i = 0; i < 3; i++) {
      try {
        chip.native.restart("because", true);
      } catch {
        after++;
      }
    }
    return 0;
  });
  chip.run(1000);
  expect(after).toBe(3);
  expect(chip.resets).toEqual(["software"]);
  expect([native.resetReason(), native.resetAsked(), native.rebootReason()]).toEqual([1, true, "because"]);
});

test("the watchdog resets at its deadline in virtual time and feeding it moves that", () => {
  const chip = freshNative();
  chip.native.watchdog(1000);
  chip.run(900);
  chip.native.watchdog(1000);
  chip.run(999);
  expect(chip.resets).toEqual([]);
  chip.run(1);
  expect(chip.resets).toEqual(["watchdog"]);
});

test("NVS and files survive a power cut, the asked flag does not", async () => {
  const chip = freshNative();
  chip.native.nvsSet("space", "key", "kept");
  chip.native.fileWrite("a/b.txt", 0, Buffer.from("text"));
  expect(() => chip.native.restart("x", true)).toThrow();
  await chip.powerCut();
  await chip.powerOn();
  expect(native.nvsGet("space", "key")).toBe("kept");
  expect(Buffer.from(native.fileRead("a/b.txt", 1, 2)).toString()).toBe("ex");
  expect(native.resetAsked()).toBe(false);
});

test("bad file names are refused", () => {
  const chip = freshNative();
  for (const name of ["", "/etc", "../up", "a//b", ".hidden", "a/.b", "a b", "x".repeat(64)])
    expect(() => chip.native.fileSize(name)).toThrow("bad file name");
});

test("two chips talk over the network, and a lost access point silences both ways", () => {
  const board = new Board(new SimClock());
  const net = new MemoryNet(board.clock);
  const server = new MemoryChip({ board, net, program: () => {} });
  const otherBoard = new Board(board.clock);
  const client = new MemoryChip({ board: otherBoard, net, program: () => {} });
  board.network.ip = "10.0.0.1";
  otherBoard.network.ip = "10.0.0.2";
  for (const chip of [server, client]) {
    chip.start();
    chip.native.netOn(0);
    chip.native.netConnect("ssid", "password");
  }
  server.run(2000);
  const listening = server.native.socketListen(99);
  const id = client.native.socketConnect("10.0.0.1", 99);
  server.run(5);
  expect(client.native.socketState(id)).toBe(1);
  const accepted = server.native.socketAccept(listening);
  client.native.socketSend(id, Buffer.from("xhello"), 1, 6);
  server.run(5);
  const into = new Uint8Array(10);
  expect(server.native.socketReceive(accepted, into, 2)).toBe(5);
  expect(Buffer.from(into.subarray(2, 7)).toString()).toBe("hello");
  otherBoard.setNetwork(false);
  expect(client.native.netState()).toBe(4);
  client.native.socketSend(id, Buffer.from("lost"), 0, 4);
  server.run(5);
  expect(server.native.socketReceive(accepted, into, 0)).toBe(0);
});

test("a new bundle is on trial and confirming makes it permanent", () => {
  const chip = slotChip(IDLE);
  update(chip, "native.onTurn(() => Infinity); native.log('new');");
  expect(chip.logLines).toEqual(["good", "new"]);
  expect(chip.native.bundleInfo()).toMatchObject({ slot: 1, state: 1 });
  chip.native.bundleConfirm();
  chip.run(400_000);
  expect(chip.native.bundleInfo()).toMatchObject({ slot: 1, state: 2, rejectedWhy: "" });
});

test("a bundle that throws at start is taken back as a crash", () => {
  const chip = slotChip(IDLE);
  update(chip, "throw new Error('boom')");
  chip.run(1000);
  expect(chip.logLines).toEqual(["good", "good"]);
  expect(chip.native.bundleInfo()).toMatchObject({ slot: 0, state: 2, rejectedWhy: "crash" });
  expect(chip.native.exceptionRead()).toContain("boom");
});

test("a bundle that is never confirmed is taken back at the deadline", () => {
  const chip = slotChip(IDLE);
  update(chip, "native.onTurn(() => Infinity); native.log('mute');");
  chip.run(301_000);
  expect(chip.native.bundleInfo()).toMatchObject({ slot: 0, rejectedWhy: "deadline" });
});

test("a body that does not verify is refused and the running bundle stays", () => {
  const chip = slotChip(IDLE);
  const file = bundle("throw 1");
  file[256] = 0;
  chip.native.slotBegin(file.subarray(0, 256));
  chip.native.slotWrite(0, file.subarray(256));
  expect(() => chip.native.slotCommit()).toThrow("does not verify");
  expect(chip.slots.slots[1]).toBeUndefined();
});

test("a permanent bundle that keeps crashing gives way to recovery", () => {
  let recovered = 0;
  const chip = slotChip("throw new Error('always')", {
    recovery: () => {
      recovered++;
    },
  });
  chip.run(10_000);
  expect(recovered).toBe(1);
  expect(chip.native.bundleInfo()).toMatchObject({ slot: -1, recoveryWhy: "crashloop" });
});

test("many evaluations of one text keep apart", () => {
  const clock = new SimClock();
  const net = new MemoryNet(clock);
  const chips = [1, 2, 3].map((count) => {
    const board = new Board(clock);
    const chip = new MemoryChip({ board, net });
    const file = bundle(
      "let n = 0; native.pinMode(2, 3, 0); native.onTurn(() => { native.pinWrite(2, ++n & 1); return n * 1000; });",
    );
    chip.slots.install(0, file.subarray(0, 256), file.subarray(256), true);
    clock.at(count * 1000_000, () => chip.start());
    return chip;
  });
  const levels: string[] = [];
  for (const [index, chip] of chips.entries())
    chip.board.observe((event) => event.kind === "pin" && levels.push(`${index}=${event.level}`));
  clock.advanceTo(3_000_000);
  expect(levels).toEqual(["0=0", "0=1", "1=0", "0=0", "1=1", "2=0", "0=1", "1=0", "2=1"]);
});

test("the random source repeats from its seed", () => {
  const [a, b, c] = [7, 7, 8].map((seed) => Buffer.from(freshNative({ seed }).native.random(16)).toString("hex"));
  expect(a).toBe(b as string);
  expect(a).not.toBe(c as string);
});

test("formatFixed rounds as printf does", () => {
  const cases: [number, number, string][] = [
    [0.5, 0, "0"],
    [1.5, 0, "2"],
    [2.5, 0, "2"],
    [0.125, 2, "0.12"],
    [0.375, 2, "0.38"],
    [231.45, 1, "231.4"],
    [-0.04, 1, "-0.0"],
    [1e21, 1, "1000000000000000000000.0"],
    [Number.NaN, 1, "nan"],
  ];
  for (const [value, digits, text] of cases) expect(formatFixed(value, digits)).toBe(text);
});

test("sha256 of a file is that of its bytes", () => {
  const chip = freshNative();
  chip.native.fileWrite("x", 0, Buffer.from("abc"));
  expect(Buffer.from(chip.native.sha256File("x")).toString("hex")).toBe(
    createHash("sha256").update("abc").digest("hex"),
  );
});
