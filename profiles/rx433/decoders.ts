// Codes of 433 MHz key fobs as edge timings: EV1527 and HT6P20. Pure; receiving is rx433.ts.

/** Bit 15 of an edge is the level, the rest its length in microseconds (device/native.d.ts, edgesOpen). */
const LEVEL = 0x8000;
const LENGTH = 0x7fff;

const EDGE_MIN_US = 150;
const EDGE_MAX_US = 1500;
/** Of each bit's time, as a share of their mean. */
const TOLERANCE = 0.15;
/** Fewer edges than this behind a pre-amble are no code of either kind. */
export const EDGES_MIN = 48;

const EV1527_BITS = 24;
const HT6P20_BITS = 28;
/** The anti-code: the lowest bits of a good HT6P20 code. */
const ANTI_CODE = 0b0101;

/** `EV1527:code` or `HT6P20:code` of the edges behind a pre-amble; undefined when they are neither.
 *
 * Between two pre-ambles there are 49 edges of an EV1527: 24 bits, high then low, and the high pulse that begins the next pre-amble. There
 * are 57 of an HT6P20: the high pulse that ends the pilot, then 28 bits, low then high. HT6P20 is tried first, its suffix makes it surer. */
export function decodeEdges(edges: Uint8Array): string | undefined {
  const ht6p20 = bitsFrom(edges, 1, HT6P20_BITS, 0);
  if (ht6p20 !== undefined && (ht6p20 & 15) === ANTI_CODE) return `HT6P20:${ht6p20}`;
  const ev1527 = bitsFrom(edges, 0, EV1527_BITS, LEVEL);
  return ev1527 === undefined ? undefined : `EV1527:${ev1527}`;
}

/** `count` bits of two edges each from edge `start` on, the first edge of each at level `first`; long then short is 1. */
function bitsFrom(edges: Uint8Array, start: number, count: number, first: number): number | undefined {
  const end = start + 2 * count;
  if (edges.length < 2 * end) return undefined;
  let totalUs = 0;
  for (let index = start; index < end; index++) {
    const edge = edgeAt(edges, index);
    const us = edge & LENGTH;
    const level = (index - start) % 2 === 0 ? first : LEVEL - first;
    if ((edge & LEVEL) !== level || us < EDGE_MIN_US || us > EDGE_MAX_US) return undefined;
    totalUs += us;
  }
  const meanUs = totalUs / count;
  let code = 0;
  for (let index = start; index < end; index += 2) {
    const a = edgeAt(edges, index) & LENGTH;
    const b = edgeAt(edges, index + 1) & LENGTH;
    if (Math.abs(a + b - meanUs) > TOLERANCE * meanUs) return undefined;
    code = code * 2 + (a > b ? 1 : 0);
  }
  return code;
}

function edgeAt(edges: Uint8Array, index: number): number {
  return (edges[2 * index] as number) | ((edges[2 * index + 1] as number) << 8);
}

/** How long a burst lasted, in milliseconds. */
export function lengthMs(edges: Uint8Array): number {
  let us = 0;
  for (let index = 0; 2 * index < edges.length; index++) us += edgeAt(edges, index) & LENGTH;
  return us / 1000;
}
