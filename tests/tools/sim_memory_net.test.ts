import { expect, test } from "bun:test";
import { SimClock } from "../../tools/sim/clock.ts";
import { type Endpoint, MemoryNet, WINDOW_BYTES } from "../../tools/sim/memory_net.ts";

function pair(): { clock: SimClock; net: MemoryNet; near: Endpoint; far: Endpoint } {
  const clock = new SimClock();
  const net = new MemoryNet(clock);
  let far: Endpoint | undefined;
  net.listen("10.0.0.1", 80, (end) => {
    far = end;
    return true;
  });
  const near = net.connect("10.0.0.1", 80);
  clock.advanceTo(10_000);
  return { clock, net, near, far: far as unknown as Endpoint };
}

test("a connection is open after a round trip, and bytes arrive in order after the latency", () => {
  const { clock, near, far } = pair();
  expect(near.state).toBe("open");
  near.send(Buffer.from("ab"));
  near.send(Buffer.from("cd"));
  clock.advanceTo(clock.nowUs + 999);
  expect(far.read().length).toBe(0);
  clock.advanceTo(clock.nowUs + 1);
  expect(Buffer.from(far.read()).toString()).toBe("abcd");
});

test("a connection to nobody is refused", () => {
  const clock = new SimClock();
  const end = new MemoryNet(clock).connect("10.0.0.9", 1);
  clock.advanceTo(10_000);
  expect(end.state).toBe("closed");
});

test("what is sent before a close arrives before the end of the stream", () => {
  const { clock, near, far } = pair();
  near.send(Buffer.from("last"));
  near.close();
  clock.advanceTo(clock.nowUs + 5000);
  expect(far.ended).toBe(false);
  expect(Buffer.from(far.read()).toString()).toBe("last");
  expect(far.ended).toBe(true);
});

test("a sender gets no more room than the window until the other end reads", () => {
  const { clock, near, far } = pair();
  const much = new Uint8Array(WINDOW_BYTES + 100);
  expect(near.send(much)).toBe(WINDOW_BYTES);
  clock.advanceTo(clock.nowUs + 5000);
  expect(near.send(much)).toBe(0);
  far.read();
  expect(near.send(much)).toBe(WINDOW_BYTES);
});

test("a silent end hears and says nothing, and the other one is not told", () => {
  const { clock, near, far } = pair();
  near.silent = true;
  near.send(Buffer.from("lost"));
  near.close();
  clock.advanceTo(clock.nowUs + 60_000_000);
  expect(far.state).toBe("open");
  expect(far.ended).toBe(false);
  expect(far.read().length).toBe(0);
});

test("pieces are as long as maxPiece says", () => {
  const { clock, net, near, far } = pair();
  net.maxPiece = 1;
  let wakes = 0;
  far.onWake = () => wakes++;
  near.send(Buffer.from("abc"));
  clock.advanceTo(clock.nowUs + 5000);
  expect(wakes).toBe(3);
});
