// Proves the reading of a coverage report, and that every reason is about a file that is there.

import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ranges, readLcov } from "../../tools/coverage.ts";
import { ROOT } from "../../tools/lib/paths.ts";
import reasons from "../uncovered.json";

test("lines that ran and lines that did not, of device/ and profiles/ only", () => {
  const report =
    "TN:\nSF:tools/a.ts\nDA:1,0\nend_of_record\nSF:profiles/p/p.ts\nDA:1,3\nDA:2,0\nend_of_record\nSF:device/b.ts\nDA:7,1\n";
  expect(readLcov(report)).toEqual([
    { file: "device/b.ts", lines: 1, ran: 1, missed: [] },
    { file: "profiles/p/p.ts", lines: 2, ran: 1, missed: [2] },
  ]);
});

test("neighbouring lines are told as one range", () => {
  expect(ranges([3, 4, 5, 9, 11, 12])).toBe("3-5, 9, 11-12");
  expect(ranges([])).toBe("");
});

test.each(Object.keys(reasons))("%s is there", (file) => {
  expect(existsSync(join(ROOT, file))).toBe(true);
});
