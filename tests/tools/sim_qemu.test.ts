// Proves the emulator's launcher with a program that stands in for QEMU: CI has neither QEMU nor an image. The real one: see tests/e2e/any_machine.test.ts.

import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../../tools/lib/paths.ts";
import type { BoardEvent } from "../../tools/sim/board.ts";
import { HostWorld } from "../../tools/sim/host_world.ts";
import { QemuMachine } from "../../tools/sim/qemu_machine.ts";
import { findQemu, qemuCommand, qemuImage } from "../../tools/sim/qemu_program.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

const FAKE = join(ROOT, "tests", "support", "fake_qemu.ts");
let folder = "";
let path: string | undefined;
let world: HostWorld;
let machine: QemuMachine | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hearth-qemu-test-"));
  path = process.env["PATH"];
  world = new HostWorld(1);
});
afterEach(async () => {
  await machine?.close();
  machine = undefined;
  await world.stop();
  process.env["PATH"] = path;
  delete process.env["IDF_TOOLS_PATH"];
  rmSync(folder, { recursive: true, force: true });
});

/** A program of that name, first on the path or in `where`. */
function program(name: string, body: string, where = join(folder, "bin")): string {
  mkdirSync(where, { recursive: true });
  const file = join(where, name);
  writeFileSync(file, `#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o755);
  return file;
}

/** What ESP-IDF's build leaves: two files and the list of them. */
function image(firmware = "firmware"): string {
  const build = join(folder, "image");
  mkdirSync(build, { recursive: true });
  writeFileSync(join(build, "boot.bin"), "boot");
  writeFileSync(join(build, "hearth.bin"), firmware);
  const files = { "0x1000": "boot.bin", "0x20000": "hearth.bin" };
  const args = { write_flash_args: [], flash_files: files, extra_esptool_args: { chip: "esp32" } };
  writeFileSync(join(build, "flasher_args.json"), JSON.stringify(args));
  return build;
}

function made(program = FAKE): { machine: QemuMachine; events: BoardEvent[] } {
  const flashDir = join(folder, "flash");
  const one = new QemuMachine({ world, chip: "esp32", program, image: qemuImage("esp32", image()), flashDir });
  machine = one;
  const events: BoardEvent[] = [];
  one.board.observe((event) => events.push(event));
  return { machine: one, events };
}

const logged = (events: BoardEvent[], text: string) => () =>
  events.some((event) => event.kind === "log" && event.line.includes(text));

test("without QEMU the error says how to install it", async () => {
  process.env["PATH"] = join(folder, "bin");
  process.env["IDF_TOOLS_PATH"] = folder;
  await expect(findQemu("esp32c3")).rejects.toThrow("idf_tools.py install qemu-riscv32");
});

test("a QEMU without the chip is not taken for Espressif's", async () => {
  program("qemu-system-xtensa", "echo 'sim   simulation machine'");
  process.env["PATH"] = `${join(folder, "bin")}:${path}`;
  await expect(findQemu("esp32")).rejects.toThrow("does not know the esp32");
});

test("QEMU is found where ESP-IDF installs it, the newest release first", async () => {
  process.env["PATH"] = "/bin:/usr/bin";
  process.env["IDF_TOOLS_PATH"] = folder;
  const at = (release: string) => join(folder, "tools", "qemu-xtensa", release, "qemu", "bin");
  program("qemu-system-xtensa", "exit 1", at("esp_develop_8.2.0_20240122"));
  const newest = program("qemu-system-xtensa", "echo 'esp32   a chip'", at("esp_develop_9.0.0_20240606"));
  expect(await findQemu("esp32")).toBe(newest);
});

test("without an image the error says how to build it", () => {
  expect(() => qemuImage("esp32c3", join(folder, "none"))).toThrow("bun run flash --qemu --build-only --chip esp32c3");
});

test("the command line has the flash, the network with the link's port, and one serial port per UART", () => {
  const wires = { flash: "/f", monitor: "/m", uarts: ["/u0", undefined, "/u2"], address: "127.1.2.3", port: 8266 };
  const command = qemuCommand("qemu", "esp32", wires);
  const after = (option: string) => command.flatMap((word, at) => (word === option ? [command[at + 1]] : []));
  expect(after("-machine")).toEqual(["esp32"]);
  expect(after("-drive")).toEqual(["file=/f,if=mtd,format=raw"]);
  expect(after("-nic")).toEqual(["user,id=nic,model=open_eth,hostfwd=tcp:127.1.2.3:8266-:8266"]);
  expect(after("-serial")).toEqual(["chardev:uart0", "null", "chardev:uart2"]);
  expect(qemuCommand("qemu", "esp32c3", wires).filter((word) => word === "-serial")).toHaveLength(2);
});

test("flash has the image where its list says, and the bundle in its partition", async () => {
  const { machine, events } = made();
  await machine.installBundle(Buffer.concat([Buffer.from("HRTH"), Buffer.alloc(600)]));
  const flash = readFileSync(join(machine.flashDir, "flash.bin"));
  expect(flash).toHaveLength(4 * 1024 * 1024);
  expect(flash.subarray(0x1000, 0x1004).toString()).toBe("boot");
  expect(flash.subarray(0x20000, 0x20008).toString()).toBe("firmware");
  await machine.powerOn();
  expect(await world.until(logged(events, "bundle 48525448"), 60_000)).toBe(true);
});

test("what the chip has written over the image stays, until the image is another one", () => {
  const { machine } = made();
  const flash = join(machine.flashDir, "flash.bin");
  const changed = readFileSync(flash);
  changed.write("over air", 0x20000);
  writeFileSync(flash, changed);
  made();
  expect(readFileSync(flash).subarray(0x20000, 0x20008).toString()).toBe("over air");
  new QemuMachine({
    world,
    chip: "esp32",
    program: FAKE,
    image: qemuImage("esp32", image("newbuild")),
    flashDir: machine.flashDir,
  });
  expect(readFileSync(flash).subarray(0x20000, 0x20008).toString()).toBe("newbuild");
});

test("resets are told by the ROM's number, a crash by what stands before it; power on is none", async () => {
  const talking = program("talking", `FAKE_QEMU_RESETS='0x1 0xc 0x8 abort() 0xc 0x5 deadline 0xc' exec '${FAKE}' "$@"`);
  const { machine, events } = made(talking);
  await machine.powerOn();
  await world.until(logged(events, "bundle"), 60_000);
  expect(machine.resets).toEqual(["software", "watchdog", "panic", "deep sleep", "watchdog"]);
  expect(events.filter((event) => event.kind === "reset")).toHaveLength(5);
});

test("the reset button and a power cut start the chip again", async () => {
  const { machine, events } = made();
  await machine.powerOn();
  await world.until(logged(events, "bundle"), 60_000);
  await machine.pressReset();
  await world.until(() => machine.resets.length === 1, 60_000);
  expect(machine.resets).toEqual(["power on"]);
  await machine.powerCut();
  expect([machine.powered, machine.failure]).toEqual([false, undefined]);
});

test("a UART is joined to the model on the board, both ways", async () => {
  const { machine, events } = made();
  const got: string[] = [];
  machine.board.attachUart(1, { received: (bytes) => got.push(Buffer.from(bytes).toString("hex")) });
  await machine.powerOn();
  expect(await world.until(() => got.join("") === "f80400000001", 60_000)).toBe(true);
  world.act(() => machine.board.uartDeliver(1, Uint8Array.from([0xf8, 4, 20])));
  expect(await world.until(logged(events, "uart1: f80414"), 60_000)).toBe(true);
});

test("the network's cable is pulled through QEMU's machine protocol, and is still out after a power cut", async () => {
  const { machine, events } = made();
  await machine.powerOn();
  await world.until(logged(events, "bundle"), 60_000);
  machine.board.setNetwork(false);
  const pulled = 'monitor: {"execute":"set_link","arguments":{"name":"nic","up":false}}';
  expect(await world.until(logged(events, pulled), 60_000)).toBe(true);
  await machine.powerCut();
  events.length = 0;
  await machine.powerOn();
  expect(await world.until(logged(events, pulled), 60_000)).toBe(true);
});

test("a command that QEMU refuses is a failure with its reason", async () => {
  const { machine, events } = made();
  await machine.powerOn();
  await world.until(logged(events, "bundle"), 60_000);
  machine.networkChanged();
  expect(await world.until(() => machine.failure !== undefined, 60_000)).toBe(true);
  expect(machine.failure).toBe("QEMU refuses a command: Device is not here");
});

test("a QEMU that ends by itself is a failure with its last words", async () => {
  const dying = program("dying", "echo 'no flash' >&2; exit 3");
  const flashDir = join(folder, "flash");
  machine = new QemuMachine({ world, chip: "esp32", program: dying, image: qemuImage("esp32", image()), flashDir });
  await machine.powerOn();
  await world.until(() => machine?.failure !== undefined, 60_000);
  expect(machine.failure).toBe("QEMU ended (3): no flash");
});
