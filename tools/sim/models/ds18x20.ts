// A DS18B20 or DS18S20 thermometer on a 1-Wire bus, after Maxim's datasheets (19-7487, 19-5474), bit by bit: ROM commands, search,
// conversion in its time, scratchpad with CRC. The part has its own supply; alarms are kept but never raised.

import type { SimClock } from "../clock.ts";
import type { Bit, OneWireDevice } from "../one_wire_bus.ts";
import { repeatable } from "../random.ts";

const DS18S20 = 0x10;
const DS18B20 = 0x28;
/** At 12 bits, and of a DS18S20. */
const CONVERSION_US = 750_000;

/** absent: no presence pulse and no word. crc: the scratchpad's check byte is wrong. noise: one bit read in fifty is wrong. dead: present,
 * but no conversion ever begins (the part keeps what it had). */
export type ThermometerFault = "none" | "absent" | "crc" | "noise" | "dead";
export const THERMOMETER_FAULTS: readonly ThermometerFault[] = ["none", "absent", "crc", "noise", "dead"];

type Phase = "idle" | "rom command" | "match" | "search" | "function" | "write" | "send" | "busy";

export class Ds18x20Model implements OneWireDevice {
  celsius = 21;
  fault: ThermometerFault = "none";
  /** Conversions begun. */
  conversions = 0;
  /** Family, serial number (least significant byte first), CRC: as on the wire. */
  readonly rom: Uint8Array;
  readonly #clock: SimClock;
  readonly #random = repeatable(1);
  readonly #scratchpad: Uint8Array;
  /** TH, TL and configuration as kept without power. */
  #eeprom = [0x4b, 0x46, 0x7f];
  #phase: Phase = "idle";
  #bits = 0;
  #value = 0;
  #sending: Uint8Array = new Uint8Array(0);
  #doneUs = 0;
  #converting = false;
  /** Search: 0 its bit, 1 the complement, 2 the master's choice. */
  #step = 0;

  /** `serial`: 48 bits. */
  constructor(clock: SimClock, serial: number, family: typeof DS18B20 | typeof DS18S20 = DS18B20) {
    this.#clock = clock;
    const body = [family, ...Array.from({ length: 6 }, (_, at) => Math.floor(serial / 256 ** at) & 0xff)];
    this.rom = Uint8Array.from([...body, crc8(body)]);
    this.#scratchpad =
      family === DS18S20
        ? Uint8Array.from([0xaa, 0x00, 0x4b, 0x46, 0xff, 0xff, 0x0c, 0x10])
        : Uint8Array.from([0x50, 0x05, 0x4b, 0x46, 0x7f, 0xff, 0x0c, 0x10]);
  }

  reset(): boolean {
    if (this.fault === "absent") return false;
    this.#finish();
    this.#expect("rom command");
    return true;
  }

  slot(bit: Bit): Bit {
    if (this.fault === "absent") return 1;
    const answer = this.#slot(bit);
    return this.fault === "noise" && bit === 1 && this.#random() < 0.02 ? ((1 - answer) as Bit) : answer;
  }

  #expect(phase: Phase): void {
    this.#phase = phase;
    this.#bits = 0;
    this.#value = 0;
    this.#step = 0;
  }

  #slot(bit: Bit): Bit {
    switch (this.#phase) {
      case "rom command":
        if (this.#byte(bit)) this.#romCommand(this.#value);
        return 1;
      case "match":
        // A part whose ROM differs waits for the next reset.
        if (bit !== this.#romBit()) this.#phase = "idle";
        else if (++this.#bits === 64) this.#expect("function");
        return 1;
      case "search":
        return this.#search(bit);
      case "function":
        if (this.#byte(bit)) this.#function(this.#value);
        return 1;
      case "write":
        this.#written(bit);
        return 1;
      case "send": {
        const at = this.#bits++;
        // Behind the last byte nobody pulls the line.
        return at >= this.#sending.length * 8 ? 1 : ((((this.#sending[at >> 3] as number) >> (at & 7)) & 1) as Bit);
      }
      case "busy":
        return this.#clock.nowUs < this.#doneUs ? 0 : 1;
      default:
        return 1;
    }
  }

  /** Takes a bit; true with the eighth, when `#value` is whole. */
  #byte(bit: Bit): boolean {
    this.#value |= bit << this.#bits++;
    return this.#bits === 8;
  }

  #romBit(): Bit {
    return (((this.rom[this.#bits >> 3] as number) >> (this.#bits & 7)) & 1) as Bit;
  }

  #romCommand(command: number): void {
    if (command === 0x33) this.#send(this.rom);
    else if (command === 0x55) this.#expect("match");
    else if (command === 0xf0) this.#expect("search");
    else if (command === 0xcc) this.#expect("function");
    else this.#expect("idle"); // also alarm search (0xEC): none is raised
  }

  #search(bit: Bit): Bit {
    const mine = this.#romBit();
    if (this.#step < 2) return (this.#step++ === 0 ? mine : 1 - mine) as Bit;
    this.#step = 0;
    if (bit !== mine) this.#phase = "idle";
    else if (++this.#bits === 64) this.#expect("idle");
    return 1;
  }

  #function(command: number): void {
    const pad = this.#scratchpad;
    this.#finish();
    if (command === 0xbe) {
      const crc = crc8([...pad]);
      this.#send(Uint8Array.from([...pad, this.fault === "crc" ? crc ^ 0x5a : crc]));
    } else if (command === 0x4e) this.#expect("write");
    else if (command === 0x44) {
      this.#expect("busy");
      if (this.fault === "dead") return;
      this.conversions++;
      this.#converting = true;
      this.#doneUs = this.#clock.nowUs + CONVERSION_US / (this.#isS ? 1 : 2 ** (12 - this.#resolution));
    } else {
      if (command === 0x48) this.#eeprom = [...pad.subarray(2, 5)];
      else if (command === 0xb8) pad.set(this.#isS ? this.#eeprom.slice(0, 2) : this.#eeprom, 2);
      // Also read power supply (0xB4): with its own supply the part lets the line go.
      this.#expect("idle");
    }
  }

  get #isS(): boolean {
    return this.rom[0] === DS18S20;
  }

  get #resolution(): number {
    return 9 + (((this.#scratchpad[4] as number) >> 5) & 3);
  }

  /** A conversion whose time is over leaves its result in the scratchpad. */
  #finish(): void {
    if (!this.#converting || this.#clock.nowUs < this.#doneUs) return;
    this.#converting = false;
    const pad = this.#scratchpad;
    let reading: number;
    if (this.#isS) {
      // TEMP_READ is the whole and half degrees; the counters carry the rest: T = TEMP_READ - 0.25 + (COUNT_PER_C - COUNT_REMAIN) / COUNT_PER_C.
      const sixteenths = Math.round(this.celsius * 16);
      const whole = Math.floor((sixteenths + 4) / 16);
      const remain = 16 - (sixteenths + 4 - whole * 16);
      reading = whole * 2 + (remain <= 8 ? 1 : 0);
      pad[6] = remain;
    } else reading = (Math.round(this.celsius * 16) >> (12 - this.#resolution)) << (12 - this.#resolution);
    pad[0] = reading & 0xff;
    pad[1] = (reading >> 8) & 0xff;
  }

  #written(bit: Bit): void {
    const size = this.#isS ? 2 : 3;
    if (this.#bits >= size * 8) return;
    const at = 2 + (this.#bits >> 3);
    if ((this.#bits & 7) === 0) this.#scratchpad[at] = 0;
    this.#scratchpad[at] = (this.#scratchpad[at] as number) | (bit << (this.#bits & 7));
    this.#bits++;
    // Of the configuration only R1 and R0 can be written.
    if (this.#bits === 24) this.#scratchpad[4] = ((this.#scratchpad[4] as number) & 0x60) | 0x1f;
  }

  #send(bytes: Uint8Array): void {
    this.#expect("send");
    this.#sending = bytes;
  }
}

/** CRC-8 of 1-Wire parts: x^8 + x^5 + x^4 + 1, least significant bit first (application note 27). */
export function crc8(bytes: readonly number[]): number {
  let crc = 0;
  for (const byte of bytes)
    for (let bit = 0; bit < 8; bit++) {
      const mix = (crc ^ (byte >> bit)) & 1;
      crc = (crc >> 1) ^ (mix ? 0x8c : 0);
    }
  return crc;
}
