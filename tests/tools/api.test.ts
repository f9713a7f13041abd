// The native API's list is what a bundle is bound to, so the parser of native.d.ts must miss nothing.

import { expect, test } from "bun:test";
import { apiHash, parseApi, readApi } from "../../tools/lib/api.ts";

test("names and arities come out sorted, whatever the types look like", () => {
  const text = `
interface Other { not(): void; }
interface Native {
  /** a comment; with (brackets) */
  take(done: (a: number, b: number) => void, list: [number, string]): never;
  back(): [number, number]; // two(of, them)
  at(
    x: { a: number; b: string },
    y: Map<string, number>,
  ): void;
}
interface Behind { no(): void; }`;
  expect(parseApi(text)).toEqual(["at/2", "back/0", "take/2"]);
});

test("anything but functions is refused", () => {
  expect(() => parseApi("interface Native { count: number; }")).toThrow("only functions");
  expect(() => parseApi("interface Native { a(): void; a(x: number): void; }")).toThrow("twice");
  expect(() => parseApi("interface Native { a(): void;")).toThrow("not closed");
});

test("the hash is over the lines, so an arity changes it", () => {
  // printf 'a/1\nb/0\n' | sha256sum
  expect(apiHash(["a/1", "b/0"])).toBe(new Bun.CryptoHasher("sha256").update("a/1\nb/0\n").digest("hex").slice(0, 16));
  expect(apiHash(["a/1", "b/0"])).not.toBe(apiHash(["a/1", "b/1"]));
});

test("this checkout's native.d.ts is read whole", () => {
  const lines = readApi();
  expect(lines).toContain("onTurn/1");
  expect(lines).toContain("i2cTransfer/4");
  expect(lines.length).toBeGreaterThan(60);
});
