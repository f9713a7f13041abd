// What device code may not use, found in the bundled script: syntax and built-ins that the firmware's engine does not have.

/** A use of something the device lacks. */
export interface Violation {
  /** Character offset in the script. */
  offset: number;
  what: string;
}

/** Free names that the device lacks, and what to do about them. */
const MISSING: Record<string, string> = {
  async: "async functions (the device has no Promise: use a task or a state machine)",
  await: "await (the device has no Promise: use a task or a state machine)",
  Promise: "Promise (use a task or a state machine)",
  RegExp: "RegExp (compare text by hand)",
  Date: "Date (use native.now())",
  Proxy: "Proxy",
  WeakRef: "WeakRef",
  FinalizationRegistry: "FinalizationRegistry",
  Atomics: "Atomics",
  eval: "eval (there is no compiler on the device)",
  setTimeout: "setTimeout (use a task of the loop)",
  setInterval: "setInterval (use a task of the loop)",
  queueMicrotask: "queueMicrotask (use a task of the loop)",
  console: "console (use native.log)",
  require: "require or a dynamic import",
  process: "process",
  Buffer: "Buffer (use Uint8Array)",
  TextEncoder: "TextEncoder (use native.encodeText)",
  TextDecoder: "TextDecoder (use native.decodeText)",
  crypto: "crypto (use native.sha256 and its neighbours)",
  performance: "performance (use native.now())",
  structuredClone: "structuredClone",
  fetch: "fetch",
};

/** Words after which a slash begins a regular expression. */
const BEFORE_EXPRESSION = new Set([
  "return",
  "typeof",
  "case",
  "in",
  "of",
  "delete",
  "void",
  "throw",
  "new",
  "else",
  "do",
]);

/** Looks through a script (valid JavaScript, as a bundler prints it). */
export function findViolations(script: string): Violation[] {
  const found: Violation[] = [];
  /** Depths of braces at which a template's `${` was opened. */
  const templates: number[] = [];
  let depth = 0;
  let before = "";
  let at = 0;
  while (at < script.length) {
    const char = script[at] as string;
    const start = at;
    if (/\s/.test(char)) {
      at++;
      continue;
    }
    if (script.startsWith("//", at)) {
      at = endOf(script, "\n", at);
      continue;
    }
    if (script.startsWith("/*", at)) {
      at = endOf(script, "*/", at + 2);
      continue;
    }
    if (char === '"' || char === "'") {
      at = skipQuoted(script, at + 1, char);
      before = "text";
      continue;
    }
    if (char === "`" || (char === "}" && templates.at(-1) === depth)) {
      if (char === "}") templates.pop();
      at = skipTemplate(script, at + 1);
      if (script[at - 1] === "{") templates.push(depth);
      before = script[at - 1] === "{" ? "{" : "text";
      continue;
    }
    if (/[A-Za-z_$]/.test(char)) {
      while (at < script.length && /[\w$]/.test(script[at] as string)) at++;
      const word = script.slice(start, at);
      const what = Object.hasOwn(MISSING, word) ? MISSING[word] : undefined;
      if (what !== undefined && before !== "." && before !== "?." && !isKey(script, at, before))
        found.push({ offset: start, what });
      before = BEFORE_EXPRESSION.has(word) ? "(" : "word";
      continue;
    }
    if (/[0-9]/.test(char)) {
      while (at < script.length && /[\w.]/.test(script[at] as string)) at++;
      before = "word";
      continue;
    }
    if (char === "/" && !["word", "text", ")", "]", "}"].includes(before)) {
      found.push({ offset: start, what: "a regular expression (compare text by hand)" });
      at = skipRegExp(script, at + 1);
      before = "text";
      continue;
    }
    if (char === "{") depth++;
    if (char === "}") depth--;
    at += script.startsWith("?.", at) ? 2 : 1;
    before = script.slice(start, at);
  }
  return found;
}

/** A property's, method's or field's own name: `{Date:1}`, `class{fetch(){}}`. */
function isKey(script: string, end: number, before: string): boolean {
  const next = /^\s*(:|=(?!=)|\()/.exec(script.slice(end, end + 8));
  if (next === null || (next[1] === ":" && before === "?")) return false;
  if (next[1] !== "(") return true;
  let depth = 1;
  let at = end + next[0].length;
  for (; at < script.length && depth > 0; at++) {
    if (script[at] === "(") depth++;
    if (script[at] === ")") depth--;
  }
  return /^\s*\{/.test(script.slice(at, at + 8));
}

function endOf(script: string, mark: string, from: number): number {
  const found = script.indexOf(mark, from);
  return found < 0 ? script.length : found + mark.length;
}

function skipQuoted(script: string, from: number, quote: string): number {
  let at = from;
  while (at < script.length && script[at] !== quote) at += script[at] === "\\" ? 2 : 1;
  return at + 1;
}

/** To behind the closing back tick, or behind the next `${`. */
function skipTemplate(script: string, from: number): number {
  let at = from;
  while (at < script.length && script[at] !== "`") {
    if (script.startsWith("${", at)) return at + 2;
    at += script[at] === "\\" ? 2 : 1;
  }
  return at + 1;
}

function skipRegExp(script: string, from: number): number {
  let at = from;
  let inClass = false;
  while (at < script.length && (inClass || script[at] !== "/")) {
    if (script[at] === "[") inClass = true;
    if (script[at] === "]") inClass = false;
    at += script[at] === "\\" ? 2 : 1;
  }
  return at + 1;
}
