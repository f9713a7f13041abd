// The native API as device/native.d.ts declares it: names, arities, and the hash that binds a bundle to a firmware.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./paths.ts";

/** Sorted lines `name/arity` of the interface `Native` in the text of a declaration file. Throws on anything it cannot read. */
export function parseApi(text: string): string[] {
  const plain = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/\/\/.*$/gm, "");
  const start = plain.indexOf("interface Native {");
  if (start < 0) throw new Error("native.d.ts has no interface Native");
  const bodyStart = plain.indexOf("{", start) + 1;
  const lines: string[] = [];
  for (const member of splitTop(plain.slice(bodyStart, closing(plain, bodyStart)), ";")) {
    if (member.trim() === "") continue;
    const name = /^\s*([A-Za-z_$][\w$]*)\s*\(/.exec(member);
    if (name === null)
      throw new Error(`native.d.ts: only functions may be in the interface Native, not "${member.trim()}"`);
    const open = name[0].length;
    const parameters = splitTop(member.slice(open, closing(member, open)), ",").filter((part) => part.trim() !== "");
    lines.push(`${name[1]}/${parameters.length}`);
  }
  lines.sort();
  const repeated = lines.find((line, index) => line.split("/")[0] === lines[index + 1]?.split("/")[0]);
  if (repeated !== undefined) throw new Error(`native.d.ts declares ${repeated.split("/")[0]} twice`);
  return lines;
}

/** First 8 bytes of SHA-256 over the sorted lines, each with a newline, as hex. */
export function apiHash(lines: readonly string[]): string {
  const text = lines.map((line) => `${line}\n`).join("");
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/** The API of this checkout. */
export function readApi(path: string = join(ROOT, "device", "native.d.ts")): string[] {
  return parseApi(readFileSync(path, "utf8"));
}

/** Where the bracket that was open at `start` closes. */
function closing(text: string, start: number): number {
  let depth = 1;
  for (let index = start; index < text.length; index++) {
    if ("([{<".includes(text[index] as string)) depth++;
    else if (isClosing(text, index) && --depth === 0) return index;
  }
  throw new Error("native.d.ts: a bracket is not closed");
}

function splitTop(text: string, separator: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index < text.length; index++) {
    if ("([{<".includes(text[index] as string)) depth++;
    else if (isClosing(text, index)) depth--;
    else if (depth === 0 && text[index] === separator) {
      parts.push(text.slice(start, index));
      start = index + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

/** The `>` of an arrow `=>` closes nothing. */
function isClosing(text: string, index: number): boolean {
  return ")]}".includes(text[index] as string) || (text[index] === ">" && text[index - 1] !== "=");
}
