// Which C files the programs beside the firmware are made of: tests and fuzz targets, compiled without CMake. Paths are absolute.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./paths.ts";

const NATIVE = join(ROOT, "native");

/** The host port without its main, and the common code that it uses. */
export function hostPortSources(): string[] {
  const host = readdirSync(join(NATIVE, "host"))
    .filter((name) => name.endsWith(".c") && name !== "port_main.c")
    .map((name) => join("host", name));
  return [...host, "edge_burst.c"].map((name) => join(NATIVE, name));
}
