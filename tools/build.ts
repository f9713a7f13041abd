// `bun run build PROFILE`: makes a profile's bundle and shows what it weighs.

import Table from "cli-table3";
import { Command } from "commander";
import pc from "picocolors";
import { loadArtifact } from "./lib/artifacts.ts";
import { imageBytes } from "./lib/build_bundle.ts";
import { main } from "./lib/cli.ts";
import type { ModuleCost } from "./lib/module_costs.ts";
import { buildBundle, buildCompiler } from "./lib/native_build.ts";
import { type PartCost, partCosts } from "./lib/part_costs.ts";

const program = new Command("build")
  .description("Bundles a profile, compiles it to a program image and writes build/bundles/PROFILE/bundle.bin.")
  .argument("<profile>", "folder under profiles/")
  .option("--out <file>", "write the bundle there")
  .option("--version <v>", "version in the bundle's header, at most 16 characters (default: package.json's)")
  .option("--json", "print one JSON object instead of the table")
  .addHelpText("after", "\nExample:\n  bun run build energy")
  .action(async (profile: string, options: { out?: string; version?: string; json?: boolean }) => {
    const built = await buildBundle({ profile, out: options.out, version: options.version });
    const { header } = built;
    const kept = loadArtifact(built.name);
    const { hearthc } = await buildCompiler();
    const parts = kept === undefined ? [] : await partCosts(kept, (script) => imageBytes(hearthc, script));
    if (options.json) {
      const { name, path, artifact, sourceBytes, scriptBytes, functions, notInFlash, modules } = built;
      const { version, engineId, apiHash, sha256, bodyLength } = header;
      const sizes = { sourceBytes, scriptBytes, imageBytes: bodyLength, functions };
      console.log(
        JSON.stringify({
          ...{ profile, version, hash: name, sha256, engineId, apiHash, ...sizes, path, artifact },
          notInFlash: notInFlash ?? null,
          modules,
          parts,
        }),
      );
      return;
    }
    const table = new Table({ style: { head: [], border: [] } });
    table.push(
      { bundle: `${profile} ${header.version}, ${built.name}` },
      { "TypeScript bytes": built.sourceBytes },
      { "script bytes": built.scriptBytes },
      { "image bytes": header.bodyLength },
      { functions: built.functions },
    );
    console.log(table.toString());
    console.log(costTable(built.modules));
    console.log(partTable(parts));
    if (built.notInFlash !== undefined) console.log(pc.yellow(built.notInFlash));
    console.log(built.path);
  });

/** No lines between rows. */
const TIGHT = { mid: "", "left-mid": "", "mid-mid": "", "right-mid": "" };

function costTable(modules: readonly ModuleCost[]): string {
  const table = new Table({
    head: ["module", "functions", "bundle bytes", "heap bytes"],
    colAligns: ["left", "right", "right", "right"],
    chars: TIGHT,
    style: { head: [], border: [] },
  });
  for (const { module, functions, bundleBytes, heapBytes } of modules) {
    table.push([module, functions || "", bundleBytes, heapBytes || ""]);
  }
  const heap =
    "Heap bytes are those of the functions once they are made, on a chip; other objects and data come on top.";
  return `${table.toString()}\n${heap}`;
}

function partTable(parts: readonly PartCost[]): string {
  const table = new Table({
    head: ["class or table", "where", "members", "bundle bytes", "heap bytes"],
    colAligns: ["left", "left", "right", "right", "right"],
    chars: TIGHT,
    style: { head: [], border: [] },
  });
  for (const { name, place, members, bundleBytes, heapBytes } of parts)
    table.push([name, place, members, bundleBytes, heapBytes]);
  return `${table.toString()}\nA class costs its methods in flash; in the heap what is there before its first object. A table costs what it adds, with its texts.`;
}

if (import.meta.main) await main(program);
