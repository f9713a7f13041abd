// A battery scale and its gateway as processes of the host firmware, for half a day: paired from nothing, a weight an hour over an air that loses
// 30 %, while the gateway loses its power and the access point changes its channel. A week of the same, in memory, is tests/profiles/scale*.test.ts.

import { afterEach, expect, setDefaultTimeout } from "bun:test";
import { HostScale } from "../support/host_scale.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

const HOUR_MS = 3_600_000;
/** A week: SCALE_HOURS=168 bun test tests/e2e/scale.test.ts */
const HOURS = Number(process.env["SCALE_HOURS"] ?? 12);
const HALF_DAYS = Math.ceil(HOURS / 12);

setDefaultTimeout(HALF_DAYS * SLOW_TEST_MS);

let scale: HostScale;
afterEach(() => scale.close());

test.each(["2", "3"])(
  `${HOURS} hours over version %s: no weight counts twice, and hardly one is lost`,
  async (version) => {
    const settings = { loss: 0.3, ackLoss: 0.3, duplicate: 0.05, reorder: 0.05 };
    scale = await HostScale.make({ version, settings, ssid: "home" });
    const { manager, sensor } = scale;
    // A weight of its own for each wake-up.
    const weighed: string[] = [];
    let boots = -1;
    scale.kg = () => {
      if (sensor.resets.length !== boots) {
        boots = sensor.resets.length;
        weighed.push(`${(10 + weighed.length / 10).toFixed(1)}00`);
      }
      return 10 + (weighed.length - 1) / 10;
    };
    manager.board.network.channel = 6;
    await manager.powerOn();
    await scale.run(40_000);
    await sensor.powerOn();
    for (let hour = 0; hour < HOURS; hour++) {
      if (hour % 5 === 2) {
        await manager.powerCut();
        await manager.powerOn();
      }
      if (hour % 5 === 4) {
        manager.board.setNetwork(false);
        manager.board.network.channel = (hour % 13) + 1;
        await scale.run(1000);
        manager.board.setNetwork(true);
      }
      await scale.run(HOUR_MS);
    }
    const told = scale.of("Weight");
    expect(weighed.length).toBeGreaterThan(HOURS * 0.95 - 2);
    expect(new Set(told).size).toBe(told.length);
    for (const weight of told) expect(weighed).toContain(weight);
    // One for the gateway's power cuts and one for the air, for each half day.
    expect(weighed.length - told.length).toBeLessThanOrEqual(2 * HALF_DAYS);
  },
);
