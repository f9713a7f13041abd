// `bun run flash PROFILE`: builds the firmware for a chip with ESP-IDF (or takes a built one), writes it and the profile's bundle over a serial
// port, and then says how to bring the configuration. The command lines are lib/chip_build.ts's.

import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Command } from "commander";
import pc from "picocolors";
import {
  buildCommand,
  CHIPS,
  type Chip,
  type ChipBuild,
  checkIdfVersion,
  defaultFolder,
  installHint,
  isStale,
  partitionOf,
  readFlasherArgs,
  writeCommand,
} from "./lib/chip_build.ts";
import { prepareChipInputs } from "./lib/chip_inputs.ts";
import { main, progress } from "./lib/cli.ts";
import { UsageError, UserError } from "./lib/errors.ts";
import { buildBundle } from "./lib/native_build.ts";
import { ROOT } from "./lib/paths.ts";
import { run } from "./lib/run.ts";
import { setting } from "./lib/settings.ts";
import { partitionImage } from "./sim/flash_image.ts";

const SECTOR_BYTES = 4096;

interface Options {
  chip: string;
  port?: string;
  baud: string;
  "8mb"?: boolean;
  qemu?: boolean;
  buildDir?: string;
  image?: string;
  erase?: boolean;
  config?: string;
  prepare?: boolean;
  buildOnly?: boolean;
  dryRun?: boolean;
  json?: boolean;
}

export const program = new Command("flash")
  .description("Builds the firmware for a chip and writes it with a profile's bundle over a serial port.")
  .argument("[profile]", "folder under profiles/ (not needed with --prepare and --build-only)")
  .option("--chip <chip>", `${CHIPS.join(", ")}`, "esp32")
  .option("--port <port>", "serial port (default: SERIAL_PORT, from the environment or .env, else esptool looks)")
  .option("--baud <rate>", "while writing", "460800")
  .option("--8mb", "for a flash of 8 MB or more")
  .option("--image <folder>", "write this built image (a folder with flasher_args.json) instead of building one")
  .option("--erase", "erase the whole flash first: configuration, files and counters too")
  .option("--config <file>", "send this configuration when the device has started")
  .option("--qemu", "build for Espressif's emulator (with --build-only)")
  .option("--build-only", "build, and write nothing")
  .option("--build-dir <folder>", "keep the build there (default: build/chip/CHIP)")
  .option("--prepare", "only make what `idf.py build` needs from this checkout")
  .option("--dry-run", "print the commands and run none")
  .option("--json", "one JSON object per line and step; what the programs print goes to standard error")
  .addHelpText(
    "after",
    `
Examples:
  bun run flash energy                      # a classic ESP32 with 4 MB on the only serial port
  bun run flash energy --chip esp32c3 --port /dev/ttyACM0 --config devices/kitchen.txt
  bun run flash energy --dry-run

It needs ESP-IDF's idf.py and esptool on the path; with --image, esptool alone (pip install esptool).
Exit codes: 0 done, 1 failed, 2 wrong usage. docs/FLASHING.md tells more.`,
  )
  .action((profile: string | undefined, options: Options) => flash(profile, options));

async function flash(profile: string | undefined, options: Options): Promise<void> {
  const build = check(profile, options);
  const show = (step: object, words: string) => console.log(options.json ? JSON.stringify(step) : words);
  if (options.prepare) {
    const inputs = options.dryRun ? "" : await prepareChipInputs();
    show({ step: "prepared", inputs }, options.dryRun ? "would make build/chip/inputs.cmake" : inputs);
    return;
  }
  const step = async (what: string, command: string[], hint: () => string) => {
    show({ step: what, command }, options.dryRun ? shellLine(command) : pc.dim(shellLine(command)));
    if (!options.dryRun) await runShown(what, command, options.json === true, hint);
  };

  if (options.image === undefined) {
    const { folder } = build;
    if (!options.dryRun) {
      await mustHaveIdf(build);
      progress("making the recovery bundle");
      await prepareChipInputs();
      mkdirSync(folder, { recursive: true });
      if (isStale(build)) rmSync(join(folder, "sdkconfig"));
    }
    await step(
      "build",
      buildCommand(build),
      () => `The first error above says what is wrong; after an update of ESP-IDF remove ${folder}.`,
    );
  }
  if (options.buildOnly) return;
  const image = options.image ?? build.folder;
  const bundles = await bundleFiles(profile as string, build.large, options.dryRun === true);
  const args =
    options.dryRun && !existsSync(join(image, "flasher_args.json"))
      ? {
          settings: [`@${join(image, "flash_args")}`],
          files: [],
          chip: build.chip,
          before: "default_reset",
          after: "hard_reset",
        }
      : readFlasherArgs(image);
  if (args.chip !== build.chip) throw new UsageError(`${image} is for ${args.chip}: add --chip ${args.chip}`);
  const port = options.port ?? setting("SERIAL_PORT");
  const esptool = options.dryRun ? "esptool.py" : await findEsptool();
  const erase = options.erase === true;
  const write = writeCommand(args, { esptool, port, baud: Number(options.baud), erase, more: bundles });
  await step("write", write, () => PORT_HINT);

  const sendArgs = ["--profile", profile as string, ...(port === undefined ? [] : ["--port", port])];
  if (options.config !== undefined) {
    const send = [process.execPath, join(ROOT, "tools", "pcp_conf.ts"), options.config, ...sendArgs];
    await step("config", send, () => "The firmware is on the chip; only the configuration is missing.");
    return;
  }
  const next = ["bun", "run", "pcp_conf", "devices/NAME.txt", ...sendArgs];
  const written = options.dryRun ? "" : pc.green("Written. ");
  show(
    { step: "next", command: next },
    `${written}Now its configuration: copy profiles/${profile}/config.sample.txt, change it, and run\n  ${shellLine(next)}`,
  );
}

const PORT_HINT =
  "Is the board plugged in, is --port the right one, and may you use it (on Linux: group dialout)? Some boards want BOOT held while they connect; close any terminal program that has the port.";

/** Refuses what cannot work before anything is built. */
function check(profile: string | undefined, options: Options): ChipBuild {
  if (!CHIPS.includes(options.chip as Chip)) throw new UsageError(`--chip ${options.chip}: one of ${CHIPS.join(", ")}`);
  if (!/^\d+$/.test(options.baud)) throw new UsageError(`--baud ${options.baud}: a number`);
  if (options.qemu && !options.buildOnly && !options.prepare)
    throw new UsageError("--qemu: an emulator has no serial port to write to: add --build-only");
  if (options.image !== undefined && options.buildOnly)
    throw new UsageError("--image and --build-only: one or the other");
  if (options.config !== undefined && !existsSync(options.config))
    throw new UsageError(`there is no file ${options.config}`);
  if (profile === undefined && !options.prepare && !options.buildOnly)
    throw new UsageError("which profile? See the folders under profiles/");
  if (profile !== undefined && !existsSync(join(ROOT, "profiles", profile, "main.ts")))
    throw new UsageError(`there is no profile ${profile}: see the folders under profiles/`);
  const [chip, large, qemu] = [options.chip as Chip, options["8mb"] === true, options.qemu === true];
  return { chip, large, qemu, folder: resolve(options.buildDir ?? defaultFolder(chip, large, qemu)) };
}

async function mustHaveIdf(build: ChipBuild): Promise<void> {
  const { code, stdout, stderr } = await run(["idf.py", "--version"]);
  if (code === 127)
    throw new UserError(`ESP-IDF is not here: there is no idf.py on the path. ${installHint(build.chip)}`);
  if (code !== 0)
    throw new UserError(`idf.py --version failed:\n${stderr.trim() || stdout.trim()}\n${installHint(build.chip)}`);
  if (checkIdfVersion(stdout) === undefined)
    throw new UserError(`idf.py --version says "${stdout.trim()}", which is no version of ESP-IDF`);
}

async function findEsptool(): Promise<string> {
  for (const name of ["esptool.py", "esptool"]) if ((await run([name, "version"])).code === 0) return name;
  throw new UserError("there is no esptool on the path: it comes with ESP-IDF, or alone by: pip install esptool");
}

/** The bundle as slot 0 has it, and an erased beginning of slot 1, so that nothing older counts. */
async function bundleFiles(profile: string, large: boolean, dryRun: boolean): Promise<[number, string][]> {
  const folder = join(ROOT, "build", "chip", "bundles");
  const slot = join(folder, `${profile}.bin`);
  const blank = join(folder, "blank.bin");
  if (!dryRun) {
    const { bundle } = await buildBundle({ profile });
    mkdirSync(folder, { recursive: true });
    writeFileSync(slot, used(partitionImage(bundle, 1, false)));
    writeFileSync(blank, new Uint8Array(SECTOR_BYTES).fill(0xff));
  }
  return [
    [partitionOf(large, "app_0").offset, slot],
    [partitionOf(large, "app_1").offset, blank],
  ];
}

/** Without the erased rest, in whole sectors. */
function used(image: Uint8Array): Uint8Array {
  const end = image.findLastIndex((byte) => byte !== 0xff) + 1;
  return image.subarray(0, Math.ceil(end / SECTOR_BYTES) * SECTOR_BYTES);
}

/** Runs a program whose output the user wants to see. */
async function runShown(what: string, command: readonly string[], json: boolean, hint: () => string): Promise<void> {
  const child = Bun.spawn([...command], {
    cwd: ROOT,
    stdin: "inherit",
    stdout: json ? 2 : "inherit",
    stderr: "inherit",
  });
  const code = await child.exited;
  if (code !== 0) throw new UserError(`the step "${what}" failed (exit code ${code}). ${hint()}`);
}

/** As one would type it. */
function shellLine(command: readonly string[]): string {
  return command.map((part) => (/^[\w@%+=:,./-]+$/.test(part) ? part : `'${part.replaceAll("'", "'\\''")}'`)).join(" ");
}

if (import.meta.main) await main(program);
