// Built-in classes that the engine makes on their first use (0005-lazy-classes.patch), asked for by a script on the host firmware.

import { expect, setDefaultTimeout, test } from "bun:test";
import { has32BitParts } from "../../tools/lib/host_packages.ts";
import { logged } from "../support/script_on_device.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

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
  expect(await logged(SCRIPT)).toEqual(EXPECTED);
});

test.skipIf(!(await has32BitParts()))("32 bits: each class works on its first use and is one class", async () => {
  expect(await logged(SCRIPT, { m32: true })).toEqual(EXPECTED);
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
  expect(await logged(script)).toEqual(["1", "2", "true", table, table, "done"]);
});
