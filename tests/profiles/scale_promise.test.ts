// Proves what both versions of ESP-NOW promise of a weight (docs/WIRE.md): what the gateway has confirmed reaches the broker exactly once, anything else at
// most once, whatever becomes of air, channel, network and the gateway's power at the worst moments.

import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { repeatable } from "../../tools/sim/random.ts";
import { profileProgram } from "../support/profile_device.ts";
import { ScaleHouse } from "../support/scale_house.ts";
import { HOUR_MS, week } from "../support/scale_week.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";
import { brokenPromises, mayBeLost } from "../support/weight_ledger.ts";

setDefaultTimeout(SLOW_TEST_MS);

/** More of them: SCALE_SEEDS=20 bun test tests/profiles/scale_promise.test.ts. One that fails goes into KNOWN. */
const SEEDS = Number(process.env["SCALE_SEEDS"] ?? 0);
const KNOWN: number[] = [2];
const seeds = [...new Set([...KNOWN, ...Array.from({ length: SEEDS }, (_, index) => index + 1)])];

const manager = profileProgram("scale_manager");
const sensor = profileProgram("scale_sensor");

function house(version: string, settings = {}, seed = 1): ScaleHouse {
  const made = new ScaleHouse(manager, sensor, settings, seed, "home", { manager: version, sensor: version });
  made.manager.start();
  made.run(30_000);
  made.sensor.start();
  return made;
}

const confirmed = (home: ScaleHouse) => home.ledger.messages.filter(({ confirmedMs }) => confirmedMs !== undefined);

describe.each(["2", "3"])("version %s", (version) => {
  test.each(seeds)("a week of 30 %% loss, cuts of power and lost networks around the weights, seed %d", (seed) => {
    const home = house(version, { loss: 0.3, ackLoss: 0.3, duplicate: 0.05, reorder: 0.05 }, seed);
    const chance = repeatable(seed);
    // Each frame with a weight has a chance that something happens to the gateway within two seconds.
    home.ledger.onSent = () => {
      if (chance() > 0.15) return;
      const what = chance();
      home.clock.after(Math.floor(chance() * 2e6), () => {
        if (what < 0.4) void home.manager.pressReset();
        else if (what < 0.6) home.cutManager();
        else {
          home.networkGone();
          const channel = what < 0.8 ? Math.ceil(chance() * 13) : undefined;
          home.clock.after(Math.floor(chance() * 20e6), () => home.networkBack(channel));
        }
      });
    };
    const weighed = week(home);
    expect(brokenPromises(home.ledger, home.brought(), home.gateway)).toEqual([]);
    expect(weighed.length).toBeGreaterThan(150);
    expect(confirmed(home).length).toBeGreaterThan(100);
    // Who confirms too little promises too little.
    expect(confirmed(home).length).toBeGreaterThan(weighed.length * 0.9);
  });

  test("a weight that comes while the gateway has no broker is published when it has one again", () => {
    const home = house(version);
    home.run(2 * 60_000);
    home.broker.stop();
    home.kg = () => 11;
    home.run(HOUR_MS);
    expect(confirmed(home).length).toBe(2);
    expect(home.brought()).toEqual(["Weight 12.500"]);
    home.broker.start();
    home.run(10 * 60_000);
    expect(home.brought()).toEqual(["Weight 12.500", "Weight 11.000"]);
  });

  test("only a loss of power before that loses it", () => {
    const home = house(version);
    home.run(2 * 60_000);
    home.networkGone();
    home.run(HOUR_MS);
    const { confirmedMs } = confirmed(home)[1] ?? {};
    home.cutManager();
    home.networkBack();
    home.run(10 * 60_000);
    expect(mayBeLost(confirmedMs as number, home.gateway)).toBe(true);
    expect(home.brought()).toEqual(["Weight 12.500"]);
    expect(brokenPromises(home.ledger, home.brought(), home.gateway)).toEqual([]);
  });
});

test("the ledger sees a weight that is lost, and one that counts twice", () => {
  const home = house("3");
  home.run(2 * 60_000);
  expect(brokenPromises(home.ledger, [], home.gateway)).toEqual([
    expect.stringMatching(/^Weight 12\.500 was confirmed at \d+ ms and is lost$/),
  ]);
  expect(brokenPromises(home.ledger, ["Weight 12.500", "Weight 12.500"], home.gateway)).toEqual([
    "Weight 12.500 was said 1 times and published 2 times",
  ]);
});
