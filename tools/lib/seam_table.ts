// The table of the seam: the functions that native/port.h declares, and which of them each port defines. Read from the text of the C files.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./paths.ts";

export interface Port {
  /** Folder under native/. */
  name: string;
  /** Functions of port.h that it defines, sorted. */
  defines: string[];
  /** Functions of port.h that it does not. */
  missing: string[];
  /** Functions that begin with `port_`, are seen by the linker, and are not in port.h. */
  unknown: string[];
}

export interface SeamTable {
  /** In the order of port.h. */
  functions: string[];
  ports: Port[];
}

/** The table of this checkout, of the ports whose folder is there. */
export function seamTable(folders: readonly string[] = ["host", "esp32"]): SeamTable {
  const native = join(ROOT, "native");
  const functions = declared(readFileSync(join(native, "port.h"), "utf8"));
  const ports = folders
    .filter((name) => existsSync(join(native, name)))
    .map((name) => {
      const files = readdirSync(join(native, name)).filter((file) => file.endsWith(".c"));
      const found = new Set(files.flatMap((file) => defined(readFileSync(join(native, name, file), "utf8"))));
      return {
        name,
        defines: functions.filter((each) => found.has(each)).sort(),
        missing: functions.filter((each) => !found.has(each)),
        unknown: [...found].filter((each) => !functions.includes(each)).sort(),
      };
    });
  return { functions, ports };
}

/** Names of the functions that a header declares. */
export function declared(header: string): string[] {
  const text = plain(header);
  return [...text.matchAll(/^[a-z][\w\s*]*?\b(port_\w+)\s*\([^;{}]*;/gm)].map((match) => match[1] as string);
}

/** Names of the functions beginning with `port_` that a source file defines and does not keep to itself. */
export function defined(source: string): string[] {
  const text = plain(source);
  return [...text.matchAll(/^(?!static\b)[a-z][\w\s*]*?\b(port_\w+)\s*\([^;{}]*\{/gm)].map(
    (match) => match[1] as string,
  );
}

/** The table as text: a line per function, a column per port. */
export function printSeamTable(table: SeamTable): string {
  const width = Math.max(...table.functions.map((name) => name.length));
  const head = `${"".padEnd(width)}  ${table.ports.map((port) => port.name).join("  ")}`;
  const rows = table.functions.map((name) => {
    const cells = table.ports.map((port) => (port.missing.includes(name) ? "-" : "x").padEnd(port.name.length));
    return `${name.padEnd(width)}  ${cells.join("  ")}`.trimEnd();
  });
  return [head, ...rows].join("\n");
}

function plain(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/\/\/.*$/gm, "");
}
