// What each source file of a bundle costs, so that an author sees it: its functions in flash, and the heap that they take once they are made.

import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";
import type { FunctionMap } from "./trace.ts";

export interface ModuleCost {
  /** Source file relative to the checkout, or REST. */
  module: string;
  functions: number;
  bundleBytes: number;
  /** Of a 32-bit chip, once each function has been made one time. */
  heapBytes: number;
}

/** What belongs to no file: names and texts, what the compiler adds. */
export const REST = "(names and texts)";

/** In a program image (native/quickjs/rom_function.h): header words and fields of a function, a constant, an outer variable. */
const FUNCTION_BYTES = 24 + 44;
const TABLE_ENTRY_BYTES = 8;
// Of our engine in a 32-bit build: a JSObject, whose properties are made on their first use; a pointer to each outer variable.
const OBJECT_BYTES = 36;
const CLOSURE_BYTES = 4;

/** Bytes of heap that a function takes once it is made, on a 32-bit chip. `closures`: variables of outer functions that it uses. */
export function functionHeapBytes(closures: number): number {
  return OBJECT_BYTES + closures * CLOSURE_BYTES;
}

/** Bytes of flash of a function: its byte code and what is beside it. */
export function functionFlashBytes(one: FunctionMap["functions"][number]): number {
  return one.length + tableBytes(one);
}

function tableBytes(one: FunctionMap["functions"][number]): number {
  return FUNCTION_BYTES + (one.constants + one.closures) * TABLE_ENTRY_BYTES + one.lineBytes;
}

/** Costs by file, the dearest bundle bytes first, REST last. `functions` and `map` are an artifact's; `bodyBytes` is the whole body. */
export function moduleCosts(functions: string, map: string, bodyBytes: number): ModuleCost[] {
  const trace = new TraceMap(map);
  const costs = new Map<string, ModuleCost>();
  const costOf = (module: string): ModuleCost => {
    const known = costs.get(module);
    if (known !== undefined) return known;
    const fresh: ModuleCost = { module, functions: 0, bundleBytes: 0, heapBytes: 0 };
    costs.set(module, fresh);
    return fresh;
  };
  let counted = 0;
  for (const one of (JSON.parse(functions) as FunctionMap).functions) {
    const files: string[] = [];
    for (const [index, [from, line, column]] of one.lines.entries()) {
      const to = one.lines[index + 1]?.[0] ?? one.length;
      const source = originalPositionFor(trace, { line, column: Math.max(0, column - 1) }).source ?? REST;
      costOf(source).bundleBytes += to - from;
      if (source !== REST && !files.includes(source)) files.push(source);
    }
    const tables = tableBytes(one);
    counted += one.length + tables;
    // The outermost function holds stretches of every file. Another one belongs to the file that it begins in; a second file is one
    // of which the minifier has taken something in.
    const owner = costOf(files.length > 2 ? REST : (files[0] ?? REST));
    owner.functions++;
    owner.bundleBytes += tables;
    owner.heapBytes += functionHeapBytes(one.closures);
  }
  costOf(REST).bundleBytes += bodyBytes - counted;
  const rank = (cost: ModuleCost) => (cost.module === REST ? -1 : cost.bundleBytes);
  return [...costs.values()].sort((a, b) => rank(b) - rank(a) || (a.module < b.module ? -1 : 1));
}
