// Cuts the power in the storage operations of an update over ESP-NOW, on the scale and on its gateway, in memory: the scale always comes back with
// the old bundle or the new one, the update goes on or ends taken back, and the next one arrives.

import { beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { bundleOf, MailHouse, nameOf } from "../../tools/sim/mail_house.ts";
import type { Program } from "../../tools/sim/memory_native.ts";
import { profileProgram, profileScript } from "../support/profile_device.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(2 * SLOW_TEST_MS);

const HOUR_MS = 3_600_000;
const OFF_MS = 1000;
/** What changes something that outlives a cut. */
const STORAGE = [
  "fileWrite",
  "fileSync",
  "fileRemove",
  "fileRename",
  "nvsSet",
  "nvsRemove",
  "slotBegin",
  "slotWrite",
  "slotCommit",
  "bundleConfirm",
] as const;
type Operation = (typeof STORAGE)[number];
type Side = "manager" | "sensor";
/** Of a run of equal operations one in so many is cut. */
const ONE_IN = 8;

interface Cut {
  /** Of the operations, from 0. */
  at: number;
  /** A write leaves half of its bytes; else the operation is done. */
  half: boolean;
}

const manager: Program = profileProgram("scale_manager");
let script = "";
let bundle: Uint8Array;
beforeAll(async () => {
  script = await profileScript("scale_sensor");
  bundle = bundleOf(`${script}//new`);
});

/** A house in which the update waits; operations are counted from then on. */
function houseWith(side: Side, cut: Cut | undefined) {
  const done: Operation[] = [];
  let counting = false;
  const lose = () => {
    const chip = house[side];
    void chip.powerCut();
    house.clock.after(OFF_MS * 1000, () => chip.start());
  };
  const hook = (native: Native) => {
    for (const name of STORAGE) {
      const call = native[name] as (...args: unknown[]) => unknown;
      const hooked = (...args: unknown[]) => {
        if (!counting) return call(...args);
        const due = cut?.at === done.length;
        done.push(name);
        if (due && cut?.half === true) args[args.length - 1] = halved(args.at(-1) as Uint8Array);
        const result = call(...args);
        if (due) lose();
        // The chip is off: whatever comes next throws, as this does.
        return due ? call(...args) : result;
      };
      Object.assign(native, { [name]: hooked });
    }
  };
  const house = new MailHouse(manager, script, 0, 1, undefined, "3", { [side]: hook });
  house.run(60_000);
  house.post(bundle);
  counting = true;
  return { house, done };
}

const halved = (bytes: Uint8Array) => bytes.subarray(0, bytes.length >> 1);
const runs = (house: MailHouse) => [house.report()?.bundle, house.report()?.state];
const confirmed = () => [nameOf(bundle), "permanent"];

/** The operations of an update in which nothing is cut. */
function operationsOf(side: Side): Operation[] {
  const { house, done } = houseWith(side, undefined);
  house.until(() => house.report()?.bundle === nameOf(bundle) && house.report()?.state === "permanent", 12 * HOUR_MS);
  expect(runs(house)).toEqual(confirmed());
  house.run(HOUR_MS);
  return [...done];
}

function cutsOf(operations: readonly Operation[]): Cut[] {
  const cuts: Cut[] = [];
  for (const [at, name] of operations.entries()) {
    const again = operations[at - 1] === name && operations[at + 1] === name;
    if (again && at % ONE_IN !== 0) continue;
    cuts.push({ at, half: false });
    if (name === "fileWrite" || name === "slotWrite") cuts.push({ at, half: true });
  }
  return cuts;
}

test.each(["sensor", "manager"] as const)("the %s without power in any storage operation", (side) => {
  const operations = operationsOf(side);
  const cuts = cutsOf(operations);
  expect(cuts.length).toBeGreaterThanOrEqual(side === "sensor" ? 80 : 3);
  const old = nameOf(bundleOf(script));
  let tookBack = 0;
  for (const cut of cuts) {
    const { house } = houseWith(side, cut);
    const where = `${side} cut in operation ${cut.at}, ${operations[cut.at]}${cut.half ? ", half" : ""}`;
    const settled = () =>
      (house.report()?.bundle === nameOf(bundle) && house.report()?.state === "permanent") ||
      house.report()?.rejected === nameOf(bundle);
    house.until(settled, 16 * HOUR_MS, 10_000);
    expect([where, settled()]).toEqual([where, true]);
    house.run(HOUR_MS + 60_000);
    if (house.report()?.rejected !== nameOf(bundle)) continue;
    // The power went while it was on trial.
    tookBack++;
    expect([where, ...runs(house), house.report()?.rejectedWhy]).toEqual([where, old, "permanent", "power"]);
    house.post(bundle, 2);
    house.until(
      () =>
        house.report()?.number === 2 &&
        house.report()?.state === "permanent" &&
        house.report()?.bundle === nameOf(bundle),
      16 * HOUR_MS,
      10_000,
    );
    expect([where, ...runs(house)]).toEqual([where, ...confirmed()]);
  }
  // The gateway is none of the trial's business.
  expect(tookBack > 0).toBe(side === "sensor");
});
