// Scripts on the host firmware: a bundle made of a few lines, run until it has logged `done`.

import { afterEach } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BuiltBundle } from "../../tools/lib/build_bundle.ts";
import { buildBundle, buildNative, type NativeVariant } from "../../tools/lib/native_build.ts";
import { partitionImage } from "../../tools/sim/flash_image.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** The bundle of a script that logs `done` at its end. */
export async function scriptBundle(script: string, plain = false): Promise<BuiltBundle> {
  const folder = mkdtempSync(join(tmpdir(), "hearth-script-"));
  folders.push(folder);
  const entry = join(folder, "main.ts");
  await Bun.write(entry, `${script}\nnative.log("done");\n`);
  const out = join(folder, "bundle.bin");
  return await buildBundle({ profile: "script", entry, out, plain, store: join(folder, "store") });
}

/** What a bundle logs up to `done`, or until the device has given up; without the boot's own lines. */
export async function loggedBy(bundle: Uint8Array, variant: NativeVariant = {}): Promise<string[]> {
  const lines = await consoleOf(bundle, variant);
  return lines.filter((line) => !line.startsWith("boot:"));
}

/** All that a device says up to `done` or its end. */
export async function consoleOf(bundle: Uint8Array, variant: NativeVariant = {}): Promise<string[]> {
  const flash = mkdtempSync(join(tmpdir(), "hearth-flash-"));
  folders.push(flash);
  mkdirSync(flash, { recursive: true });
  await Bun.write(join(flash, "app_0.bin"), partitionImage(bundle, 1, true));
  const { hearth } = await buildNative(variant);
  const child = Bun.spawn([hearth, "--flash", flash], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
  let text = "";
  for await (const piece of child.stdout) {
    text += Buffer.from(piece).toString();
    if (/^(done|boot: .* taken back)/m.test(text)) break;
  }
  child.kill();
  await child.exited;
  return text.trim().split("\n");
}

/** What a script logs up to the line `done`, on one build of the firmware. */
export async function logged(script: string, variant: NativeVariant = {}): Promise<string[]> {
  return await loggedBy((await scriptBundle(script)).bundle, variant);
}
