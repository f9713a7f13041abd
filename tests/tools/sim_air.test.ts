import { expect, test } from "bun:test";
import { Air, type AirFrame, BROADCAST, type Radio } from "../../tools/sim/air.ts";
import { SimClock } from "../../tools/sim/clock.ts";

class TestRadio implements Radio {
  channel = 6;
  longRange = false;
  readonly heardFrames: string[] = [];
  constructor(
    readonly mac: string,
    readonly clock: SimClock,
  ) {}

  heard(frame: AirFrame, rssi: number): void {
    this.heardFrames.push(`${this.clock.nowUs} ${frame.from} ${rssi} ${Buffer.from(frame.bytes).toString()}`);
  }
}

const [A, B, C] = ["0200000000aa", "0200000000bb", "0200000000cc"] as const;

function bench(seed = 1) {
  const clock = new SimClock();
  const air = new Air(clock, seed);
  air.settings.jitterUs = 0;
  const radios = [A, B, C].map((mac) => new TestRadio(mac, clock)) as [TestRadio, TestRadio, TestRadio];
  for (const radio of radios) air.add(radio);
  const done: string[] = [];
  const send = (from: TestRadio, to: string, text: string) =>
    air.send(from, to, Buffer.from(text), (acknowledged) => done.push(`${clock.nowUs} ${text} ${acknowledged}`));
  return { clock, air, radios, done, send };
}

test("a broadcast is heard by all others on its channel and in its mode, after the delay", () => {
  const { clock, radios, done, send } = bench();
  const [a, b, c] = radios;
  send(a, BROADCAST, "one");
  c.channel = 7;
  clock.advanceTo(100_000);
  b.longRange = true;
  c.channel = 6;
  send(a, BROADCAST, "two");
  clock.advanceTo(200_000);
  expect(a.heardFrames).toEqual([]);
  expect(b.heardFrames).toEqual([`1000 ${A} -50 one`]);
  expect(c.heardFrames).toEqual([`101000 ${A} -50 two`]);
  expect(done).toEqual(["1000 one true", "101000 two true"]);
});

test("a unicast is heard and acknowledged by its receiver alone", () => {
  const { clock, radios, done, send } = bench();
  const [a, b, c] = radios;
  send(a, B, "yes");
  clock.advanceTo(100_000);
  b.channel = 0;
  send(a, B, "off");
  send(a, "0200000000dd", "nobody");
  clock.advanceTo(200_000);
  expect(b.heardFrames).toEqual([`1000 ${A} -50 yes`]);
  expect(c.heardFrames).toEqual([]);
  expect(done).toEqual(["1000 yes true", "121000 off false", "121000 nobody false"]);
});

test("a slow air acknowledges late, but it does", () => {
  const { clock, air, radios, done, send } = bench();
  air.settings.delayUs = 30_000;
  send(radios[0], B, "slow");
  clock.advanceTo(100_000);
  expect(done).toEqual(["30000 slow true"]);
});

test("a frame is on the channel that its sender had when it was sent", () => {
  const { clock, radios, send } = bench();
  const [a, b] = radios;
  send(a, BROADCAST, "kept");
  a.channel = 1;
  clock.advanceTo(2000);
  expect(b.heardFrames.length).toBe(1);
});

test("lost frames and lost acknowledgements come in the proportion that is set", () => {
  const { clock, air, radios, done, send } = bench();
  const [a, b] = radios;
  air.settings.loss = 0.3;
  air.settings.ackLoss = 0.1;
  for (let at = 0; at < 4000; at++) {
    send(a, B, "x");
    clock.advanceTo((at + 1) * 50_000);
  }
  expect(b.heardFrames.length / 4000).toBeCloseTo(0.7, 1);
  expect(done.filter((each) => each.endsWith("true")).length / b.heardFrames.length).toBeCloseTo(0.9, 1);
  expect(b.heardFrames.length).not.toBe(4000);
});

test("duplicates come twice, late frames behind the next one", () => {
  const { clock, air, radios, send } = bench();
  const [a, b, c] = radios;
  air.links.set(`${A}>${B}`, { duplicate: 1, rssi: -80 });
  air.links.set(`${A}>${C}`, { reorder: 1 });
  send(a, BROADCAST, "1");
  clock.advanceTo(10_000);
  air.links.delete(`${A}>${C}`);
  send(a, BROADCAST, "2");
  clock.advanceTo(100_000);
  const heard = (radio: TestRadio) => radio.heardFrames.map((each) => each.split(" ").slice(2).join(" "));
  expect(heard(b)).toEqual(["-80 1", "-80 1", "-80 2", "-80 2"]);
  expect(heard(c)).toEqual(["-50 2", "-50 1"]);
});

test("the same seed gives the same fate, whatever the order in which radios send; another seed another", () => {
  const fates = (seed: number, swap: boolean) => {
    const { clock, air, radios, send } = bench(seed);
    const [a, b, c] = radios;
    Object.assign(air.settings, { loss: 0.5, jitterUs: 3000, duplicate: 0.2, reorder: 0.2 });
    for (let at = 0; at < 50; at++) {
      const sends = [() => send(a, BROADCAST, `a${at}`), () => send(b, BROADCAST, `b${at}`)];
      for (const each of swap ? sends.reverse() : sends) each();
      clock.advanceTo((at + 1) * 10_000);
    }
    clock.advanceTo(1_000_000);
    return c.heardFrames;
  };
  expect(fates(7, false).length).toBeGreaterThan(20);
  expect(fates(7, true)).toEqual(fates(7, false));
  expect(fates(8, false)).not.toEqual(fates(7, false));
});

test("an observer sees every frame, also those that nobody hears", () => {
  const { air, radios, send } = bench();
  const seen: AirFrame[] = [];
  const end = air.observe((frame) => seen.push(frame));
  send(radios[0], "0200000000dd", "x");
  end();
  send(radios[0], BROADCAST, "y");
  expect(seen).toEqual([{ channel: 6, longRange: false, from: A, to: "0200000000dd", bytes: seen[0]!.bytes }]);
});
