// Parts on pins as the bundle sees them, alike on the in-memory chip and the host firmware: the same models on the same Board.

import { expect, setDefaultTimeout, test } from "bun:test";
import type { Board } from "../../tools/sim/board.ts";
import { type Bit, OneWireBus, type OneWireDevice } from "../../tools/sim/one_wire_bus.ts";
import { MACHINES } from "../support/both_machines.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const IDLE = "native.onTurn(() => Infinity);";

/** A device that knows the ROM commands of the 1-Wire book (application note 187): 33 read, F0 search. */
class RomDevice implements OneWireDevice {
  readonly #rom: bigint;
  #command = 0;
  #bits = 0;
  #phase = 0;
  #out = false;

  constructor(rom: string) {
    this.#rom = Buffer.from(rom, "hex").readBigUInt64LE();
  }

  reset(): boolean {
    [this.#command, this.#bits, this.#phase, this.#out] = [0, 0, 0, false];
    return true;
  }

  slot(bit: Bit): Bit {
    if (this.#out) return 1;
    if (this.#bits < 8) {
      this.#command |= bit << this.#bits++;
      return 1;
    }
    const own = Number((this.#rom >> BigInt(this.#bits - 8)) & 1n) as Bit;
    if (this.#command === 0x33) {
      if (this.#bits < 72) this.#bits++;
      return own;
    }
    if (this.#command !== 0xf0 || this.#bits >= 72) return 1;
    const phase = this.#phase;
    this.#phase = (phase + 1) % 3;
    if (phase === 0) return own;
    if (phase === 1) return (1 - own) as Bit;
    if (bit === own) this.#bits++;
    else this.#out = true;
    return 1;
  }
}

const ROMS = ["28ff641e0f1a2b3c", "28ff641e0f1a2b3d", "10aabbccddeeff00"];

function oneWire(board: Board, ...roms: string[]): OneWireBus {
  const bus = new OneWireBus();
  for (const rom of roms) bus.attach(new RomDevice(rom));
  board.attachOneWire(4, bus);
  return bus;
}

/** The search of application note 187, over triplets. */
const SEARCH = `
let last = -1;
let rom = new Uint8Array(8);
const found = [];
do {
  if (!native.onewireReset(4)) break;
  native.onewireWrite(4, Uint8Array.of(0xf0));
  let zero = -1;
  for (let at = 0; at < 64; at++) {
    const before = (rom[at >> 3] >> (at & 7)) & 1;
    const bits = native.onewireTriplet(4, at < last ? before : at === last ? 1 : 0);
    if ((bits & 3) === 3) { zero = -2; break; }
    const taken = bits >> 2;
    if ((bits & 3) === 0 && taken === 0) zero = at;
    rom[at >> 3] = (rom[at >> 3] & ~(1 << (at & 7))) | (taken << (at & 7));
  }
  if (zero === -2) break;
  last = zero;
  found.push(hex(rom));
} while (last >= 0);
tell(found.sort().join(" "));
`;

for (const { name, run } of MACHINES) {
  test(`${name}: a 1-Wire device answers the reset and gives its bytes`, async () => {
    const script = `tell(native.onewireReset(4)); native.onewireWrite(4, Uint8Array.of(0x33)); tell(hex(native.onewireRead(4, 8)));`;
    const { told } = await run(script + IDLE, 10, (board) => oneWire(board, ROMS[0] ?? ""));
    expect(told).toEqual(["true", ROMS[0] ?? ""]);
  });

  test(`${name}: a search finds every device of a 1-Wire bus`, async () => {
    const { told } = await run(SEARCH + IDLE, 10, (board) => oneWire(board, ...ROMS));
    expect(told).toEqual([[...ROMS].sort().join(" ")]);
  });

  test(`${name}: an empty 1-Wire bus and one that is held low`, async () => {
    const script = `
      for (const pin of [4, 5]) tell(code(() => native.onewireReset(pin)), hex(native.onewireRead(pin, 2)), native.onewireTriplet(pin, 1));
      tell(code(() => native.onewireWrite(4, new Uint8Array(65))));`;
    const { told } = await run(script + IDLE, 10, (board) => {
      oneWire(board).stuck = true;
    });
    expect(told).toEqual(["-3 0000 4", "false ffff 3", "-2"]);
  });

  test(`${name}: an HX711 gives signed readings when it is ready`, async () => {
    const script = `for (let at = 0; at < 5; at++) tell(String(native.hx711Read(5, 4, 25)));
      tell(String(native.hx711Read(5, 6, 25)), String(native.hx711Read(6, 4, 27)));`;
    const pulses: number[] = [];
    const { told } = await run(script + IDLE, 10, (board) => {
      const readings = [undefined, 0, 0x7fffff, 0x800000, 0xffffff];
      board.attachHx711(5, 4, {
        clocked: (count) => {
          pulses.push(count);
          return readings.shift();
        },
      });
    });
    expect(told).toEqual(["undefined", "0", "8388607", "-8388608", "-1", "undefined undefined"]);
    expect(pulses).toEqual([25, 25, 25, 25, 25]);
  });

  test(`${name}: a reading pulls an HX711's clock low again, which has powered it down`, async () => {
    const script = `native.hx711Read(5, 4, 25); native.pinWrite(4, 1); native.hx711Read(5, 4, 25); tell(native.pinRead(4), code(() => native.pinWrite(5, 1)));`;
    const levels: number[] = [];
    const { told } = await run(script + IDLE, 10, (board) => {
      board.observe((event) => event.kind === "pin" && event.pin === 4 && levels.push(event.level));
    });
    expect(levels).toEqual([0, 1, 0]);
    expect(told).toEqual(["0 -2"]);
  });

  test(`${name}: shift registers are exchanged in one transaction`, async () => {
    const script = `tell(native.shiftExchange(15, 14, 16, 13, 8, 0x1a5), native.shiftExchange(15, 14, 16, 13, 32, 0xdeadbeef));
      tell(native.shiftExchange(12, 14, 16, 13, 4, 0));`;
    const seen: number[][] = [];
    const { told } = await run(script + IDLE, 10, (board) => {
      board.attachShift(15, {
        exchange: (bits, value) => {
          seen.push([bits, value]);
          return 0xfedcba98;
        },
      });
    });
    expect(told).toEqual([`${0x98} ${0xfedcba98}`, "15"]);
    expect(seen).toEqual([
      [8, 0xa5],
      [32, 0xdeadbeef],
    ]);
  });

  test(`${name}: the pulse counter counts what its filter lets through`, async () => {
    const script = `
      tell(code(() => native.pulseRead()), code(() => native.pulseOpen(14, 12788)));
      native.pulseOpen(14, 1000);
      tell(code(() => native.pulseOpen(14, 0)));
      let turns = 0;
      native.onTurn(() => {
        tell(native.now(), native.pulseRead());
        if (++turns < 3) return turns * 1000;
        native.pulseClose();
        native.pulseOpen(14, 0);
        tell(native.pulseRead());
        return Infinity;
      });`;
    const { told } = await run(script, 5000, (board) => {
      board.clock.at(200_000, () => board.pulses(14, 7, 1000));
      board.clock.at(300_000, () => board.pulses(14, 5, 999));
      board.clock.at(400_000, () => board.pulses(15, 3));
      board.clock.at(1_200_000, () => board.pulses(14, 0xffff_fffb));
    });
    expect(told).toEqual(["-5 -2", "-10", "0 0", "1000 7", "2000 2", "0"]);
  });

  test(`${name}: bursts of edges come as events, cut at silences, without glitches`, async () => {
    const script = `
      tell(code(() => native.edgesOpen(13, 100, 100, false)), code(() => native.edgesOpen(13, 0, 32768, false)));
      native.edgesOpen(13, 100, 5000, false);
      tell(code(() => native.edgesOpen(13, 100, 5000, true)));
      native.onTurn(() => {
        each(([kind, number, value, timeMs, data]) => {
          const values = [];
          for (let at = 0; at < data.length; at += 2) values.push((data[at + 1] & 128 ? "H" : "L") + ((data[at] | (data[at + 1] << 8)) & 0x7fff));
          tell(kind, number, value, timeMs, values.length > 9 ? values.length + " values" : values.join(" "));
        });
        return Infinity;
      });`;
    const { told } = await run(script, 5000, (board) => {
      const send = (atMs: number, ...levels: [0 | 1, number][]) =>
        board.clock.at(atMs * 1000, () => board.transmit(13, levels));
      send(1000, [1, 400], [0, 1200], [1, 99], [0, 30], [1, 500], [0, 40], [1, 60], [0, 6000], [1, 300], [0, 200]);
      // Nothing but a glitch, and a level that goes on in the next one's first piece.
      send(2000, [1, 50]);
      send(3000, [0, 10], [1, 150], [1, 150]);
      send(4000, ...Array.from({ length: 200 }, (_, at): [0 | 1, number] => [at % 2 === 0 ? 1 : 0, 500]));
    });
    // A burst's event comes when its silence has lasted long enough.
    expect(told).toEqual([
      "-2 -2",
      "-10",
      "7 13 0 1007.329 H400 L1329 H600",
      "7 13 0 1013.629 H300",
      "7 13 0 3005.31 H300",
      "7 13 0 4104.5 128 values",
    ]);
  });

  test(`${name}: a watched input tells its edges with their time, others do not`, async () => {
    const script = `
      tell(code(() => native.pinWatch(33, true)));
      for (const pin of [33, 34, 35]) native.pinMode(pin, 0, 0);
      native.pinMode(25, 3, 0);
      tell(code(() => native.pinWatch(25, true)));
      native.pinWatch(33, true);
      native.pinWatch(35, true);
      native.pinWatch(35, false);
      let opened = false;
      native.onTurn(() => {
        each(([kind, number, value, timeMs]) => tell(kind, number, value, timeMs));
        if (native.now() >= 2000 && !opened) { native.pinMode(33, 1, 0); opened = true; }
        return opened ? Infinity : 2000;
      });`;
    const { told } = await run(script, 5000, (board) => {
      for (const pin of [33, 34, 35]) {
        board.clock.at(500_000, () => board.drive(pin, 1));
        board.clock.at(500_250, () => board.drive(pin, 0));
        board.clock.at(3_000_000, () => board.drive(pin, 1));
      }
    });
    expect(told).toEqual(["-2", "-2", "3 33 1 500", "3 33 0 500.25"]);
  });

  test(`${name}: pins read what drives them, else their pull`, async () => {
    const script = `
      for (const mode of [0, 1, 2, 3, 4]) native.pinMode(16 + mode, mode, 1);
      tell([16, 17, 18, 19, 20, 21].map((pin) => native.pinRead(pin)).join(""));
      native.pinWrite(19, 0);
      native.pinWrite(20, 0);
      tell([16, 17, 18, 19, 20].map((pin) => native.pinRead(pin)).join(""), code(() => native.pinWrite(16, 1)));`;
    const { told } = await run(script + IDLE, 10);
    expect(told).toEqual(["010110", "01000 -2"]);
  });
}
