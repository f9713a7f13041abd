// A copy of what a profile's author works on, in a folder that goes away: for tests that add a profile to it.

import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileBundle } from "../../tools/lib/build_bundle.ts";
import { buildCompiler } from "../../tools/lib/native_build.ts";
import { ROOT } from "../../tools/lib/paths.ts";
import { Bench } from "../../tools/sim/bench.ts";
import { hostFirmware } from "../../tools/sim/firmware.ts";

const COPIED = [
  "device",
  "profiles/base_config.ts",
  "profiles/espnow_config.ts",
  "tests/support",
  "tools",
  ".gitignore",
  "biome.json",
  "bunfig.toml",
  "package.json",
  "tsconfig.json",
];

export class CheckoutCopy {
  readonly folder = mkdtempSync(join(tmpdir(), "hearth-profile-"));

  constructor() {
    for (const path of COPIED) {
      mkdirSync(join(this.folder, path, ".."), { recursive: true });
      cpSync(join(ROOT, path), join(this.folder, path), { recursive: true });
    }
    symlinkSync(join(ROOT, "node_modules"), join(this.folder, "node_modules"));
  }

  /** Runs Bun there: `run("test", FILE)`, `run("tools/new_profile.ts", "NAME")`. */
  async run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const env = { ...process.env, NO_COLOR: "1" };
    const command = [process.execPath, ...args];
    const child = Bun.spawn(command, { cwd: this.folder, stdin: "ignore", stdout: "pipe", stderr: "pipe", env });
    const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
    return { code: await child.exited, out, err };
  }

  /** What formatter, linter and compiler say of the profile and its test; "" when they are content. */
  async check(profile: string): Promise<string> {
    const files = [`profiles/${profile}`, `tests/profiles/${profile}.test.ts`];
    const include = ["device/native.d.ts", ...files];
    await Bun.write(join(this.folder, "tsconfig.one.json"), JSON.stringify({ extends: "./tsconfig.json", include }));
    const said = [
      await this.run("x", "biome", "check", "--vcs-enabled=false", ...files),
      await this.run("x", "tsc", "-p", "tsconfig.one.json"),
    ];
    return said.map(({ code, out, err }) => (code === 0 ? "" : out + err)).join("");
  }

  /** bundle.bin of a profile there, by this checkout's compiler. */
  async bundle(profile: string): Promise<Uint8Array> {
    const store = join(this.folder, "artifacts");
    return (await compileBundle(await buildCompiler(), { profile, root: this.folder, store })).bundle;
  }

  /** A profile there on the host firmware, its power off. */
  async bench(profile: string, name: string, moreConfig: string[]): Promise<Bench> {
    return Bench.make({
      name,
      firmware: await hostFirmware(),
      bundle: await this.bundle(profile),
      pace: "fast",
      seed: 1,
      otakey: "11".repeat(32),
      flashDir: join(this.folder, "flash", name),
      moreConfig,
    });
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
