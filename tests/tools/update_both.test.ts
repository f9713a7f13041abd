// Proves which firmware `ota` takes for a bundle, and what it refuses, before anything is sent.

import { expect, test } from "bun:test";
import type { DeviceVersion } from "../../tools/lib/device_access.ts";
import { UserError } from "../../tools/lib/errors.ts";
import type { FirmwareImage } from "../../tools/lib/firmware_image.ts";
import type { OtaBundle } from "../../tools/lib/ota_bundle.ts";
import { type FirmwareSource, planBoth } from "../../tools/lib/update_both.ts";
import type { Ids } from "../../tools/lib/update_plan.ts";

const A: Ids = { engineId: "a".repeat(16), apiHash: "1".repeat(16) };
const B: Ids = { engineId: "b".repeat(16), apiHash: "1".repeat(16) };
const C: Ids = { engineId: "a".repeat(16), apiHash: "2".repeat(16) };

function running(change: Partial<DeviceVersion> = {}): DeviceVersion {
  return {
    profile: "energy",
    version: "1",
    bundle: "oldb",
    slot: 0,
    state: "permanent",
    rejected: null,
    machine: "esp32",
    engine: A.engineId,
    api: A.apiHash,
    image: { hash: "old", slot: 0, state: "valid", rejected: null },
    ...change,
  };
}
function image(ids: Ids, name = "new", machine = "esp32"): FirmwareImage {
  return { ...ids, name, machine, version: "2", bytes: new Uint8Array() };
}
const bundle = (ids: Ids, name = "newb", profile = "energy"): OtaBundle =>
  ({ name, bytes: new Uint8Array(), header: { ...ids, profile } }) as OtaBundle;

/** Plans for a device; `own`: the checkout's firmware, undefined: there is none. */
async function plan(
  device: DeviceVersion,
  wanted: OtaBundle,
  given: FirmwareImage[] = [],
  own?: FirmwareImage,
  more: { force?: boolean; changeProfile?: boolean } = {},
): Promise<{ steps: string[]; image: string | undefined; asked: string[] }> {
  const asked: string[] = [];
  const source: FirmwareSource = {
    given,
    own: async (machine) => {
      asked.push(machine);
      if (own === undefined) throw new UserError("no firmware is built here");
      return own;
    },
  };
  const both = await planBoth("meter", device, wanted, source, { force: false, changeProfile: false, ...more });
  return { steps: both.steps, image: both.image?.name, asked };
}

test("a bundle that runs on the device's firmware goes alone, and no firmware is looked for", async () => {
  expect(await plan(running(), bundle(A))).toEqual({ steps: ["bundle"], image: undefined, asked: [] });
  expect((await plan(running(), bundle(A, "oldb"))).steps).toEqual([]);
});

test("with another engine or native API this checkout's firmware goes first", async () => {
  for (const ids of [B, C])
    expect(await plan(running(), bundle(ids), [], image(ids))).toEqual({
      steps: ["firmware", "bundle"],
      image: "new",
      asked: ["esp32"],
    });
});

test("the same program for another firmware is sent behind that", async () => {
  expect((await plan(running(), bundle(B, "oldb"), [], image(B))).steps).toEqual(["firmware", "bundle"]);
});

test("where there is no firmware that fits, it says what differs and what to do", async () => {
  await expect(plan(running(), bundle(C))).rejects.toThrow(
    `the firmware of meter does not run this bundle (native API ${A.apiHash} and ${C.apiHash}), and no firmware is built here`,
  );
  await expect(plan(running(), bundle(B), [], image(C))).rejects.toThrow("nor does this checkout's (engine ");
});

test("of several that are named the one for the machine is taken, and the checkout's is not asked for", async () => {
  const given = [image(A, "x", "esp32c3"), image(A, "y")];
  expect(await plan(running(), bundle(A), given, image(A))).toEqual({
    steps: ["firmware", "bundle"],
    image: "y",
    asked: [],
  });
  expect((await plan(running(), bundle(A, "oldb"), given)).steps).toEqual(["firmware"]);
  await expect(plan(running(), bundle(A), [image(A, "x", "esp32c3")])).rejects.toThrow("this firmware is for esp32c3");
});

test("a firmware that runs already is not sent again", async () => {
  expect((await plan(running(), bundle(A), [image(A, "old")])).steps).toEqual(["bundle"]);
});

test("--force sends the bundle again, behind a firmware too", async () => {
  expect((await plan(running(), bundle(A, "oldb"), [], undefined, { force: true })).steps).toEqual(["bundle"]);
  const both = await plan(running(), bundle(A, "oldb"), [image(A)], undefined, { force: true });
  expect(both.steps).toEqual(["firmware", "bundle"]);
});

test("a bundle of another profile is refused before its firmware is sent, unless it is meant or recovery runs", async () => {
  const other = bundle(B, "newb", "relay");
  await expect(plan(running(), other, [], image(B))).rejects.toThrow("add --change-profile if that is meant");
  const both = ["firmware", "bundle"];
  expect((await plan(running(), other, [], image(B), { changeProfile: true })).steps).toEqual(both);
  expect((await plan(running({ profile: "recovery", state: "recovery" }), other, [], image(B))).steps).toEqual(both);
});

test("a device that is on trial, or does not tell what it runs, gets no firmware", async () => {
  await expect(plan(running({ state: "trial" }), bundle(B), [], image(B))).rejects.toThrow("still on trial");
  const { engine: _, ...silent } = running();
  await expect(plan(silent, bundle(A))).rejects.toThrow("flash it over the cable");
});
