// Deep sleep and RTC memory, alike on the in-memory chip and the host firmware.

import { expect, setDefaultTimeout, test } from "bun:test";
import { MACHINES } from "../support/both_machines.ts";
import { freshNative } from "../support/fresh_native.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const SLEEPER = `
const rtc = native.rtcRead();
tell(native.resetReason(), native.resetAsked(), rtc.length, rtc[0], rtc[127], native.now() < 1000);
let awake = false;
native.onTurn(() => {
  if (!awake) { awake = true; return 2000; }
  const bytes = native.rtcRead();
  bytes[0] += 1;
  bytes[127] = 7;
  native.rtcWrite(bytes);
  if (bytes[0] === 3) native.restart("enough", true);
  native.deepSleep(3600000.5);
});
`;

for (const machine of MACHINES) {
  test(`${machine.name}: a sleep lasts its time, RTC memory survives it, RAM does not`, async () => {
    const { told, resets } = await machine.run(SLEEPER, 2 * 3_603_000, (board) => {
      board.clock.at(3_601_000_000, () => board.emit({ kind: "log", line: "> asleep" }));
      board.clock.at(3_602_100_000, () => board.emit({ kind: "log", line: "> awake" }));
    });
    expect(told).toEqual(["0 false 128 0 0 true", "asleep", "4 false 128 1 7 true", "awake", "4 false 128 2 7 true"]);
    expect(resets).toEqual(["deep sleep", "deep sleep"]);
  });

  test(`${machine.name}: RTC memory survives a restart that was asked for`, async () => {
    const { told, resets } = await machine.run(SLEEPER, 2 * 3_603_000 + 3_000);
    expect(told.at(-1)).toBe("1 true 128 3 7 true");
    expect(resets.slice(0, 3)).toEqual(["deep sleep", "deep sleep", "software"]);
  });

  test(`${machine.name}: mistakes are refused`, async () => {
    const { told } = await machine.run(
      `tell(code(() => native.deepSleep(-1)), code(() => native.deepSleep(NaN)), code(() => native.deepSleep(4e10)),
         code(() => native.rtcWrite(new Uint8Array(129))), code(() => native.rtcWrite(new Uint8Array(0))));
       native.onTurn(() => Infinity);`,
      10,
    );
    expect(told).toEqual(["-2 -2 -2 -2 "]);
  });
}

test("RTC memory is zero after power was lost", async () => {
  const chip = freshNative();
  chip.native.rtcWrite(Uint8Array.of(1, 2, 3));
  await chip.powerCut();
  await chip.powerOn();
  expect(chip.native.rtcRead()).toEqual(new Uint8Array(128));
});

test("the reset button wakes a chip that sleeps, at once and as after power-on", async () => {
  const reasons: number[] = [];
  const chip = freshNative({
    program: (native) => {
      reasons.push(native.resetReason());
      native.onTurn(() => native.deepSleep(3_600_000));
    },
  });
  chip.run(1000);
  await chip.pressReset();
  chip.run(1000);
  expect([reasons, chip.resets]).toEqual([
    [0, 0],
    ["deep sleep", "power on", "deep sleep"],
  ]);
  chip.run(3_600_000);
  expect(reasons).toEqual([0, 0, 4]);
});
