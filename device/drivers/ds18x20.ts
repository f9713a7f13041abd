// DS18B20 and DS18S20 thermometers on a 1-Wire bus: search, conversion, scratchpads. Bit timing is in C; filtering is the profile's.
// Source: Maxim DS18B20 (19-7487) pages 5-15, application note 187 (search), application note 27 (CRC).

const SEARCH_ROM = 0xf0;
const MATCH_ROM = 0x55;
const SKIP_ROM = 0xcc;
const CONVERT_T = 0x44;
const READ_SCRATCHPAD = 0xbe;
/** The conversion of 12 bits takes at most 750 ms. */
export const CONVERT_MS = 1000;
export const DEVICES_MAX = 16;
const FAMILY_S20 = 0x10;
const FAMILY_B20 = 0x28;
const FAMILY_1822 = 0x22;
const ROM_LENGTH = 8;
const SCRATCHPAD_LENGTH = 9;

/** Degrees Celsius, or what went wrong. */
export type Ds18x20Answer = number | "bus" | "crc";

export class Ds18x20 {
  constructor(private readonly pin: number) {}

  /** The ROM codes (8 bytes each) of all thermometers; other devices, and codes with a bad CRC, are left out. At most DEVICES_MAX. */
  search(): Uint8Array[] {
    const found: Uint8Array[] = [];
    let rom = new Uint8Array(ROM_LENGTH);
    let lastFork = -1;
    for (let round = 0; round < DEVICES_MAX; round++) {
      if (!this.reset()) break;
      native.onewireWrite(this.pin, Uint8Array.of(SEARCH_ROM));
      const fork = this.walk(rom, lastFork);
      if (fork === undefined) break;
      if (crc8(rom, ROM_LENGTH) === 0 && isThermometer(rom[0] as number)) found.push(rom);
      if (fork < 0) break;
      rom = rom.slice();
      lastFork = fork;
    }
    return found;
  }

  /** Begins the conversion of all of them; CONVERT_MS later they can be read. False when none answers. */
  convert(): boolean {
    if (!this.reset()) return false;
    native.onewireWrite(this.pin, Uint8Array.of(SKIP_ROM, CONVERT_T));
    return true;
  }

  read(rom: Uint8Array): Ds18x20Answer {
    if (!this.reset()) return "bus";
    const question = new Uint8Array(2 + ROM_LENGTH);
    question[0] = MATCH_ROM;
    question.set(rom, 1);
    question[1 + ROM_LENGTH] = READ_SCRATCHPAD;
    native.onewireWrite(this.pin, question);
    return decodeScratchpad(rom[0] as number, native.onewireRead(this.pin, SCRATCHPAD_LENGTH));
  }

  /** A bus held low is one on which nobody answers. */
  private reset(): boolean {
    try {
      return native.onewireReset(this.pin);
    } catch (_) {
      return false;
    }
  }

  /** One pass over the tree of ROM codes, into `rom`: as before up to bit `lastFork`, there 1, behind it 0 where both are possible.
   * Returns the last bit where 0 was taken and 1 is left to try (-1: none), or undefined when nobody answered. */
  private walk(rom: Uint8Array, lastFork: number): number | undefined {
    let fork = -1;
    for (let bit = 0; bit < 8 * ROM_LENGTH; bit++) {
      const index = bit >> 3;
      const mask = 1 << (bit & 7);
      const before = ((rom[index] as number) & mask) !== 0;
      const wanted = bit < lastFork ? before : bit === lastFork;
      const answer = native.onewireTriplet(this.pin, wanted ? 1 : 0);
      if ((answer & 3) === 3) return undefined;
      const taken = (answer & 4) !== 0;
      if ((answer & 3) === 0 && !taken) fork = bit;
      rom[index] = taken ? (rom[index] as number) | mask : (rom[index] as number) & ~mask;
    }
    return fork;
  }
}

function isThermometer(family: number): boolean {
  return family === FAMILY_B20 || family === FAMILY_S20 || family === FAMILY_1822;
}

/** The temperature of a scratchpad of 9 bytes. */
export function decodeScratchpad(family: number, bytes: Uint8Array): Ds18x20Answer {
  let ones = 255;
  for (let index = 0; index < SCRATCHPAD_LENGTH; index++) ones &= bytes[index] as number;
  if (ones === 255) return "bus"; // nobody pulled the line down
  // Nine zero bytes have a good CRC: a line held low.
  if (crc8(bytes, SCRATCHPAD_LENGTH) !== 0 || bytes[4] === 0) return "crc";
  const raw = (((bytes[0] as number) | ((bytes[1] as number) << 8)) << 16) >> 16;
  if (family !== FAMILY_S20) return raw / 16;
  // Half degrees, made finer by COUNT REMAIN (byte 6) of COUNT PER C (byte 7).
  const per = bytes[7] as number;
  if (per === 0) return raw / 2;
  return (raw >> 1) - 0.25 + (per - (bytes[6] as number)) / per;
}

/** CRC of the 1-Wire parts (x^8 + x^5 + x^4 + 1, reflected); 0 over bytes that end with their own CRC. */
export function crc8(bytes: Uint8Array, length: number): number {
  let crc = 0;
  for (let index = 0; index < length; index++) {
    crc ^= bytes[index] as number;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) !== 0 ? (crc >> 1) ^ 0x8c : crc >> 1;
  }
  return crc;
}
