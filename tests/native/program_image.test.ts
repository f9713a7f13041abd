// Programs that run from their image in flash (native/quickjs/program_image.c): what they compute is what another engine computes, back traces
// have lines, what cannot be constant data runs from the heap and says so, and an image that is none is refused.

import { expect, setDefaultTimeout, test } from "bun:test";
import { loadArtifact } from "../../tools/lib/artifacts.ts";
import type { BuiltBundle } from "../../tools/lib/build_bundle.ts";
import { encodeBundle, HEADER_BYTES } from "../../tools/lib/bundle.ts";
import { has32BitParts } from "../../tools/lib/host_packages.ts";
import type { NativeVariant } from "../../tools/lib/native_build.ts";
import { readableTrace } from "../../tools/lib/trace.ts";
import { consoleOf, logged, loggedBy, scriptBundle } from "../support/script_on_device.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const has32 = await has32BitParts();
const builds: [string, NativeVariant][] = [
  ["64 bits", {}],
  ["sanitizers", { sanitize: true }],
];
if (has32) builds.push(["32 bits", { m32: true }]);

const LANGUAGE = `
const show = (...values: unknown[]) => native.log(values.map((value) => String(value)).join(" "));
show(0.1 + 0.2, -0 === 0, 1e300 * 10, 5e-324, 1 / 0, 0 / 0, 4294967295, -2147483648, 2 ** 53);
show("123" + 4, { 123: "a" }["123"], "\\u00e9\\u20ac", "length".length, ["4294967295"].indexOf("4294967295"));
function counter(start: number, step = 1.5) {
  let value = start;
  return { next: () => (value += step), nested: () => () => () => value + start };
}
const one = counter(1), two = counter(10, 0.25);
show(one.next(), one.next(), two.next(), one.nested()()(), two.nested()()());
class Base {
  static made = 0;
  #secret = 7;
  constructor(public name: string) { Base.made++; }
  get secret() { return this.#secret; }
  set secret(value) { this.#secret = value; }
  tell() { return "base " + this.name; }
}
class Derived extends Base {
  tell() { return "derived of " + super.tell(); }
}
const derived = new Derived("x");
derived.secret += 0.5;
show(derived.tell(), derived.secret, Base.made, derived.constructor.length);
function* numbers(to: number) { for (let i = 0; i < to; i++) yield i * 1.5; }
show([...numbers(4)].join(), Array.from({ length: 3 }, (_, i) => i + "th").join());
const { a, ...rest } = { a: 1, b: 2, c: [3, 4] };
const [first, , third = 9.75] = [a, 2];
show(a, JSON.stringify(rest), first, third);
function ends(way: number): string {
  try {
    if (way === 0) throw new Error("thrown");
    if (way === 1) return "returned";
  } catch (thrown) {
    return (thrown as Error).message;
  } finally {
    if (way === 2) show("finally");
  }
  return "through";
}
show(ends(0), ends(1), ends(2));
const fib = function self(n: number): number { return n < 2 ? n : self(n - 1) + self(n - 2); };
show(fib(15), fib.length);
outer: for (let i = 0; ; i++) {
  for (const c of "abc") {
    if (c === "b" && i === 2) break outer;
    if (c === "c") continue outer;
    show(i, c);
  }
}
let kept: unknown[] = [];
for (let round = 0; round < 4000; round++) {
  const circle: { self?: unknown; run: () => number } = { run: () => round };
  circle.self = circle;
  if (round % 500 === 0) kept.push(circle.run());
}
show(kept.join());
function early(): number {
  const later = () => tooEarly++;
  try { later(); } catch (thrown) { show((thrown as Error).name); }
  let tooEarly = kept.length;
  return later();
}
show(early());
const words: Record<string, number> = { alpha: 1, "two words": 2, length: 3 };
const joined = (...parts: string[]) => words[parts.join("")];
show(joined("al", "pha"), joined("two ", "words"), joined("len", "gth"), joined("to", "String") === undefined);
const symbol = Symbol("alpha");
const marked = { [symbol]: 1, [Symbol.toStringTag]: "Marked", [Symbol.iterator]: () => [1, 2][Symbol.iterator]() };
show(String(marked), [...(marked as unknown as Iterable<number>)].join("-"), symbol.description, symbol === Symbol("alpha"));
const weak = new WeakMap<object | symbol, number>();
weak.set(Symbol.iterator, 4).set(symbol, 5);
show(weak.get(Symbol.iterator), weak.get(symbol), weak.delete(Symbol.iterator), weak.has(Symbol.iterator));
show(Symbol.for("alpha") === Symbol.for("alp" + "ha"), Symbol.keyFor(Symbol.for("beta")), Object.keys(words).join());
`;

/** What the engine that runs these tests makes of a script. */
function expected(script: string): string[] {
  const lines: string[] = [];
  const plain = new Bun.Transpiler({ loader: "ts" }).transformSync(script);
  new Function("native", plain)({ log: (line: string) => lines.push(line) });
  return [...lines, "done"];
}

test.each(builds)("%s: a program in flash computes what another engine computes", async (_, variant) => {
  expect(await logged(LANGUAGE, variant)).toEqual(expected(LANGUAGE));
});

const THROWS = `
function inner(value: number) {
  if (value > 1) {
    native.log("about to");
    throw new Error("too much");
  }
}
class Outer {
  run() {
    for (let i = 0; i < 3; i++) inner(i);
  }
}
try { new Outer().run(); } catch (thrown) { native.log(String((thrown as Error).stack)); }
`;

/** Frames of the back trace of THROWS, as the device has logged it. */
async function trace(built: BuiltBundle): Promise<string[]> {
  const lines = await loggedBy(built.bundle);
  return lines.filter((line) => line.startsWith("    at "));
}

test.each([false, true])("a back trace has functions and lines; plain bytecode: %p", async (plain) => {
  const built = await scriptBundle(THROWS, plain);
  const frames = await trace(built);
  expect(frames[1]).toMatch(/^ {4}at run \((bundle\.js:)?\d+:\d+\)$/);
  const artifact = loadArtifact(built.name, `${built.artifact}/..`);
  if (artifact === undefined) throw new Error("not stored");
  const lines = readableTrace(frames.join("\n"), artifact).split("\n");
  expect(lines.map((line) => /main\.ts:(\d+)\)$/.exec(line)?.[1])).toEqual(["5", "10", "13", undefined]);
});

test.each([
  [
    "a tagged template",
    "const tag = (texts: TemplateStringsArray) => texts.raw[0];\nnative.log(String(tag`a\\n`));",
    "a\\n",
  ],
  ["a BigInt", "native.log(String(12345678901234567890n + 1n));", "12345678901234567891"],
])("%s cannot be in flash: the build says so, and the program runs from the heap", async (what, script, line) => {
  const { bundle, notInFlash } = await scriptBundle(script);
  expect(notInFlash).toContain(what);
  const lines = await consoleOf(bundle);
  expect(lines.join("\n")).toContain("bytecode in flash: no");
  expect(lines.slice(-2)).toEqual([line, "done"]);
});

/** Byte offsets of the image's header (docs/WIRE.md). */
const [LENGTH, FIRST_ATOM, MAIN, NAMES] = [4, 8, 12, 16];
/** Byte offset of a number's group: a place, and the distances from it of 64 names. */
const groupOf = (slot: number) => NAMES + 8 + 130 * Math.floor(slot / 64);
const distanceOf = (slot: number) => groupOf(slot) + 2 + 2 * (slot % 64);
/** The first number that a name has. */
const firstSlot = (image: DataView) => {
  let slot = 0;
  while (image.getUint16(distanceOf(slot), true) === 0) slot++;
  return slot;
};
/** Byte offset of its string. */
const firstName = (image: DataView) => {
  const slot = firstSlot(image);
  return NAMES + 4 * (image.getUint16(groupOf(slot), true) + image.getUint16(distanceOf(slot), true));
};

/** All numbers are those of the first name. */
function fillPlaces(image: DataView): void {
  const place = (firstName(image) - NAMES) / 4;
  for (let slot = 0; slot < image.getUint32(NAMES, true); slot++) {
    image.setUint16(groupOf(slot), place - 1, true);
    image.setUint16(distanceOf(slot), 1, true);
  }
}

test.each<[string, (image: DataView) => void]>([
  ["another magic", (image) => image.setUint8(3, 0x32)],
  ["another length", (image) => image.setUint32(LENGTH, image.getUint32(LENGTH, true) + 4, true)],
  ["names with other numbers", (image) => image.setUint32(FIRST_ATOM, image.getUint32(FIRST_ATOM, true) + 1, true)],
  ["more names than there are", (image) => image.setUint32(NAMES, 0x8000, true)],
  ["no names", (image) => image.setUint32(NAMES, 0, true)],
  ["a number of names that is no power of two", (image) => image.setUint32(NAMES, 2047, true)],
  ["buckets", (image) => image.setUint32(NAMES + 4, 1, true)],
  ["no free number", (image) => fillPlaces(image)],
  ["a name outside", (image) => image.setUint16(distanceOf(firstSlot(image)), 0xffff, true)],
  ["a main function outside", (image) => image.setUint32(MAIN, image.getUint32(LENGTH, true), true)],
  ["a name that is too long", (image) => image.setUint32(firstName(image) + 4, 0x7ffffff0, true)],
  ["a name that is no constant", (image) => image.setUint32(firstName(image), 1, true)],
])("an image with %s is refused", async (_, damage) => {
  const { bundle, header } = await scriptBundle("native.log('ran');");
  const body = bundle.slice(HEADER_BYTES);
  damage(new DataView(body.buffer));
  const lines = await consoleOf(encodeBundle(body, header));
  expect(lines.join("\n")).toContain("the bundle cannot be loaded");
  expect(lines).not.toContain("ran");
});
