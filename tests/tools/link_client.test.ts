// The real client and the device's real server over an in-memory network in virtual time: transfers, broken ones, and strangers.

import { expect, test } from "bun:test";
import { LinkClient } from "../../tools/lib/link_client.ts";
import { NoiseSession } from "../../tools/lib/noise.ts";
import { NO_BASE } from "../../tools/lib/patch_frames.ts";
import { KEY, LinkBench, makeBundle, pattern } from "../support/link_bench.ts";

const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString();
const WRONG = new Uint8Array(32).fill(9);

test("hello comes with the handshake", async () => {
  const client = await new LinkBench().open();
  expect(client.hello).toMatchObject({ link: 1, name: "meter", bundle: { profile: "test" } });
});

test("files go there and back", async () => {
  const bench = new LinkBench();
  const client = await bench.open();
  const content = pattern(200_000);
  const seen: number[] = [];
  await bench.drive(client.putFile("dir/a.bin", content, { onProgress: (done) => seen.push(done) }));
  expect(seen[0]).toBe(0);
  expect(seen.at(-1)).toBe(200_000);
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
  expect([...(await bench.drive(client.list()))]).toEqual([["dir/a.bin", 200_000]]);
  expect(Buffer.compare(await bench.drive(client.get("dir/a.bin")), content)).toBe(0);
  await bench.drive(client.remove("dir/a.bin"));
  expect(await bench.drive(client.hash("dir/a.bin"))).toBeUndefined();
});

test("an empty file, and one of exactly a window", async () => {
  const bench = new LinkBench();
  const client = await bench.open();
  for (const length of [0, 65536]) {
    await bench.drive(client.putFile("a", pattern(length)));
    expect((await bench.drive(client.get("a"))).length).toBe(length);
  }
});

test("set-up is two round trips: the connection's and the handshake's; a put and its content follow at once", async () => {
  const bench = new LinkBench();
  const wire = bench.wire();
  const client = await bench.open({}, wire);
  const [heard, sent] = [wire.heard.length, wire.sent.length];
  expect(heard).toBe(1); // the answer to the handshake is all that was waited for
  const put = client.putBundle(makeBundle(9000), { base: NO_BASE });
  await Promise.resolve();
  expect(wire.heard.length).toBe(heard);
  expect(wire.sent.length).toBeGreaterThanOrEqual(sent + 3); // put, content, commit
  await bench.drive(put);
});

test("60,000 bytes take three round trips and the way, not more", async () => {
  const bench = new LinkBench();
  bench.chip.net.latencyUs = 10_000;
  const beginUs = bench.chip.clock.nowUs;
  const client = await bench.open();
  await bench.drive(client.putFile("a", pattern(60_000)));
  // The in-memory network holds 16 KB a round trip, as a chip's TCP window does; the link itself waits for nobody.
  expect((bench.chip.clock.nowUs - beginUs) / 1000).toBeLessThan(200);
});

test("a bundle is committed and boots are left to the device", async () => {
  const bench = new LinkBench();
  const client = await bench.open();
  const bundle = makeBundle(30_000);
  await bench.drive(client.putBundle(bundle));
  expect(Buffer.compare(bench.chip.slots.slots[1]!.body, bundle.subarray(256))).toBe(0);
});

for (const piece of [1, 2, 3, 49, 50, 51, 1000]) {
  test(`messages that arrive in pieces of ${piece} bytes`, async () => {
    const bench = new LinkBench();
    bench.chip.net.maxPiece = piece;
    const client = await bench.open();
    await bench.drive(client.putFile("a", pattern(3000)));
    expect(Buffer.compare(bench.chip.files.get("a")!, pattern(3000))).toBe(0);
  });
}

test("reboot answers, announces and restarts as asked for", async () => {
  const bench = new LinkBench();
  const client = await bench.open();
  await bench.drive(client.reboot());
  client.close();
  bench.chip.run(5000);
  expect(bench.rebootsAnnounced).toBe(1);
  expect(bench.chip.resets).toEqual(["software"]);
  expect(bench.chip.native.resetAsked()).toBe(true);
});

test("reboot also when the client stays connected", async () => {
  const bench = new LinkBench();
  const client = await bench.open();
  await bench.drive(client.reboot());
  bench.chip.run(5000);
  expect(bench.chip.resets).toEqual(["software"]);
});

test("wrong key: clear words on both sides", async () => {
  const bench = new LinkBench();
  const failed = bench.open({ key: WRONG });
  await expect(failed).rejects.toThrow("the device does not know this key");
  expect(bench.refusals).toEqual(["handshake did not verify (wrong key?)"]);
  expect(bench.server.refused).toBe(1);
  expect((await bench.open()).hello.name).toBe("meter");
});

test("after ten wrong keys the socket is closed until the next open", async () => {
  const bench = new LinkBench();
  for (let i = 0; i < 10; i++) expect(await bench.failure(bench.open({ key: WRONG }))).toBe("key");
  expect(bench.server.isOpen).toBe(false);
  expect(await bench.failure(bench.open())).toBe("closed");
  bench.server.open();
  expect((await bench.open()).hello.name).toBe("meter");
});

test("a second client is told busy and the first goes on undisturbed", async () => {
  const bench = new LinkBench();
  const first = await bench.open();
  const putting = first.putFile("a", pattern(100_000));
  expect(await bench.failure(bench.open())).toBe("busy");
  expect(await bench.failure(bench.open())).toBe("busy");
  await bench.drive(putting);
  expect(bench.chip.files.get("a")?.length).toBe(100_000);
  expect(bench.refusals).toEqual(["second client"]);
  first.close();
  bench.chip.run(3000);
  expect((await bench.open()).hello.name).toBe("meter");
});

test("a client that comes as another hangs up is the next one, not a second one", async () => {
  const bench = new LinkBench();
  const first = await bench.open();
  first.close();
  const next = await bench.open();
  expect((await bench.drive(next.info())).firmware).toBeString();
  expect(bench.refusals).toEqual([]);
});

test("a silent client is dropped after ten seconds and another may come", async () => {
  const bench = new LinkBench();
  const silent = bench.wire();
  bench.chip.run(13_000);
  expect(silent.ended).toBe(true);
  expect(bench.refusals).toEqual(["no handshake in time"]);
  expect(bench.server.busy).toBe(false);
});

test("a recorded session played again is refused and changes nothing", async () => {
  const bench = new LinkBench();
  const wire = bench.wire();
  const client = await bench.open({}, wire);
  await bench.drive(client.putFile("a", pattern(3000)));
  client.close();
  bench.chip.run(3000);
  bench.chip.files.clear();
  const replay = bench.wire();
  for (const bytes of wire.sent) replay.send(bytes);
  bench.chip.run(3000);
  expect(bench.refusals).toEqual(["message did not verify"]);
  expect(bench.chip.files.size).toBe(0);
  expect(bench.server.sessions).toBe(1);
});

test("who is refused and goes on sending hears why, and is hung up on soon", async () => {
  const bench = new LinkBench();
  const wire = bench.wire();
  await bench.open({}, wire);
  const heard: number[] = [];
  wire.onData = (bytes) => heard.push(...bytes);
  wire.send(Uint8Array.of(0, 20, ...new Uint8Array(20)));
  for (let pieces = 0; pieces < 4; pieces++) {
    wire.send(new Uint8Array(4000));
    bench.chip.run(100);
    expect(wire.ended).toBe(false);
  }
  expect(heard.slice(-3)).toEqual([0, 0, 4]);
  bench.chip.run(2000);
  expect(wire.ended).toBe(true);
  (await bench.open()).close();
});

test("a played handshake that stays silent does not hold the device", async () => {
  const bench = new LinkBench();
  const wire = bench.wire();
  (await bench.open({}, wire)).close();
  bench.chip.run(3000);
  const replay = bench.wire();
  replay.send(wire.sent[0]!);
  bench.chip.run(12_000);
  expect(replay.ended).toBe(true);
});

test("every byte of the handshake message matters", async () => {
  const good = new NoiseSession({ initiator: true, psk: KEY, prologue: Buffer.from("hearth-link-1") }).write(
    new Uint8Array(0),
  );
  const bench = new LinkBench();
  for (let at = 0; at < good.length; at += 3) {
    const bad = Buffer.concat([Uint8Array.of(0, good.length), good]);
    bad[2 + at]! ^= 0x20;
    bench.server.open();
    const wire = bench.wire();
    wire.send(bad);
    bench.chip.run(2500);
    expect(text(wire.heard[0])).toBe("\0\0\x02");
  }
});

test("lengths of 0 and above the limit are refused before anything is read", async () => {
  for (const length of [0, 2048 + 65, 65535]) {
    const bench = new LinkBench();
    const wire = bench.wire();
    wire.send(Uint8Array.of(length >> 8, length & 255));
    bench.chip.run(2000);
    expect(text(wire.heard[0])).toBe("\0\0\x03");
    expect(wire.ended).toBe(true);
  }
});

test("junk never disturbs the device for longer than its own connection", async () => {
  const bench = new LinkBench();
  for (let seed = 0; seed < 9; seed++) {
    const wire = bench.wire();
    wire.send(pattern(500, seed));
    bench.chip.run(12_000);
    expect(wire.ended).toBe(true);
  }
  expect((await bench.open()).hello.name).toBe("meter");
});

for (const [what, change] of [
  ["a changed byte", (bytes: Uint8Array) => [bytes.with(20, bytes[20]! ^ 1)]],
  ["a repeated message", (bytes: Uint8Array) => [bytes, bytes]],
  ["a message left out", () => []],
] as const) {
  test(`${what} in the middle of a bundle: session over, running bundle untouched, then it goes on`, async () => {
    const bench = new LinkBench();
    const before = bench.chip.native.bundleInfo();
    const wire = bench.wire();
    const client = await bench.open({}, wire);
    let count = 0;
    wire.filter = (bytes, pass) => {
      for (const one of ++count === 20 ? change(bytes) : [bytes]) pass(one);
    };
    expect(await bench.failure(client.putBundle(makeBundle(60_000)))).toMatch(/protocol|closed/);
    expect(bench.refusals).toEqual(["message did not verify"]);
    expect(bench.chip.native.bundleInfo()).toEqual(before);
    const offsets: number[] = [];
    const again = await bench.open();
    await bench.drive(again.putBundle(makeBundle(60_000), { onProgress: (done) => offsets.push(done) }));
    expect(offsets[1]).toBeGreaterThan(30_000);
    expect(bench.chip.slots.slots[1]).toBeDefined();
  });
}

test("two messages in the wrong order end the session", async () => {
  const bench = new LinkBench();
  const wire = bench.wire();
  const client = await bench.open({}, wire);
  let kept: Uint8Array | undefined;
  let count = 0;
  wire.filter = (bytes, pass) => {
    if (++count === 5) kept = bytes;
    else pass(bytes);
    if (count === 6) pass(kept!);
  };
  expect(await bench.failure(client.putFile("a", pattern(30_000)))).toMatch(/protocol|closed/);
  expect(bench.chip.files.has("a")).toBe(false);
});

test("a broken connection: the client says so, the next attempt goes on where it was", async () => {
  const bench = new LinkBench();
  const wire = bench.wire();
  const client = await bench.open({}, wire);
  const content = pattern(150_000);
  const failed = bench.failure(
    client.putFile("a", content, { onProgress: (done) => void (done >= 65536 && wire.cut()) }),
  );
  expect(await failed).toBe("closed");
  expect(bench.chip.files.has("a")).toBe(false);
  const seen: number[] = [];
  const again = await bench.open();
  await bench.drive(again.putFile("a", content, { onProgress: (done) => seen.push(done) }));
  expect(seen[1]).toBeGreaterThanOrEqual(65536);
  expect(Buffer.compare(bench.chip.files.get("a")!, content)).toBe(0);
});

test("a restart in the middle: the next attempt goes on where it was", async () => {
  const bench = new LinkBench();
  const content = pattern(150_000);
  const client = await bench.open({ answerTimeoutMs: 2000 });
  let cut = false;
  const putting = client.putFile("a", content, {
    onProgress: (done) => {
      if (done < 65536 || cut) return;
      cut = true;
      void bench.chip.powerCut();
      bench.chip.start();
    },
  });
  expect(await bench.failure(putting)).toMatch(/closed|timeout/);
  bench.chip.run(3000);
  const seen: number[] = [];
  const again = await bench.open();
  await bench.drive(again.putFile("a", content, { onProgress: (done) => seen.push(done) }));
  expect(seen[1]).toBeGreaterThanOrEqual(65536);
});

test("a device that falls silent: the client gives up and says so", async () => {
  const bench = new LinkBench();
  const client = await bench.open({ answerTimeoutMs: 5000 });
  const asking = client.info();
  bench.chip.board.setNetwork(false);
  await bench.chip.powerCut();
  expect(await bench.failure(asking)).toMatch(/timeout|closed/);
});

test("wrong profile: refused with words on both sides, and with consent taken", async () => {
  const bench = new LinkBench();
  const client = await bench.open();
  const other = makeBundle(80_000, "other");
  await expect(bench.drive(client.putBundle(other))).rejects.toThrow("profile other on a device that runs test");
  expect(bench.refusals).toEqual(["profile other on a device that runs test"]);
  expect(bench.chip.slots.slots[1]).toBeUndefined();
  await bench.drive(client.putBundle(other, { changeProfile: true }));
  expect(bench.chip.slots.slots[1]).toBeDefined();
});

test("a corrupted bundle file: refused at commit, running bundle untouched, the right one passes afterwards", async () => {
  const bench = new LinkBench();
  const client = await bench.open();
  const bad = makeBundle(5000);
  bad[1000]! ^= 1;
  expect(await bench.failure(client.putBundle(bad))).toBe("unverified");
  expect(bench.chip.slots.slots[1]).toBeUndefined();
  await bench.drive(client.putBundle(makeBundle(5000)));
  expect(bench.chip.slots.slots[1]).toBeDefined();
});

test("an idle session ends after a minute, an idle socket after ten", async () => {
  const bench = new LinkBench();
  const client = await bench.open();
  bench.chip.run(58_000);
  expect(bench.server.busy).toBe(true);
  bench.chip.run(4000);
  expect(bench.server.busy).toBe(false);
  expect(await bench.failure(client.info())).toBe("closed");
  bench.chip.run(530_000);
  expect(bench.server.isOpen).toBe(true);
  bench.chip.run(10_000);
  expect(bench.server.isOpen).toBe(false);
});

test("a transfer that is going on is not cut when the ten minutes are over", async () => {
  const bench = new LinkBench();
  bench.chip.run(590_000);
  const client = await bench.open();
  for (let i = 0; i < 5; i++) {
    bench.chip.run(10_000);
    await bench.drive(client.info());
  }
  expect(bench.server.isOpen).toBe(true);
  client.close();
  bench.chip.run(3000);
  expect(bench.server.isOpen).toBe(false);
});

test("nothing listens before open, after close, and without a key", async () => {
  const shut = new LinkBench({ open: false });
  expect(await shut.failure(shut.open())).toBe("closed");
  shut.server.open();
  shut.server.close();
  expect(await shut.failure(shut.open())).toBe("closed");
  const keyless = new LinkBench({ key: undefined });
  expect(keyless.refusals).toEqual(["no otakey in the configuration"]);
  expect(await keyless.failure(keyless.open())).toBe("closed");
});

test("a device that is busy with answers nobody reads keeps its memory", async () => {
  const bench = new LinkBench();
  bench.chip.files.set("a", pattern(2048));
  const wire = bench.wire();
  const client = await bench.open({}, wire);
  const reads = Array.from({ length: 40 }, () => client.get("a"));
  for (const bytes of await bench.drive(Promise.all(reads))) expect(bytes.length).toBe(2048);
});

test("an answer from somebody without the key is not believed", async () => {
  const bench = new LinkBench();
  const wire = bench.wire();
  const opening = LinkClient.open(wire, { key: KEY, after: (ms, run) => bench.after(ms, run) });
  wire.onData(Buffer.concat([Uint8Array.of(0, 60), new Uint8Array(60)]));
  expect(await bench.failure(opening)).toBe("key");
});

test("an exception of the device's code ends the session only", async () => {
  const bench = new LinkBench();
  const errors: unknown[] = [];
  bench.loop.onError = (error) => errors.push(error);
  const client = await bench.open();
  const real = native.fileList;
  native.fileList = () => {
    throw new TypeError("bug");
  };
  expect(await bench.failure(client.list())).toBe("closed");
  native.fileList = real;
  expect(errors.length).toBe(1);
  expect((await bench.open()).hello.name).toBe("meter");
});
