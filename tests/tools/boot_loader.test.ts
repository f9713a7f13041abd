// The virtual boot loader against otadata as ESP-IDF writes it: every combination of the two entries' states, torn entries, broken images.

import { expect, test } from "bun:test";
import {
  bootSlot,
  OTA_STATE,
  OTADATA_BYTES,
  type OtaEntry,
  readEntry,
  withEntry,
} from "../../tools/sim/boot_loader.ts";

const BLANK = new Uint8Array(OTADATA_BYTES).fill(0xff);
const both = () => true;
const states = Object.values(OTA_STATE);

function otadata(...entries: (OtaEntry | undefined)[]): Uint8Array {
  let data: Uint8Array = BLANK;
  entries.forEach((entry, sector) => {
    if (entry !== undefined) data = withEntry(data, sector, entry);
  });
  return data;
}

test("golden: the entries of sequences 1 and 2", () => {
  const first = otadata({ sequence: 1, state: OTA_STATE.valid });
  expect(Buffer.from(first.subarray(0, 32)).toString("hex")).toBe(`01000000${"ff".repeat(20)}020000009a984347`);
  expect(first.subarray(32).every((byte) => byte === 0xff)).toBe(true);
  expect(readEntry(first, 0)).toEqual({ sequence: 1, state: 2 });
  expect(readEntry(first, 1)).toBeUndefined();
});

test("a blank chip boots slot 0 and calls it valid; without an image there slot 1", () => {
  const first = bootSlot(BLANK, both);
  expect([first.slot, readEntry(first.otadata, 0)]).toEqual([0, { sequence: 1, state: OTA_STATE.valid }]);
  const second = bootSlot(BLANK, (slot) => slot === 1);
  expect([second.slot, readEntry(second.otadata, 0)]).toEqual([1, { sequence: 2, state: OTA_STATE.valid }]);
  expect(bootSlot(BLANK, () => false)).toEqual({ slot: undefined, otadata: BLANK });
});

test("a trial that proves itself stays; one that does not is aborted at the next boot", () => {
  const valid = { sequence: 1, state: OTA_STATE.valid };
  const tried = bootSlot(otadata(valid, { sequence: 2, state: OTA_STATE.new }), both);
  expect([tried.slot, readEntry(tried.otadata, 1)?.state]).toEqual([1, OTA_STATE.pending]);
  const again = bootSlot(tried.otadata, both);
  expect([again.slot, readEntry(again.otadata, 1)?.state]).toEqual([0, OTA_STATE.aborted]);
  const kept = bootSlot(withEntry(tried.otadata, 1, { sequence: 2, state: OTA_STATE.valid }), both);
  expect([kept.slot, readEntry(kept.otadata, 1)?.state]).toEqual([1, OTA_STATE.valid]);
});

test("all states of both entries, either one newer: the newest usable entry boots, at most one becomes pending, none stays so", () => {
  for (const a of states) {
    for (const b of states) {
      for (const [first, second] of [
        [1, 2],
        [3, 2],
      ] as const) {
        const { slot, otadata: after } = bootSlot(
          otadata({ sequence: first, state: a }, { sequence: second, state: b }),
          both,
        );
        const usable = (state: number) =>
          state === OTA_STATE.new || state === OTA_STATE.valid || state === OTA_STATE.undefined;
        const candidates = [
          { sequence: first, state: a },
          { sequence: second, state: b },
        ].filter((entry) => usable(entry.state));
        const newest = candidates.sort((x, y) => y.sequence - x.sequence)[0];
        expect(slot).toBe(newest === undefined ? 0 : (newest.sequence - 1) % 2);
        const left = [readEntry(after, 0), readEntry(after, 1)];
        for (const [sector, before] of [a, b].entries()) {
          const now = left[sector]?.state;
          if (before === OTA_STATE.pending) expect(now).toBe(OTA_STATE.aborted);
          else if (before === OTA_STATE.new && newest?.sequence === (sector === 0 ? first : second))
            expect(now).toBe(OTA_STATE.pending);
          else expect(now).toBe(before);
        }
      }
    }
  }
});

test("an entry with any bit wrong in number or check does not count", () => {
  const good = otadata({ sequence: 1, state: OTA_STATE.valid }, { sequence: 2, state: OTA_STATE.valid });
  for (const byte of [0, 1, 2, 3, 28, 29, 30, 31]) {
    for (let bit = 0; bit < 8; bit++) {
      const torn = good.slice();
      torn[4096 + byte]! ^= 1 << bit;
      expect(readEntry(torn, 1)).toBeUndefined();
      expect(bootSlot(torn, both).slot).toBe(0);
    }
  }
});

test("an image that does not verify gives way to the other one, and is aborted at the next boot", () => {
  const data = otadata({ sequence: 1, state: OTA_STATE.valid }, { sequence: 2, state: OTA_STATE.new });
  const first = bootSlot(data, (slot) => slot === 0);
  expect([first.slot, readEntry(first.otadata, 1)?.state]).toEqual([0, OTA_STATE.pending]);
  const second = bootSlot(first.otadata, both);
  expect([second.slot, readEntry(second.otadata, 1)?.state]).toEqual([0, OTA_STATE.aborted]);
});
