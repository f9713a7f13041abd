// `bun run build PROFILE`: makes a profile's bundle and shows what it weighs.

import Table from "cli-table3";
import { Command } from "commander";
import pc from "picocolors";
import { main } from "./lib/cli.ts";
import type { ModuleCost } from "./lib/module_costs.ts";
import { buildBundle } from "./lib/native_build.ts";

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
    if (options.json) {
      const { name, path, artifact, sourceBytes, scriptBytes, functions, notInFlash, modules } = built;
      const { version, engineId, apiHash, sha256, bodyLength } = header;
      const sizes = { sourceBytes, scriptBytes, imageBytes: bodyLength, functions };
      console.log(
        JSON.stringify({
          ...{ profile, version, hash: name, sha256, engineId, apiHash, ...sizes, path, artifact },
          notInFlash: notInFlash ?? null,
          modules,
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
    if (built.notInFlash !== undefined) console.log(pc.yellow(built.notInFlash));
    console.log(built.path);
  });

function costTable(modules: readonly ModuleCost[]): string {
  const table = new Table({
    head: ["module", "functions", "bundle bytes", "heap bytes"],
    colAligns: ["left", "right", "right", "right"],
    chars: { mid: "", "left-mid": "", "mid-mid": "", "right-mid": "" },
    style: { head: [], border: [] },
  });
  for (const { module, functions, bundleBytes, heapBytes } of modules) {
    table.push([module, functions || "", bundleBytes, heapBytes || ""]);
  }
  const heap =
    "Heap bytes are those of the functions once they are made, on a chip; other objects and data come on top.";
  return `${table.toString()}\n${heap}`;
}

if (import.meta.main) await main(program);
