// A battery scale and its gateway as processes of the host firmware, for half a day: paired from nothing, a weight an hour over an air that loses
// 30 %, while the gateway loses its power and the access point changes its channel, also just when a weight is on its way. A week of the same, in
// memory, is tests/profiles/scale*.test.ts.

import { afterEach, expect, setDefaultTimeout } from "bun:test";
import { HostScale } from "../support/host_scale.ts";
import { hostTest as test } from "../support/machine_under_test.ts";
import { growing, HOUR_MS } from "../support/scale_week.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";
import { brokenPromises } from "../support/weight_ledger.ts";

/** A week: SCALE_HOURS=168 bun test tests/e2e/scale.test.ts; it takes about 100 s of the processor a version. */
const HOURS = Number(process.env["SCALE_HOURS"] ?? 12);
const HALF_DAYS = Math.ceil(HOURS / 12);

setDefaultTimeout(HALF_DAYS * SLOW_TEST_MS);

let scale: HostScale;
afterEach(() => scale.close());

test.each(["2", "3"])(
  `${HOURS} hours over version %s: what was confirmed is there once, and hardly one weight is lost`,
  async (version) => {
    const settings = { loss: 0.3, ackLoss: 0.3, duplicate: 0.05, reorder: 0.05 };
    scale = await HostScale.make({ version, settings, ssid: "home" });
    const { manager, sensor } = scale;
    const { kg, weighed } = growing(sensor);
    scale.kg = kg;
    manager.board.network.channel = 6;
    let sending = false;
    scale.ledger.onSent = () => {
      sending = true;
    };
    await manager.powerOn();
    await scale.run(40_000);
    await sensor.powerOn();
    for (let hour = 0; hour < HOURS; hour++) {
      if (hour % 5 === 2) await scale.cutManager();
      if (hour % 5 === 4) await scale.changeChannel((hour % 13) + 1);
      sending = false;
      await scale.world.until(() => sending, HOUR_MS);
      if (hour % 4 === 1) await scale.cutManager();
      if (hour % 4 === 3) await scale.changeChannel(((5 * hour) % 13) + 1);
      await scale.run(HOUR_MS / 2);
    }
    const told = scale.of("Weight");
    expect(weighed.length).toBeGreaterThan(HOURS * 0.95 - 2);
    expect(brokenPromises(scale.ledger, scale.brought(), scale.gateway)).toEqual([]);
    for (const weight of told) expect(weighed).toContain(weight);
    // Four for the gateway that is gone while a weight is on its way, and one for the air, for each half day.
    expect(weighed.length - told.length).toBeLessThanOrEqual(5 * HALF_DAYS);
  },
);
