// The command lines that build the firmware for a chip and write it: which ones, with which files. Running them is flash.ts's.

import { existsSync, readFileSync, statSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { UserError } from "./errors.ts";
import { BUILD, ROOT } from "./paths.ts";

/** Chips with an sdkconfig.defaults.CHIP. */
export const CHIPS = ["esp32", "esp32c3", "esp32s3", "esp32c6"] as const;
export type Chip = (typeof CHIPS)[number];

/** ESP-IDF releases that the sources are written for: from the first on, before the second. */
export const IDF_FROM = "5.5";
const IDF_BELOW_MAJOR = 7;
/** The release that the instructions install. */
export const IDF_INSTALL = "v5.5.5";

export interface ChipBuild {
  chip: Chip;
  /** For a flash of 8 MB or more. */
  large: boolean;
  /** For the emulator. */
  qemu: boolean;
  /** Where the build's files are. */
  folder: string;
}

/** Where a build's files are unless the user says otherwise. */
export function defaultFolder(chip: Chip, large: boolean, qemu: boolean): string {
  return join(BUILD, "chip", `${chip}${large ? "-8mb" : ""}${qemu ? "-qemu" : ""}`);
}

/** The files that ESP-IDF makes sdkconfig from; of each it also reads FILE.CHIP when there is one. The last one wins. */
export function sdkconfigFiles(build: ChipBuild): string[] {
  const files = ["sdkconfig.defaults"];
  if (build.large) files.push("sdkconfig.8mb");
  if (build.qemu) files.push("sdkconfig.qemu");
  // A builder's own choices, kept out of git.
  if (existsSync(join(ROOT, "sdkconfig.local"))) files.push("sdkconfig.local");
  return files.map((file) => join(ROOT, file));
}

/** True when sdkconfig was made from something older than the files that it is made from: ESP-IDF itself never looks again. */
export function isStale(build: ChipBuild): boolean {
  const made = join(build.folder, "sdkconfig");
  if (!existsSync(made)) return false;
  const files = sdkconfigFiles(build).flatMap((file) => [file, `${file}.${build.chip}`]);
  const at = statSync(made).mtimeMs;
  return files.some((file) => existsSync(file) && statSync(file).mtimeMs > at);
}

export function buildCommand(build: ChipBuild): string[] {
  return [
    "idf.py",
    "-C",
    ROOT,
    "-B",
    build.folder,
    `-DIDF_TARGET=${build.chip}`,
    `-DSDKCONFIG=${join(build.folder, "sdkconfig")}`,
    `-DSDKCONFIG_DEFAULTS=${sdkconfigFiles(build).join(";")}`,
    "build",
  ];
}

/** The release in what `idf.py --version` prints, or undefined. Throws a UserError for one that the sources are not written for. */
export function checkIdfVersion(printed: string): string | undefined {
  const found = /ESP-IDF v(\d+)\.(\d+)(\S*)/.exec(printed);
  if (found === null) return undefined;
  const [major, minor] = [Number(found[1]), Number(found[2])];
  const version = `v${major}.${minor}${found[3]}`;
  const [fromMajor = 0, fromMinor = 0] = IDF_FROM.split(".").map(Number);
  const old = major < fromMajor || (major === fromMajor && minor < fromMinor);
  if (old || major >= IDF_BELOW_MAJOR)
    throw new UserError(
      `idf.py is of ESP-IDF ${version}: Hearth needs v${IDF_FROM} or later, before v${IDF_BELOW_MAJOR}. ${installHint("CHIP")}`,
    );
  return version;
}

/** What to type to get ESP-IDF, or to make an installed one known to this shell. */
export function installHint(chip: string): string {
  const home = process.env["IDF_PATH"];
  if (home !== undefined && existsSync(join(home, "export.sh"))) return `In this shell first run: . ${home}/export.sh`;
  return [
    "To install it once:",
    `  git clone -b ${IDF_INSTALL} --depth 1 --recursive --shallow-submodules https://github.com/espressif/esp-idf.git ~/esp/esp-idf`,
    `  ~/esp/esp-idf/install.sh ${chip}`,
    "and in each new shell:",
    "  . ~/esp/esp-idf/export.sh",
  ].join("\n");
}

/** What ESP-IDF's build leaves for whoever writes the flash. */
export interface FlasherArgs {
  settings: string[];
  /** Offsets as the file has them, with the paths of the files. */
  files: [offset: string, path: string][];
  chip: string;
  before: string;
  after: string;
}

/** Reads flasher_args.json of a build or of a prebuilt image's folder. */
export function readFlasherArgs(folder: string): FlasherArgs {
  const path = join(folder, "flasher_args.json");
  if (!existsSync(path))
    throw new UserError(
      `there is no ${path}: an image is a folder with what idf.py build leaves, this file and those it names`,
    );
  const args = JSON.parse(readFileSync(path, "utf8")) as {
    write_flash_args?: string[];
    flash_files?: Record<string, string>;
    extra_esptool_args?: { chip?: string; before?: string; after?: string };
  };
  const extra = args.extra_esptool_args;
  if (args.write_flash_args === undefined || args.flash_files === undefined || extra?.chip === undefined)
    throw new UserError(`${path} is not what ESP-IDF's build writes`);
  const files = Object.entries(args.flash_files)
    .map(([offset, file]): [string, string] => [offset, isAbsolute(file) ? file : join(folder, file)])
    .sort((a, b) => Number(a[0]) - Number(b[0]));
  const missing = files.find(([, file]) => !existsSync(file));
  if (missing !== undefined) throw new UserError(`${path} names ${missing[1]}, which is not there`);
  return {
    settings: args.write_flash_args,
    files,
    chip: extra.chip,
    before: extra.before ?? "default_reset",
    after: extra.after ?? "hard_reset",
  };
}

export interface WriteOptions {
  /** Name of the program: esptool.py or esptool. */
  esptool: string;
  port: string | undefined;
  baud: number;
  /** The whole flash is erased first. */
  erase: boolean;
  /** Written beside the image: the bundle. */
  more: readonly (readonly [offset: number, path: string])[];
}

/** One esptool command that writes everything. */
export function writeCommand(args: FlasherArgs, options: WriteOptions): string[] {
  const port = options.port === undefined ? [] : ["--port", options.port];
  return [
    options.esptool,
    "--chip",
    args.chip,
    ...port,
    "--baud",
    String(options.baud),
    "--before",
    args.before,
    "--after",
    args.after,
    "write_flash",
    ...args.settings,
    ...(options.erase ? ["--erase-all"] : []),
    ...args.files.flat(),
    ...options.more.flatMap(([offset, path]) => [`0x${offset.toString(16)}`, path]),
  ];
}

/** Offset and size of a partition in one of our tables. */
export function partitionOf(large: boolean, name: string): { offset: number; size: number } {
  const file = join(ROOT, large ? "partitions_8mb.csv" : "partitions.csv");
  const row = readFileSync(file, "utf8")
    .split("\n")
    .map((line) => line.split(",").map((cell) => cell.trim()))
    .find((cells) => cells[0] === name);
  if (row === undefined) throw new Error(`${file} has no ${name}`);
  return { offset: Number(row[3]), size: Number(row[4]) };
}
