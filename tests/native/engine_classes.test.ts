// Built-in classes that the engine makes on their first use (0005-lazy-classes.patch), asked for by a script on the host firmware.

import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { has32BitParts } from "../../tools/lib/host_packages.ts";
import { buildBundle, buildNative } from "../../tools/lib/native_build.ts";
import { partitionImage } from "../../tools/sim/flash_image.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** What a script logs up to the line `done`, on one build of the firmware. */
async function logged(script: string, m32: boolean): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), "hearth-script-"));
  folders.push(folder);
  const entry = join(folder, "main.ts");
  await Bun.write(entry, `${script}\nnative.log("done");\n`);
  const out = join(folder, "bundle.bin");
  const { bundle } = await buildBundle({ profile: "script", entry, out, store: join(folder, "store") });
  const flash = join(folder, "flash");
  mkdirSync(flash);
  await Bun.write(join(flash, "app_0.bin"), partitionImage(bundle, 1, true));
  const { hearth } = await buildNative({ m32 });
  const child = Bun.spawn([hearth, "--flash", flash], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  let text = "";
  for await (const piece of child.stdout) {
    text += Buffer.from(piece).toString();
    if (/^(done|boot: .* taken back)/m.test(text)) break;
  }
  child.kill();
  await child.exited;
  const lines = text.trim().split("\n");
  return lines.filter((line) => !line.startsWith("boot:"));
}

const SCRIPT = `
const show = (value: unknown) => native.log(String(value));
const before = new Uint8Array([1, 2, 3]);
show([...new Map([["a", 1], ["b", 2]])].join());
show([...new Set([1, 1, 2])].join());
const key = {};
show(new WeakMap([[key, 7]]).get(key));
show(new WeakSet([key]).has(key));
show(new Int16Array([70000, -1]).join());
show(new Float64Array(new Uint8Array([1, 2])).join());
show(new Uint8ClampedArray([300]).join());
const view = new DataView(before.buffer);
show(view.getUint16(0));
show(Object.getPrototypeOf(Int8Array) === Object.getPrototypeOf(Uint8Array));
show(before instanceof Uint8Array && !(before instanceof Int8Array));
show(new Int32Array(2).constructor === Int32Array);
show(Map === Map && new Map() instanceof Map);
show(Object.prototype.toString.call(new Map().entries()));
show(Float32Array.BYTES_PER_ELEMENT + Uint8Array.BYTES_PER_ELEMENT);
show(typeof SharedArrayBuffer);
`;
const EXPECTED = ["a,1,b,2", "1,2", "7", "true", "4464,-1", "1,2", "255", "258", "true", "true", "true", "true"].concat(
  "[object Map Iterator]",
  "5",
  "function",
  "done",
);

test("64 bits: each class works on its first use and is one class", async () => {
  expect(await logged(SCRIPT, false)).toEqual(EXPECTED);
});

test.skipIf(!(await has32BitParts()))("32 bits: each class works on its first use and is one class", async () => {
  expect(await logged(SCRIPT, true)).toEqual(EXPECTED);
});

test("names that are put together at run time are those that lie in flash", async () => {
  const script = `
const table: Record<string, number> = { filled: 1, toFixed: 2 };
const word = (a: string, b: string) => a + b;
native.log(String(table[word("fil", "led")]));
native.log(String(table[word("toFi", "xed")]));
native.log(String(Object.keys(table).join() === "filled,toFixed"));
table[word("new ", "name")] = 3;
native.log(JSON.stringify(table));
for (let round = 0; round < 3000; round++) {
  const scratch: Record<string, number> = {};
  for (let index = 0; index < 20; index++) scratch["name" + (round * 20 + index)] = index;
}
native.log(JSON.stringify(table));
`;
  const table = '{"filled":1,"toFixed":2,"new name":3}';
  expect(await logged(script, false)).toEqual(["1", "2", "true", table, table, "done"]);
});
