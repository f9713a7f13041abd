// Key fobs on 433 MHz as an OOK receiver hears them: EV1527 (Silvan Chip's datasheet) and HT6P20B (Holtek's), the levels of a button held
// for some frames. Noise is what a receiver hears when nobody sends.

import type { Level } from "../edge_cutter.ts";

/** EV1527: 20 bits of code and 4 of data, most significant first. A frame is 1 T high, 31 T low, then bits: 1 = 3 T high, 1 T low; 0 the
 * other way round. `unitUs`: T, 350 µs at usual oscillator resistors. */
export function ev1527(code: number, frames = 4, unitUs = 350): Level[] {
  const frame: Level[] = [
    [1, unitUs],
    [0, 31 * unitUs],
  ];
  for (let bit = 23; bit >= 0; bit--) {
    const long = ((code >> bit) & 1) === 1;
    frame.push([1, unitUs * (long ? 3 : 1)], [0, unitUs * (long ? 1 : 3)]);
  }
  return Array.from({ length: frames }, () => frame).flat();
}

/** HT6P20B: 22 bits of address and 2 of data, behind them the anti-code 0101. A frame is the pilot (23 λ low, 1 λ high), then bits: 1 = 2 λ
 * low, 1 λ high; 0 the other way round. `code`: all 28 bits, most significant first. `unitUs`: λ. */
export function ht6p20(code: number, frames = 4, unitUs = 450): Level[] {
  const frame: Level[] = [
    [0, 23 * unitUs],
    [1, unitUs],
  ];
  for (let bit = 27; bit >= 0; bit--) {
    const long = ((code >> bit) & 1) === 1;
    frame.push([0, unitUs * (long ? 2 : 1)], [1, unitUs * (long ? 1 : 2)]);
  }
  return Array.from({ length: frames }, () => frame).flat();
}

/** The same with each level shorter or longer by up to this share, as a receiver distorts it. */
export function jittered(levels: readonly Level[], share: number, random: () => number): Level[] {
  return levels.map(([level, us]) => [level, Math.round(us * (1 + share * (2 * random() - 1)))]);
}

/** What a receiver without a signal makes of the ether for about so long: short pulses without order. */
export function noise(lengthMs: number, random: () => number): Level[] {
  const levels: Level[] = [];
  for (let us = 0; us < lengthMs * 1000; ) {
    const next = 30 + Math.floor(random() ** 3 * 6000);
    levels.push([(levels.length & 1) as 0 | 1, next]);
    us += next;
  }
  return levels;
}
