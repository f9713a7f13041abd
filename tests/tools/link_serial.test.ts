// The real client and the device's real serial link over a cable in virtual time: quiet, with log lines, noisy, pulled, and restarts.

import { expect, test } from "bun:test";
import { encodeBundle } from "../../tools/lib/bundle.ts";
import { LinkClient } from "../../tools/lib/link_client.ts";
import { NO_BASE } from "../../tools/lib/patch_frames.ts";
import { SerialChannel } from "../../tools/lib/serial_channel.ts";
import type { Disturb } from "../../tools/sim/serial_cable.ts";
import { makeBundle, pattern } from "../support/link_bench.ts";
import { noise, SerialBench } from "../support/serial_bench.ts";

/** Loses the n-th frame that the tool sends. */
function lose(...numbers: number[]): Disturb {
  let count = 0;
  return (bytes) => (numbers.includes(++count) ? new Uint8Array(0) : bytes);
}

test("files and a bundle go there and back without a key", async () => {
  const bench = new SerialBench();
  const client = await bench.open();
  expect(client.hello).toMatchObject({ link: 1, name: "meter" });
  const content = pattern(20_000);
  const seen: number[] = [];
  await bench.drive(client.putFile("dir/a.bin", content, { onProgress: (done) => seen.push(done) }));
  expect(seen[0]).toBe(0);
  expect(seen.at(-1)).toBe(20_000);
  expect([...(await bench.drive(client.list()))]).toEqual([["dir/a.bin", 20_000]]);
  expect(Buffer.compare(await bench.drive(client.get("dir/a.bin")), content)).toBe(0);
  const bundle = makeBundle(30_000);
  await bench.drive(client.putBundle(bundle));
  expect(Buffer.compare(bench.chip.slots.slots[1]!.body, bundle.subarray(256))).toBe(0);
  expect(bench.link.refused).toBe(0);
});

test.each([[[]], [[3]], [[5, 6]]])("a bundle goes compressed, also when frames %j are lost", async (lost) => {
  const bench = new SerialBench();
  bench.toDevice = lose(...lost);
  const client = await bench.open();
  const body = Uint8Array.from({ length: 30_000 }, (_, at) => (at % 100 === 0 ? at >> 8 : at % 100));
  const fields = {
    profile: "test",
    version: "1",
    engineId: "0011223344556677",
    apiHash: "8899aabbccddeeff",
    bootPins: [],
  };
  await bench.drive(client.putBundle(encodeBundle(body, fields), { base: NO_BASE }));
  expect(client.contentSent).toBeLessThan(6000);
  expect(Buffer.compare(bench.chip.slots.slots[1]!.body, body)).toBe(0);
});

test("a quiet cable is used to 95 % and more", async () => {
  const bench = new SerialBench();
  const client = await bench.open();
  const beginUs = bench.chip.clock.nowUs;
  await bench.drive(client.putFile("a", pattern(50_000)));
  const seconds = (bench.chip.clock.nowUs - beginUs) / 1e6;
  expect(50_000 / (seconds * 11_520)).toBeGreaterThan(0.95);
});

test("an empty file, and requests made at the same time", async () => {
  const bench = new SerialBench();
  const client = await bench.open();
  const [, , info] = await bench.drive(
    Promise.all([client.putFile("a", new Uint8Array(0)), client.list(), client.info()]),
  );
  expect(info.firmware).toBe("0.1.0");
  expect(bench.chip.files.get("a")?.length).toBe(0);
});

test("log lines in the middle of a transfer reach the console and disturb nothing", async () => {
  const bench = new SerialBench();
  bench.loop.task(() => native.log("tick"), false).every(20);
  const channel = new SerialChannel(bench.plug(), (ms, run) => bench.after(ms, run));
  let text = "";
  channel.onText = (bytes) => {
    text += Buffer.from(bytes).toString();
  };
  const after = (ms: number, run: () => void) => bench.after(ms, run);
  const client = await bench.drive(LinkClient.greet(channel, { after }));
  await bench.drive(client.putFile("a", pattern(20_000)));
  expect(Buffer.compare(await bench.drive(client.get("a")), pattern(20_000))).toBe(0);
  expect(text.split("tick\r\n").length).toBeGreaterThan(100);
  expect(text.replaceAll("tick\r\n", "")).toBe("");
  expect(channel.junk).toBe(0);
});

test("what is typed during a transfer is taken as typed", async () => {
  const bench = new SerialBench();
  const channel = new SerialChannel(bench.plug(), (ms, run) => bench.after(ms, run));
  const client = await bench.drive(LinkClient.greet(channel, { after: (ms, run) => bench.after(ms, run) }));
  const putting = client.putFile("a", pattern(20_000));
  bench.after(500, () => channel.type("stats\r"));
  await bench.drive(putting);
  expect(bench.typed).toEqual(["stats"]);
});

for (const way of ["toDevice", "toTool"] as const) {
  for (const lost of [1, 2, 3, 4, 8, 22, 23, 24]) {
    test(`frame ${lost} is lost on its way ${way === "toDevice" ? "to the device" : "to the tool"}`, async () => {
      const bench = new SerialBench();
      bench[way] = lose(lost);
      const client = await bench.open();
      await bench.drive(client.putFile("a", pattern(20_000)));
      expect(Buffer.compare(bench.chip.files.get("a")!, pattern(20_000))).toBe(0);
    });
  }
}

for (const seed of [1, 2, 3, 4]) {
  test(`a byte in 3000 is disturbed in both directions, seed ${seed}`, async () => {
    const bench = new SerialBench();
    bench.toDevice = noise(seed, 3000);
    bench.toTool = noise(seed + 100, 3000);
    const client = await bench.open();
    const bundle = makeBundle(40_000);
    await bench.drive(client.putBundle(bundle));
    expect(Buffer.compare(bench.chip.slots.slots[1]!.body, bundle.subarray(256))).toBe(0);
    await bench.drive(client.putFile("a", pattern(10_000)));
    expect(Buffer.compare(await bench.drive(client.get("a")), pattern(10_000))).toBe(0);
    expect(bench.link.refused).toBeGreaterThan(0);
  });
}

test("a line on which nothing arrives whole is given up", async () => {
  const bench = new SerialBench();
  const client = await bench.open();
  bench.toDevice = noise(1, 2);
  await expect(bench.drive(client.list())).rejects.toThrow("does not answer");
  const other = new SerialBench();
  const second = await other.open();
  other.toDevice = noise(2, 300);
  await expect(other.drive(second.putFile("a", pattern(50_000)))).rejects.toThrow(/does not answer|so disturbed/);
  expect(other.chip.files.has("a")).toBe(false);
});

test("nobody there: an error that says so", async () => {
  const bench = new SerialBench();
  bench.toDevice = () => new Uint8Array(0);
  await expect(bench.open()).rejects.toThrow("the device does not answer on this port");
});

test("the device restarts in the middle: the same put goes on where it was", async () => {
  const bench = new SerialBench();
  const client = await bench.open();
  const seen: number[] = [];
  const putting = client.putFile("a", pattern(50_000), { onProgress: (done) => seen.push(done) });
  bench.after(2000, () => void bench.chip.pressReset());
  await bench.drive(putting);
  expect(Buffer.compare(bench.chip.files.get("a")!, pattern(50_000))).toBe(0);
  expect(bench.chip.resets).toEqual(["power on"]);
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
});

test("a cable pulled half way: the put fails, the old file stays, the next attempt goes on", async () => {
  const bench = new SerialBench();
  bench.chip.files.set("a", pattern(5, 7));
  const client = await bench.open();
  const putting = client.putFile("a", pattern(50_000));
  bench.after(2000, () => bench.unplug());
  await expect(bench.drive(putting)).rejects.toThrow("the serial port has gone: unplugged");
  expect(bench.chip.files.get("a")).toEqual(pattern(5, 7));
  const again = await bench.open();
  const seen: number[] = [];
  await bench.drive(again.putFile("a", pattern(50_000), { onProgress: (done) => seen.push(done) }));
  expect(seen[1]).toBeGreaterThan(10_000);
  expect(Buffer.compare(bench.chip.files.get("a")!, pattern(50_000))).toBe(0);
});

test("a name that would leave the files partition is refused before anything is sent to it", async () => {
  const bench = new SerialBench();
  const client = await bench.open();
  for (const name of ["../a", "/etc/a", "a/../b", "a//b", ".a", "a/", "", "a\0b", "x".repeat(64), "a\\b", "\u{fc}"])
    await expect(bench.drive(client.putFile(name, pattern(3000)))).rejects.toThrow(/bad file name|short put/);
  expect(bench.chip.files.size).toBe(0);
});

test("reboot is answered and carried out", async () => {
  const bench = new SerialBench();
  const client = await bench.open();
  await bench.drive(client.reboot());
  client.close();
  bench.chip.run(2000);
  expect(bench.chip.resets).toEqual(["software"]);
});
