// Proves each sentence of version 3 about the central, its pairs and the numbers of frames, in virtual time on the simulated air.

import { describe, expect, test } from "bun:test";
import { BEACON_MS, Netnow3Central } from "../../device/netnow3_central.ts";
import {
  ANSWER3,
  BACK3,
  BEACON3,
  basePoint,
  CONFIRM3,
  DATA3,
  encodePairing,
  groupKey,
  join,
  openPairing,
  pairKey,
  REQUEST3,
  transcript,
  WAKEUP3,
} from "../../device/netnow3_codec.ts";
import { Netnow3Numbers, SESSIONS_RESERVED } from "../../device/netnow3_numbers.ts";
import { forgetPeers, keepPeer, PEERS_MAX, peerKey } from "../../device/netnow3_peers.ts";
import { freshNative } from "../support/fresh_native.ts";
import { hexOf, textBytes } from "../support/hex.ts";
import { KEY3, netnow3Bench, number } from "../support/netnow3_bench.ts";
import { centralBench, KEY_HEX, keys, MINE, netnowKept, OTHER } from "../support/netnow3_roles.ts";

describe("numbers", () => {
  test("no number comes twice in the life of the NVS, wherever boots end", () => {
    const chip = freshNative();
    const seen = new Set<string>();
    let count = 0;
    for (let boot = 0; boot < 40; boot++) {
      const numbers = new Netnow3Numbers();
      for (let session = 0; session < boot * 20; session += 1 + (boot % 3)) {
        seen.add(hexOf(numbers.next()));
        seen.add(hexOf(numbers.next()));
        count += 2;
        numbers.renew();
      }
    }
    expect(seen.size).toBe(count);
    expect(Number(chip.nvs.get("netnow/sessions")) % SESSIONS_RESERVED).toBe(0);
  });

  test("power that goes while the reservation is written costs sessions at most", () => {
    const chip = freshNative();
    const seen: string[] = [];
    for (const written of [false, true, false, true, true]) {
      const real = native.nvsSet;
      (native as { nvsSet: Native["nvsSet"] }).nvsSet = (space, key, value) => {
        if (written) real(space, key, value);
        throw new Error("power");
      };
      expect(() => new Netnow3Numbers()).toThrow("power");
      (native as { nvsSet: Native["nvsSet"] }).nvsSet = real;
      seen.push(hexOf(new Netnow3Numbers().next()));
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(netnowKept(chip)).toEqual(["netnow/sessions"]);
  });

  test("a boot writes the NVS once, and 256 sessions once more", () => {
    freshNative();
    let writes = 0;
    const real = native.nvsSet;
    (native as { nvsSet: Native["nvsSet"] }).nvsSet = (...args) => {
      writes++;
      real(...args);
    };
    const numbers = new Netnow3Numbers();
    for (let session = 1; session < SESSIONS_RESERVED; session++) numbers.renew();
    expect(writes).toBe(1);
    numbers.renew();
    expect(writes).toBe(2);
  });

  test("when the last session is used up nothing is sent any more", () => {
    const chip = freshNative();
    chip.nvs.set("netnow/sessions", String(2 ** 32 - SESSIONS_RESERVED));
    expect(() => new Netnow3Numbers()).toThrow("no session is left");
  });
});

describe("pairs of a central", () => {
  const mac = (index: number) => `02:00:00:00:00:${(256 + index).toString(16).slice(1).toUpperCase()}`;

  test("beyond 32 the one made first leaves", () => {
    freshNative();
    for (let index = 0; index <= PEERS_MAX; index++) keepPeer(mac(index), KEY3);
    expect(peerKey(mac(0))).toBeUndefined();
    for (let index = 1; index <= PEERS_MAX; index++) expect(peerKey(mac(index))).toEqual(KEY3);
  });

  test("a new key takes the old one's place, not another one's", () => {
    const chip = freshNative();
    keepPeer(mac(1), KEY3);
    for (let count = 0; count < PEERS_MAX; count++) keepPeer(mac(2), KEY3);
    expect(peerKey(mac(1))).toEqual(KEY3);
    forgetPeers();
    expect(netnowKept(chip)).toEqual([]);
  });

  test("a file pair.txt makes it forget them all, once", () => {
    const nvs = [
      ["netnow3/all", "AABBCCDDEEFF "],
      ["netnow3/AABBCCDDEEFF", KEY_HEX],
    ] as const;
    const { chip } = netnow3Bench(true, (loop, radio) => new Netnow3Central(loop, radio, keys()), nvs, ["pair.txt"]);
    expect(netnowKept(chip)).toEqual(["netnow/sessions"]);
    expect(chip.files.has("pair.txt")).toBe(false);
  });
});

describe("a central", () => {
  test("says every 2 s that it is there, each time with another challenge", () => {
    const { chip, end } = centralBench();
    end.take(BEACON3);
    chip.run(10 * BEACON_MS);
    const challenges = end.take(BEACON3).map(({ frame }) => openPairing(groupKey(keys()), frame, 8, textBytes(MINE)));
    expect(challenges.length).toBe(10);
    expect(new Set(challenges.map((each) => hexOf(each as Uint8Array))).size).toBe(10);
  });

  test("confirms a wakeup and data once each, by their numbers, and hands the data on", () => {
    const { say, confirms, data } = centralBench();
    say(WAKEUP3, 5, 0);
    say(DATA3, 5, 1, join([number(5, 1), textBytes("hello")]));
    expect(confirms()).toEqual([hexOf(number(5, 0)), hexOf(number(5, 1))]);
    expect(data).toEqual([`${OTHER} hello`]);
    say(DATA3, 5, 1, join([number(5, 1), textBytes("hello")]));
    say(WAKEUP3, 5, 0);
    say(WAKEUP3, 4, 9);
    expect([confirms(), data.length]).toEqual([[], 1]);
  });

  test("confirms a message that comes again in a new frame, and does not hand it on again", () => {
    const { say, confirms, data } = centralBench();
    say(DATA3, 5, 1, join([number(5, 1), textBytes("hello")]));
    say(DATA3, 6, 0, join([number(5, 1), textBytes("hello")]));
    expect([confirms().length, data.length]).toEqual([2, 1]);
  });

  test("after a restart takes no frame of a session that it had begun with, and no message of one", () => {
    const { chip, say, data, confirms } = centralBench();
    say(DATA3, 5, 1, join([number(5, 1), textBytes("one")]));
    confirms();
    expect(chip.nvs.get("netnow3s/AABBCCDDEEFF")).toBe("5");
    const again = centralBench();
    again.chip.nvs.set("netnow3s/AABBCCDDEEFF", chip.nvs.get("netnow3s/AABBCCDDEEFF") as string);
    again.say(DATA3, 5, 2, join([number(5, 2), textBytes("two")]));
    again.say(DATA3, 6, 0, join([number(5, 2), textBytes("two")]));
    expect([again.data, again.central.counts.of("replay")]).toEqual([[], 2]);
    again.say(DATA3, 6, 1, join([number(6, 1), textBytes("three")]));
    expect([data.length, again.data]).toEqual([1, [`${OTHER} three`]]);
  });

  test("has a new session in NVS before it hands on what came in it", () => {
    const { chip, central, say } = centralBench();
    let kept: string | undefined;
    central.onData = () => {
      kept = chip.nvs.get("netnow3s/AABBCCDDEEFF");
    };
    say(DATA3, 9, 0, join([number(9, 0), textBytes("x")]));
    expect(kept).toBe("9");
  });

  test("counts what is of another type, too short, or of nobody it knows", () => {
    const { chip, central, end, say } = centralBench();
    say(CONFIRM3, 5, 0);
    say(DATA3, 5, 1, new Uint8Array(7));
    end.key = new Uint8Array(32);
    say(WAKEUP3, 5, 2);
    end.say(Uint8Array.of(3));
    end.say(Uint8Array.of(2, 1));
    chip.run(10);
    expect(central.counts.text()).toBe("accepted 0 type 2 tag 3");
  });

  test("sends back to who was heard since its boot, each with its own key, and to nobody else", () => {
    const { chip, central, end, say } = centralBench();
    expect(central.sendBack(textBytes("hi"))).toBe(true);
    chip.run(10);
    expect(end.take(BACK3)).toEqual([]);
    say(WAKEUP3, 5, 0);
    central.sendBack(textBytes("hi"));
    chip.run(10);
    expect(end.take(BACK3).map(({ plain, to }) => [Buffer.from(plain ?? []).toString(), to])).toEqual([
      ["hi", "aabbccddeeff"],
    ]);
  });

  test("pairs with who answers its newest beacon, once, and keeps the pair when its key was used", () => {
    const { chip, central, end, confirms } = centralBench(false);
    const group = groupKey(keys());
    const scalar = native.random(32);
    const point = native.x25519(scalar, basePoint()) as Uint8Array;
    const beacon = end.take(BEACON3).at(-1)?.frame as Uint8Array;
    const challenge = openPairing(group, beacon, 8, textBytes(MINE)) as Uint8Array;
    const request = encodePairing(group, REQUEST3, join([challenge, point]), textBytes(MINE + OTHER));
    end.say(request);
    end.say(request);
    chip.run(50);
    const answers = end.take(ANSWER3);
    expect([answers.length, central.counts.of("pair")]).toEqual([1, 1]);
    const seen = transcript(MINE, OTHER, challenge, point);
    const answer = openPairing(group, answers[0]?.frame as Uint8Array, 32, seen) as Uint8Array;
    end.key = pairKey(group, native.x25519(scalar, answer) as Uint8Array, seen, answer);
    expect(peerKey(OTHER)).toBeUndefined();
    end.say(end.sealed(WAKEUP3, 1, 0));
    chip.run(10);
    expect(confirms()).toEqual([hexOf(number(1, 0))]);
    expect(peerKey(OTHER)).toEqual(end.key);
    chip.run(BEACON_MS);
    end.say(request);
    chip.run(50);
    expect(end.take(ANSWER3)).toEqual([]);
  });
});
