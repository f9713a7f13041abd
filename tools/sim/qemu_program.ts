// Espressif's QEMU on this PC: where its programs are, and the command line of one emulated chip. Running it is qemu_machine.ts's.

import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { type Chip, defaultFolder, type FlasherArgs, readFlasherArgs } from "../lib/chip_build.ts";
import { UserError } from "../lib/errors.ts";
import { run } from "../lib/run.ts";
import { METER_UART } from "./fittings.ts";

/** Chips that the emulator has, with its program and the serial ports in the machine. */
export const QEMU_CHIPS = {
  esp32: { program: "qemu-system-xtensa", tool: "qemu-xtensa", uarts: 3 },
  esp32c3: { program: "qemu-system-riscv32", tool: "qemu-riscv32", uarts: 2 },
} as const satisfies Partial<Record<Chip, object>>;
export type QemuChip = keyof typeof QEMU_CHIPS;

/** Network kind in config.txt, and this PC's loopback as the emulator's network has it. */
export const QEMU_SSID = "(qemu)";
export const QEMU_HOST = "10.0.2.2";

/** UART of the energy profile's meter, as the profile chooses it. */
export function meterUart(chip: QemuChip): number {
  return Math.min(METER_UART, QEMU_CHIPS[chip].uarts - 1);
}

/** Path of the program that emulates a chip: from the path, else where ESP-IDF installs its tools. Throws UserError. */
export async function findQemu(chip: QemuChip): Promise<string> {
  const { program, tool } = QEMU_CHIPS[chip];
  const path = Bun.which(program, { PATH: process.env["PATH"] ?? "" }) ?? installed(tool, program);
  const install = `With ESP-IDF in this shell run: idf_tools.py install ${tool}   (then . $IDF_PATH/export.sh once more)`;
  if (path === undefined) throw new UserError(`There is no ${program} here. ${install}`);
  const { stdout, stderr } = await run([path, "-machine", "help"]);
  // Other builds of QEMU have the same name and no such chip.
  if (!new RegExp(`^${chip}\\s`, "m").test(stdout))
    throw new UserError(
      `${path} does not know the ${chip}: it is not Espressif's. ${install}${stderr && `\n${stderr}`}`,
    );
  return path;
}

function installed(tool: string, program: string): string | undefined {
  const folder = join(process.env["IDF_TOOLS_PATH"] ?? join(homedir(), ".espressif"), "tools", tool);
  if (!existsSync(folder)) return undefined;
  const found = readdirSync(folder).map((release) => join(folder, release, "qemu", "bin", program));
  return found.sort().findLast((path) => existsSync(path));
}

/** The image that the user has built for the emulator. Throws UserError. */
export function qemuImage(chip: QemuChip, folder = defaultFolder(chip, false, true)): FlasherArgs {
  if (!existsSync(join(folder, "flasher_args.json")))
    throw new UserError(
      `There is no firmware for the emulated ${chip} in ${folder}. With ESP-IDF in this shell run: bun run flash --qemu --build-only --chip ${chip}`,
    );
  return readFlasherArgs(folder);
}

export interface QemuWires {
  /** The chip's flash. */
  flash: string;
  /** Unix sockets that somebody listens on: for QEMU's machine protocol, and one for each UART (undefined: not connected). */
  monitor: string;
  uarts: readonly (string | undefined)[];
  /** Where TCP connections are taken for the device's port of the same number. */
  address: string;
  port: number;
}

/** Name of the network card in QEMU's machine protocol. */
export const NIC = "nic";

export function qemuCommand(program: string, chip: QemuChip, wires: QemuWires): string[] {
  const serial = Array.from({ length: QEMU_CHIPS[chip].uarts }, (_, uart) => wires.uarts[uart]).flatMap((path, uart) =>
    path === undefined
      ? ["-serial", "null"]
      : ["-chardev", `socket,id=uart${uart},path=${path}`, "-serial", `chardev:uart${uart}`],
  );
  return [
    program,
    "-machine",
    chip,
    "-display",
    "none",
    "-drive",
    `file=${wires.flash},if=mtd,format=raw`,
    "-nic",
    `user,id=${NIC},model=open_eth,hostfwd=tcp:${wires.address}:${wires.port}-:${wires.port}`,
    ...serial,
    "-chardev",
    `socket,id=monitor,path=${wires.monitor}`,
    "-mon",
    "monitor,mode=control",
  ];
}
