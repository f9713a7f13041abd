// ESP-NOW as the bundle sees it, alike on the in-memory chip and the host firmware: both on the same Air.

import { expect, setDefaultTimeout, test } from "bun:test";
import { type Air, BROADCAST, type Radio } from "../../tools/sim/air.ts";
import { MACHINES, runHosts, UNIQUE_ID } from "../support/both_machines.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const PEER = "0200000000bb";

/** Another radio; it keeps what it hears. */
function peer(air: Air, channel: number, heard: string[]): Radio & { say(to: string, text: string): void } {
  const radio = {
    mac: PEER,
    channel,
    longRange: false,
    heard: (frame: { from: string; to: string; bytes: Uint8Array }, rssi: number) =>
      heard.push(`${frame.from} ${frame.to} ${rssi} ${Buffer.from(frame.bytes)}`),
    say: (to: string, text: string) => air.send(radio, to, Buffer.from(text), (done) => heard.push(`${text} ${done}`)),
  };
  air.add(radio);
  return radio;
}

const LISTEN = `
const text = (bytes) => native.decodeText(bytes, 0, bytes.length);
const listen = () => each(([kind, number, value, timeMs, data]) => {
  if (kind === 5) tell(kind, number, value, timeMs, hex(data.subarray(0, 6)), text(data.subarray(6)));
  else if (kind === 6) tell(kind, number, value, timeMs, data.length);
});
const send = (mac, frame) => code(() => native.espnowSend(unhex(mac), native.encodeText(frame)));
`;

for (const { name, run } of MACHINES) {
  test(`${name}: frames go out one at a time, and the end of each is an event`, async () => {
    const heard: string[] = [];
    const { told } = await run(
      `${LISTEN}
      tell(send("ffffffffffff", "too early"), native.espnowChannel());
      native.espnowOn(6, false);
      tell(native.espnowChannel(), send("ffffffffffff", "all"), send("ffffffffffff", "busy"));
      const next = ["${PEER} you", "0200000000cc nobody"];
      native.onTurn(() => {
        listen();
        if (native.now() >= 100 && next.length > 0) {
          tell(native.now(), send(...next.shift().split(" ")));
          return native.now() + 100;
        }
        return next.length > 0 ? 100 : Infinity;
      });`,
      1000,
      (_board, air) => {
        air.settings.jitterUs = 0;
        peer(air, 6, heard);
      },
    );
    expect(told).toEqual(["-5 0", "6 true false", "6 0 1 1 0", "100 true", "6 0 1 101 0", "101 true", "6 0 0 122 0"]);
    expect(heard).toEqual([`${UNIQUE_ID} ${BROADCAST} -50 all`, `${UNIQUE_ID} ${PEER} -50 you`]);
  });

  test(`${name}: frames come in with channel, RSSI and sender, as long as the radio is on their channel`, async () => {
    const heard: string[] = [];
    const { told } = await run(
      `${LISTEN}
      native.espnowOn(6, false);
      const steps = [[200, () => native.espnowOn(7, false)], [400, () => native.espnowOn(6, true)],
        [600, () => native.espnowOff()], [800, () => native.espnowOn(6, false)]];
      native.onTurn(() => {
        listen();
        while (steps.length > 0 && native.now() >= steps[0][0]) steps.shift()[1]();
        return steps.length > 0 ? steps[0][0] : Infinity;
      });`,
      2000,
      (board, air) => {
        air.settings.jitterUs = 0;
        air.links.set(`${PEER}>${UNIQUE_ID}`, { rssi: -71 });
        const other = peer(air, 6, heard);
        for (const ms of [100, 300, 500, 700, 900])
          board.clock.at(ms * 1000, () => other.say(ms === 100 ? BROADCAST : UNIQUE_ID, `at ${ms}`));
        board.clock.at(950_000, () => other.say(UNIQUE_ID, "x".repeat(250)));
      },
    );
    expect(told).toEqual([
      `5 6 -71 101 ${PEER} at 100`,
      `5 6 -71 901 ${PEER} at 900`,
      `5 6 -71 951 ${PEER} ${"x".repeat(250)}`,
    ]);
    const done = heard.filter((line) => line.startsWith("at"));
    expect(done).toEqual(["at 100 true", "at 300 false", "at 500 false", "at 700 false", "at 900 true"]);
  });

  test(`${name}: with channel 0 the radio follows the Wi-Fi station, which wins over a channel asked for`, async () => {
    const { told } = await run(
      `const show = () => tell(native.now() | 0, native.netState(), native.espnowChannel());
      native.espnowOn(0, false);
      show();
      native.netOn(0);
      native.netConnect("ssid", "password");
      let state = -1;
      native.onTurn(() => {
        each(() => {});
        if (native.netState() !== state) { state = native.netState(); show(); }
        if (state === 3) { native.espnowOn(3, false); show(); }
        if (state === 4) { native.espnowOn(0, false); show(); native.espnowOn(3, false); show(); native.netOff(); }
        return Infinity;
      });`,
      5000,
      (board) => {
        board.network.channel = 11;
        board.clock.at(3_000_000, () => board.setNetwork(false));
      },
    );
    expect(told).toEqual(["0 0 1", "0 2 1", "1500 3 11", "1500 3 11", "3000 4 3", "3000 4 3", "3000 4 3", "3000 0 3"]);
  });

  test(`${name}: mistakes are refused`, async () => {
    const { told } = await run(
      `native.espnowOn(1, false);
      const n = (length) => new Uint8Array(length);
      tell(code(() => native.espnowSend(n(5), n(1))), code(() => native.espnowSend(n(6), n(0))), code(() => native.espnowSend(n(6), n(251))),
        code(() => native.espnowSend(unhex("01005e000001"), n(1))));
      native.onTurn(() => Infinity);`,
      10,
    );
    expect(told).toEqual(["-2 -2 -2 -2"]);
  });
}

test("firmware processes on one air: the same seed tells the same story to the microsecond, another seed another", async () => {
  const sender = `${LISTEN}
    native.espnowOn(6, false);
    let count = 0;
    native.onTurn(() => {
      listen();
      while (count * 100 <= native.now()) send("ffffffffffff", "number " + count++);
      return count * 100;
    });`;
  const listener = `${LISTEN} native.espnowOn(6, false); native.onTurn(() => { listen(); return Infinity; });`;
  const story = (seed: number) =>
    runHosts(
      [sender, sender, listener],
      5000,
      (air) => Object.assign(air.settings, { loss: 0.3, duplicate: 0.1, reorder: 0.1 }),
      seed,
    );
  const first = await story(7);
  expect(first[2]?.length).toBeGreaterThan(40);
  expect(await story(7)).toEqual(first);
  expect(await story(8)).not.toEqual(first);
});
