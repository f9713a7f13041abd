// What the engine takes for constant lies in pages that the process cannot write: the program's image, the engine's names, the recovery bundles, the
// tables of built-in functions and of `native`. That a write there ends the process is the kernel's part (host_port: mapping is read only).

import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { has32BitParts } from "../../tools/lib/host_packages.ts";
import { buildNative, type NativeVariant } from "../../tools/lib/native_build.ts";
import { mustRun } from "../../tools/lib/run.ts";
import { partitionImage } from "../../tools/sim/flash_image.ts";
import { scriptBundle } from "../support/script_on_device.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

/** By symbol, what must be there so that a changed name is seen. */
const TABLES: [string, RegExp, number][] = [
  ["the engine's names", /^embedded_names$/, 1],
  ["the recovery bundles", /^embedded_recovery(_espnow)?$/, 2],
  ["the tables of built-in functions", /^js_\w+_(funcs|obj)$/, 40],
  ["the engine's classes", /^js_std_classes$/, 1],
  ["the tables of native", /^(entries|mod_\w+)(\.\w+)*$/, 20],
];

const folder = mkdtempSync(join(tmpdir(), "hearth-read-only-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const builds: [string, NativeVariant][] = [["64 bits", {}]];
if (await has32BitParts()) builds.push(["32 bits", { m32: true }]);
else console.warn("The 32-bit C library is not here: its pages are left out (see README.md).");

interface Pages {
  from: number;
  to: number;
  access: string;
  file: string;
}

/** The pages of a firmware that runs a program. */
async function running(hearth: string, flash: string): Promise<Pages[]> {
  await Bun.write(join(flash, "app_0.bin"), partitionImage((await scriptBundle("native.log('up');")).bundle, 1, true));
  const child = Bun.spawn([hearth, "--flash", flash], { stdin: "ignore", stdout: "pipe" });
  try {
    let said = "";
    for await (const piece of child.stdout) {
      said += Buffer.from(piece).toString();
      if (said.includes("done")) break;
    }
    const lines = readFileSync(`/proc/${child.pid}/maps`, "utf8").trim().split("\n");
    return lines.map((line) => {
      const [range = "", access = "", , , , file = ""] = line.split(/\s+/);
      const [from = 0, to = 0] = range.split("-").map((each) => Number.parseInt(each, 16));
      return { from, to, access, file: basename(file) };
    });
  } finally {
    child.kill();
    await child.exited;
  }
}

test.each(builds)("%s: what is constant cannot be written", async (name, variant) => {
  const { hearth } = await buildNative(variant);
  const pages = await running(hearth, join(folder, name.replace(" ", "_")));
  const base = pages.find(({ file }) => file === "hearth")?.from ?? 0;
  const symbols = (await mustRun("Listing the symbols", ["nm", hearth])).split("\n").map((line) => line.split(" "));
  // `d` too: a constant with addresses in it is written once, by the loader, and then protected. (`b`, all zero, is never a constant.)
  const data = symbols.filter(([, kind]) => kind !== undefined && /^[rRdD]$/.test(kind));
  const accessOf = (address: number) => pages.find(({ from, to }) => from <= address && address < to)?.access;
  for (const [what, wanted, atLeast] of TABLES) {
    const found = data.filter(([, , symbol]) => wanted.test(symbol ?? ""));
    expect([what, found.length >= atLeast]).toEqual([what, true]);
    for (const [address = "", , symbol] of found)
      expect([symbol, accessOf(base + Number.parseInt(address, 16))]).toEqual([symbol, "r--p"]);
  }
  // Once as flash that is erased and programmed, once as what the program is run from.
  expect(
    pages
      .filter(({ file }) => file === "app_0.bin")
      .map(({ access }) => access)
      .sort(),
  ).toEqual(["r--s", "rw-s"]);
});
