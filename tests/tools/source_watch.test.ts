// What `bun run dev` takes for a save: changed text, not every event of the file system.

import { afterEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SourceWatch } from "../../tools/lib/source_watch.ts";

let root = "";
let sources: SourceWatch | undefined;
afterEach(() => {
  sources?.close();
  rmSync(root, { recursive: true, force: true });
});

test("one that is touched, emptied or written again as it was is no save; what is removed is one", async () => {
  root = mkdtempSync(join(tmpdir(), "hearth-watch-"));
  mkdirSync(join(root, "device"));
  const path = (name: string) => join(root, "device", name);
  for (const name of ["a.ts", "b.ts", "c.txt"]) writeFileSync(path(name), "1");
  sources = new SourceWatch(root, ["device"]);
  const next = () => (sources as SourceWatch).next(new AbortController().signal);
  writeFileSync(path("a.ts"), "2");
  expect(await next()).toBe("device/a.ts");
  utimesSync(path("a.ts"), 1, 1);
  writeFileSync(path("a.ts"), "2");
  writeFileSync(path("c.txt"), "2");
  writeFileSync(path("b.ts"), "2");
  expect(await next()).toBe("device/b.ts");
  writeFileSync(path("b.ts"), "");
  rmSync(path("a.ts"));
  expect(await next()).toBe("device/a.ts");
});
