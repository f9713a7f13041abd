// What each class of a bundle and each table (an array or object of the outermost level) costs, so that an author sees what a line costs. Whole
// files are module_costs.ts's.

import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";
import { type AnyNode, type Class, parse } from "acorn";
import { functionFlashBytes } from "./module_costs.ts";
import type { FunctionMap } from "./trace.ts";

export interface PartCost {
  kind: "class" | "table";
  name: string;
  /** `file:line`, relative to the checkout. */
  place: string;
  /** Methods, accessors and the constructor of a class; entries of a table. */
  members: number;
  /** A class: its functions, and those within them. A table: what it adds to an image that has nothing of it, its texts included. */
  bundleBytes: number;
  /** Of a 32-bit chip once it is made, without what its functions make when they run. */
  heapBytes: number;
}

/** What a class has: the constructor does not count, it is the class. */
export interface ClassShape {
  methods: number;
  accessors: number;
  /** Static methods. */
  statics: number;
  fields: boolean;
}

// Of our engine in a 32-bit build, measured; tests/tools/part_costs.test.ts holds them to it.
const CLASS_BYTES = 120;
const FIRST_METHOD_BYTES = 52;
const METHOD_BYTES = 52;
const ACCESSOR_BYTES = 86;
const FIELDS_BYTES = 36;
const ARRAY_BYTES = 44;
const VALUE_BYTES = 8;
/** Up to so many entries an array has room for exactly them; more is half as much again. */
const ARRAY_EXACT = 4;
const OBJECT_BYTES = 36;
const FIRST_FIELD_BYTES = 44;
const FIELD_BYTES = 16;
const TYPED_ARRAY_BYTES = 128;

/** Bytes of heap of a class that nobody has made an object of; within a tenth, for its table grows by steps. */
export function classHeapBytes({ methods, accessors, statics, fields }: ClassShape): number {
  // Those of objects and those of the class are in two tables.
  const tables = (methods + accessors > 0 ? 1 : 0) + (statics > 0 ? 1 : 0);
  const functions = (methods + statics) * METHOD_BYTES + accessors * ACCESSOR_BYTES;
  return CLASS_BYTES + tables * FIRST_METHOD_BYTES + functions + (fields ? FIELDS_BYTES : 0);
}

/** Bytes of heap of an array of so many entries, without what they refer to. */
export function arrayHeapBytes(entries: number): number {
  let room = Math.min(entries, ARRAY_EXACT);
  while (room < entries) room = Math.floor(room * 1.5);
  return ARRAY_BYTES + room * VALUE_BYTES;
}

/** Bytes of heap of the only object with these fields, without what they refer to; within a tenth. */
export function objectHeapBytes(fields: number): number {
  return OBJECT_BYTES + (fields > 0 ? FIRST_FIELD_BYTES + fields * FIELD_BYTES : 0);
}

type Offset = (line: number, column: number) => number;

/** The length of a script's image, as the compiler makes it. */
export type ImageBytes = (script: string) => Promise<number>;

/** Costs of a bundle's script, the dearest heap bytes first. `functions` and `map` are the artifact's. */
export async function partCosts(
  { script, functions, map }: { script: string; functions: string; map: string },
  imageBytes: ImageBytes,
): Promise<PartCost[]> {
  const trace = new TraceMap(map);
  const functionsWithin = placed(JSON.parse(functions) as FunctionMap, offsets(script));
  const costs: PartCost[] = [];
  const literals = new Map<PartCost, string>();
  const add = (node: AnyNode, part: Omit<PartCost, "name" | "place">, pattern: RegExp): PartCost | undefined => {
    const { line, column } = (node.loc as NonNullable<AnyNode["loc"]>).start;
    const found = originalPositionFor(trace, { line, column });
    if (found.source === null) return undefined;
    const text = trace.sourcesContent?.[trace.sources.indexOf(found.source)]?.split("\n")[found.line - 1] ?? "";
    const cost = { ...part, name: pattern.exec(text)?.[1] ?? "(nameless)", place: `${found.source}:${found.line}` };
    costs.push(cost);
    return cost;
  };
  const visit = (node: AnyNode, outermost: boolean): void => {
    if (node.type === "ClassDeclaration" || node.type === "ClassExpression") {
      const shape = shapeOf(node);
      const members = node.body.body.filter((each) => each.type === "MethodDefinition").length;
      const bundleBytes = functionsWithin(node.start, node.end);
      add(node, { kind: "class", members, bundleBytes, heapBytes: classHeapBytes(shape) }, /\bclass\s+(\w+)/);
    }
    if (node.type === "VariableDeclarator" && outermost && node.init) {
      const table = tableOf(node.init);
      if (table !== undefined) {
        const cost = add(node, { kind: "table", ...table, bundleBytes: 0 }, /\b(?:const|let)\s+(\w+)/);
        if (cost !== undefined) literals.set(cost, script.slice(node.init.start, node.init.end));
      }
    }
    for (const [child, inner] of children(node)) visit(child, outermost && inner);
  };
  // The bundle is one function that is called at once; what is in it is the outermost level.
  const root = parse(script, { ecmaVersion: "latest", locations: true });
  for (const node of wrapped(root)) visit(node, true);
  const alone = (value: string) => imageBytes(`(() => { var table = ${value}; })();`);
  const nothing = literals.size > 0 ? await alone("0") : 0;
  for (const [cost, literal] of literals) cost.bundleBytes = (await alone(literal)) - nothing;
  return costs.sort((a, b) => b.heapBytes - a.heapBytes || (a.place < b.place ? -1 : 1));
}

function shapeOf(node: Class): ClassShape {
  const shape = { methods: 0, accessors: 0, statics: 0, fields: false };
  for (const each of node.body.body) {
    if (each.type === "PropertyDefinition") shape.fields ||= !each.static;
    else if (each.type === "MethodDefinition" && each.kind === "method") shape[each.static ? "statics" : "methods"]++;
    else if (each.type === "MethodDefinition" && each.kind !== "constructor") shape.accessors++;
  }
  return shape;
}

/** What a literal takes, with the literals in it; undefined for anything that is no table. */
function tableOf(node: AnyNode): { members: number; heapBytes: number } | undefined {
  if (node.type === "ArrayExpression") {
    const inner = node.elements.reduce((sum, each) => sum + (each ? (tableOf(each)?.heapBytes ?? 0) : 0), 0);
    return { members: node.elements.length, heapBytes: arrayHeapBytes(node.elements.length) + inner };
  }
  if (node.type === "ObjectExpression") {
    let inner = 0;
    for (const each of node.properties) if (each.type === "Property") inner += tableOf(each.value)?.heapBytes ?? 0;
    return { members: node.properties.length, heapBytes: objectHeapBytes(node.properties.length) + inner };
  }
  if (node.type !== "NewExpression" || node.callee.type !== "Identifier" || node.callee.name !== "Uint8Array") return;
  const [argument] = node.arguments;
  if (argument?.type !== "Literal" || typeof argument.value !== "number") return;
  return { members: argument.value, heapBytes: TYPED_ARRAY_BYTES + argument.value };
}

/** The statements of the bundle's one function. */
function wrapped(root: AnyNode): AnyNode[] {
  for (let node = root; ; ) {
    if (node.type === "Program" || node.type === "BlockStatement") {
      const [call] = node.body;
      if (node.body.length !== 1 || call?.type !== "ExpressionStatement") return node.body;
      node = call.expression;
    } else if (node.type === "CallExpression") node = node.callee as AnyNode;
    else if (node.type === "ArrowFunctionExpression" || node.type === "FunctionExpression") node = node.body;
    else return [node];
  }
}

/** Each node below one, and whether it is on the same level of functions. */
function* children(node: AnyNode): Generator<[AnyNode, boolean]> {
  const inner = !/Function|MethodDefinition|PropertyDefinition/.test(node.type);
  for (const value of Object.values(node)) {
    for (const each of Array.isArray(value) ? value : [value])
      if (typeof each?.type === "string" && typeof each.start === "number") yield [each as AnyNode, inner];
  }
}

/** Where a line (from 1) and a column (from 1) are in a text. */
function offsets(text: string): Offset {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (line, column) => (starts[line - 1] ?? text.length) + column - 1;
}

/** Flash bytes of the functions that are whole between two places of the script. */
function placed({ functions }: FunctionMap, offset: Offset): (start: number, end: number) => number {
  const known = functions.map((one) => ({
    bytes: functionFlashBytes(one),
    places: one.lines.map(([, line, column]) => offset(line, column)),
  }));
  return (start, end) =>
    known
      .filter(({ places }) => places.length > 0 && places.every((at) => at >= start && at < end))
      .reduce((sum, { bytes }) => sum + bytes, 0);
}
