// Proves each sentence of version 3 about the peripheral, in virtual time on the simulated air.

import { describe, expect, test } from "bun:test";
import { netnowKeys } from "../../device/netnow_codec.ts";
import { CHANNEL_MS, CHANNELS, WAKEUP_MS, WAKEUPS_HERE } from "../../device/netnow_peripheral.ts";
import {
  BACK3,
  BEACON3,
  CONFIRM3,
  DATA3,
  encodePairing,
  groupKey,
  REQUEST3,
  WAKEUP3,
} from "../../device/netnow3_codec.ts";
import { CONFIRM_MS, LOST_AFTER, RENEW_AFTER } from "../../device/netnow3_peripheral.ts";
import { hexOf, textBytes } from "../support/hex.ts";
import { number } from "../support/netnow3_bench.ts";
import { KEY_HEX, keys, OTHER, peripheralBench } from "../support/netnow3_roles.ts";

describe("a peripheral", () => {
  test("unpaired looks on all channels, and says nothing until it hears a beacon of its group", () => {
    const { chip, end } = peripheralBench([]);
    for (let step = 0; step < CHANNELS + 2; step++) {
      expect(native.espnowChannel()).toBe((step % CHANNELS) + 1);
      chip.run(CHANNEL_MS);
    }
    expect(end.heardAll).toEqual([]);
    end.channel = native.espnowChannel();
    end.say(encodePairing(groupKey(netnowKeys("key", "other")), BEACON3, number(0, 1), textBytes(OTHER)));
    chip.run(10);
    expect(end.heardAll).toEqual([]);
    end.say(encodePairing(groupKey(keys()), BEACON3, number(0, 1), textBytes(OTHER)));
    chip.run(10);
    expect(end.take(REQUEST3).length).toBe(1);
  });

  test("is ready when its wakeup is confirmed", () => {
    const { end, peripheral, confirm, ready, chip } = peripheralBench();
    expect([peripheral.ready, peripheral.send(textBytes("x"))]).toEqual([false, false]);
    confirm(0);
    expect([peripheral.ready, ready()]).toEqual([true, 1]);
    end.heardAll.length = 0;
    chip.run(60_000);
    expect(end.heardAll).toEqual([]);
  });

  test("asks every 5 s, after four times on the next channel, and keeps the one where it is heard", () => {
    const { chip, end, peripheral, confirm } = peripheralBench();
    end.channel = 3;
    end.heardAll.length = 0;
    chip.run((WAKEUPS_HERE + 1) * WAKEUP_MS);
    expect(end.heardAll.length).toBe(1);
    confirm(0);
    expect([peripheral.ready, chip.nvs.get("netnow/channel")]).toEqual([true, "3"]);
  });

  test("a confirm of another frame, or one that comes too late, is none", () => {
    const { chip, end, peripheral, confirm } = peripheralBench();
    end.say(end.sealed(CONFIRM3, 1, 0, number(9, 9)));
    chip.run(CONFIRM_MS + 10);
    confirm(1);
    expect([peripheral.ready, peripheral.counts.of("unasked")]).toEqual([false, 2]);
  });

  test("tells whether the central has taken a message, one at a time", () => {
    const { chip, peripheral, confirm } = peripheralBench();
    confirm(0);
    const told: boolean[] = [];
    const send = () => peripheral.send(textBytes("x"), (taken) => told.push(taken));
    expect([send(), send()]).toEqual([true, false]);
    chip.run(10);
    confirm(1);
    expect([told, send()]).toEqual([[true], true]);
    chip.run(CONFIRM_MS + 10);
    expect(told).toEqual([true, false]);
    expect(() => peripheral.send(new Uint8Array(174))).toThrow("payload of 174 bytes");
  });

  test("a message sent again keeps its first number, another one has its own", () => {
    const { chip, end, peripheral, confirm } = peripheralBench();
    confirm(0);
    const tid = native.random(12);
    for (const each of [tid, tid, native.random(12)]) {
      peripheral.send(textBytes("x"), undefined, each);
      chip.run(CONFIRM_MS + 10);
    }
    const [first, second, third] = end.take(DATA3).map(({ frame, plain }) => ({
      number: hexOf(frame.slice(2, 10)),
      origin: hexOf((plain ?? new Uint8Array(8)).slice(0, 8)),
    }));
    expect(first?.origin).toBe(first?.number as string);
    expect(second?.origin).toBe(first?.number as string);
    expect(second?.number).not.toBe(first?.number);
    expect(third?.origin).toBe(third?.number as string);
  });

  test("begins a new session after three frames in vain, and looks for the central after twelve", () => {
    const { chip, end, peripheral, confirm } = peripheralBench();
    confirm(0);
    for (let count = 0; count < LOST_AFTER; count++) {
      expect(peripheral.send(textBytes("x"))).toBe(true);
      chip.run(CONFIRM_MS + 10);
    }
    const sessions = end.take(DATA3).map(({ frame }) => hexOf(frame.slice(2, 6)));
    expect(new Set(sessions).size).toBe(LOST_AFTER / RENEW_AFTER);
    expect(peripheral.ready).toBe(false);
    expect(end.take(WAKEUP3).length).toBe(2);
  });

  test("takes what is sent back once, in order, and only when it knows the central to be there", () => {
    const { chip, end, peripheral, back, confirm } = peripheralBench();
    const say = (session: number, count: number) => {
      end.say(end.sealed(BACK3, session, count, textBytes("hi")));
      chip.run(10);
    };
    say(9, 9);
    confirm(5);
    for (const count of [4, 5, 7, 7, 6, 8]) say(1, count);
    expect([back.length, peripheral.counts.of("replay"), peripheral.counts.of("unasked")]).toEqual([2, 4, 1]);
    expect(back[0]).toBe("hi -50");
  });

  test("keeps its pair while its central is away, but then takes any central of the group that there is", () => {
    const { chip, end, peripheral } = peripheralBench();
    const beacon = () => {
      end.channel = native.espnowChannel();
      end.say(encodePairing(groupKey(keys()), BEACON3, native.random(8), textBytes(OTHER)));
      chip.run(10);
      return end.take(REQUEST3).length;
    };
    expect(beacon()).toBe(0);
    chip.run((WAKEUPS_HERE + CHANNELS) * WAKEUP_MS);
    expect(beacon()).toBe(1);
    expect(peripheral.manager).toBe(OTHER);
  });

  test.each([
    ["no MAC", `nobody ${KEY_HEX}`],
    ["no key", `${OTHER} 00`],
    ["nothing", ""],
  ])("a pair in NVS with %s is none", (_, value) => {
    const { peripheral, end } = peripheralBench([["netnow/pair3", value]]);
    expect([peripheral.manager, end.heardAll]).toEqual([undefined, []]);
  });

  test("pair() forgets the central", () => {
    const { chip, peripheral, confirm } = peripheralBench();
    confirm(0);
    peripheral.pair();
    expect([peripheral.ready, peripheral.manager, chip.nvs.has("netnow/pair3")]).toEqual([false, undefined, false]);
  });
});
