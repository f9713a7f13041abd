// Proves the tool's side of updates over ESP-NOW against a gateway and a scale in memory: what it leaves at the central, and what it makes of reports.

import { beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { decodeBundle } from "../../tools/lib/bundle.ts";
import type { LinkClient } from "../../tools/lib/link_client.ts";
import { MailWatch } from "../../tools/lib/mail_watch.ts";
import { bundleParcel, sendVia, type ViaEvent } from "../../tools/lib/via_central.ts";
import { bundleOf, KEY, MailHouse, nameOf, SENSOR_MAC } from "../../tools/sim/mail_house.ts";
import type { Program } from "../../tools/sim/memory_native.ts";
import { profileProgram, profileScript } from "../support/profile_device.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

let manager: Program;
let script: string;
beforeAll(async () => {
  [manager, script] = await Promise.all([profileProgram("scale_manager"), profileScript("scale_sensor")]);
});

/** Updates with the house's time running on after the mail was left. */
async function update(bundle: Uint8Array, key = KEY) {
  const house = new MailHouse(manager, script, 0.3);
  house.run(5 * 60_000);
  const watch = new MailWatch("Manager", key);
  const feed = () => {
    for (const [topic, payload] of house.retained) watch.message(`stat/Manager/${topic}`, payload);
  };
  feed();
  if (watch.report === undefined) return undefined;
  const decoded = decodeBundle(bundle);
  if (typeof decoded === "string") throw new Error(decoded);
  const events: ViaEvent[] = [];
  const client = {
    putFile: async (name: string, bytes: Uint8Array) => void house.manager.files.set(name, new Uint8Array(bytes)),
    close: () => {},
  };
  // The chip in memory runs bundles of every engine, and tells one of its own.
  const header = { ...decoded.header, engineId: watch.report.engineId, apiHash: watch.report.apiHash };
  const outcome = await sendVia({
    watch,
    otakey: KEY,
    parcel: bundleParcel(watch.report, header, bundle, false),
    timeoutMs: 20_000,
    wait: true,
    now: () => 1,
    open: async () => client as unknown as LinkClient,
    onEvent: (event) => {
      events.push(event);
      if (event.event !== "posted") return;
      setTimeout(() => {
        for (let minute = 0; minute < 6 * 60; minute++) {
          house.run(60_000);
          feed();
        }
      }, 0);
    },
  });
  return { outcome, events };
}

test("a report under the device's key tells which device it is, and an update ends confirmed", async () => {
  const bundle = bundleOf(`${script}//new`);
  const done = await update(bundle);
  expect(done?.outcome).toMatchObject({ result: "confirmed", report: { bundle: nameOf(bundle) } });
  expect(done?.events[0]).toEqual({ event: "posted", mac: SENSOR_MAC, number: 1 });
});

test("a report under another key is nobody's", async () => {
  expect(await update(bundleOf(script), new Uint8Array(32))).toBeUndefined();
});

test("a bundle that throws ends rolled back, with the reason", async () => {
  const done = await update(bundleOf(`throw new Error("broken");${script}`));
  expect(done?.outcome).toMatchObject({
    result: "rolledBack",
    why: "crash",
    report: { bundle: nameOf(bundleOf(script)) },
  });
});

test("another profile is refused before anything is left", async () => {
  await expect(update(bundleOf(script, "energy"))).rejects.toThrow("--change-profile");
});
