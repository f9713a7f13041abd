// Every profile's boot, connection and first publications with a collection before every object, watched by the sanitizers: what the firmware's C code
// or a patch does not hold while it needs it is found. CI takes the energy meter; GC_ALWAYS=all takes all, and the update too.

import { expect, setDefaultTimeout, test } from "bun:test";
import { measuredProfiles } from "../../tools/bench/device.ts";
import { live } from "../support/memory_sweep.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

const ALL = process.env["GC_ALWAYS"] === "all";
setDefaultTimeout(ALL ? 10 * SLOW_TEST_MS : SLOW_TEST_MS);

test.each(ALL ? measuredProfiles() : ["energy"])("a collection before every object: %s", async (profile) => {
  const { outcome, said } = await live(profile, { sanitize: true, gcAlways: true }, 0, ALL ? "update" : "publish");
  expect(outcome === "ran" ? [] : said).toEqual([]);
});
