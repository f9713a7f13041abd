// Proves how entool reads a central's counts.

import { expect, test } from "bun:test";
import { countsSince, parseCounts } from "../../tools/lib/entool_stats.ts";

test("counts come from the line of `stats`, whatever stands around them", () => {
  expect(parseCounts("espnow sent 16 overruns 0 accepted 5 replay 1 tag 22 mail 0 refused 3")).toEqual({
    accepted: 5,
    replay: 1,
    tag: 22,
  });
  expect(parseCounts("espnow sent 16 overruns 0 accepted 5 mail 0 refused 0")).toEqual({ accepted: 5 });
  expect(parseCounts("espnow sent 1 overruns 0 accepted 0 hmac 2")).toEqual({ accepted: 0, hmac: 2 });
  for (const line of ["", "heap live 1 peak 2", "espnow sent 1", "my espnow accepted 1"])
    expect(parseCounts(line)).toBeUndefined();
});

test("what came on top: each reason that changed, and what was taken in any case", () => {
  expect(countsSince({ accepted: 5, replay: 1, tag: 2 }, { accepted: 5, replay: 9, tag: 2, hmac: 3 })).toEqual({
    accepted: 0,
    replay: 8,
    hmac: 3,
  });
});
