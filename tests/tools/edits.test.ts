// A change of one line sends less than 2 KB, wherever it is. The largest profile, in which most moves; the bench has the whole corpus.

import { expect, setDefaultTimeout, test } from "bun:test";
import { EDITED_PROFILES, measureEdits } from "../../tools/bench/edits.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

/** Everything is tried with HEARTH_ALL_EDITS=1. */
const all = process.env["HEARTH_ALL_EDITS"] === "1";

test("a change of one line sends less than 2 KB", async () => {
  const sizes: Record<string, number> = {};
  for (const profile of all ? EDITED_PROFILES : ["scale_manager"])
    for await (const { file, edit, bytes } of measureEdits(profile, all ? undefined : ["device/config.ts"]))
      sizes[`${edit} in ${file} of ${profile}`] = bytes;
  expect(Object.keys(sizes).length).toBeGreaterThanOrEqual(8);
  expect(Object.entries(sizes).filter(([, bytes]) => bytes >= 2048)).toEqual([]);
});
