// Part `boot`: from the start of the process to the first turn and to the first publication, by this PC's clock and by the device's.

import { measuredDevice } from "./device.ts";
import { type Figure, median, type Part } from "./figure.ts";

const RUNS = 5;
const FIRST_TURN_LIMIT_MS = 60_000;

export const bootPart: Part = {
  name: "boot",
  title: "time from start to the first publication",
  async *measure(say) {
    const firstTurnMs: number[] = [];
    const publicationS: number[] = [];
    let powerOnS = 0;
    let restartS = 0;
    for (let run = 1; run <= RUNS; run++) {
      say(`boot: energy, ${run} of ${RUNS}`);
      const device = await measuredDevice({ profile: "energy" });
      const { machine, world, broker } = device.bench;
      try {
        const beganMs = performance.now();
        await machine.powerOn();
        await world.until(() => machine.idles > 0, FIRST_TURN_LIMIT_MS);
        firstTurnMs.push(performance.now() - beganMs);
        await device.connected();
        publicationS.push((performance.now() - beganMs) / 1000);
        powerOnS = (device.seen[0]?.ms ?? 0) / 1000;
        const from = device.seen.length;
        let resetMs = 0;
        machine.board.observe((event) => {
          if (event.kind === "reset") resetMs = world.clock.nowUs / 1000;
        });
        await broker?.publish("cmnd/bench/OTA", "reboot");
        await device.connected(from);
        restartS = ((device.seen.at(-1)?.ms ?? 0) - resetMs) / 1000;
      } finally {
        await device.close();
      }
    }
    const figure = (name: string, value: number, unit: string, method: string): Figure => ({
      key: `boot.energy.${name}`,
      value,
      unit,
      method,
      better: "lower",
    });
    const runs = `median of ${RUNS}`;
    yield figure("firstTurnMs", round(median(firstTurnMs), 1), "ms", `process start to the loop's first wait, ${runs}`);
    yield figure(
      "hostS",
      round(median(publicationS), 3),
      "s",
      `process start to first publication, time warped, ${runs}`,
    );
    yield figure("powerOnDeviceS", round(powerOnS, 2), "s", "the same by the device's clock, with its random 0..10 s");
    yield figure("restartDeviceS", round(restartS, 2), "s", "reset to publication after a restart, device's clock");
  },
};

export function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
