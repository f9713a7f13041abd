// Proves `bun run flash` with an idf.py and an esptool that only note what they were asked for. Real ones cannot be part of a test.

import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { decodeHeader } from "../../tools/lib/bundle.ts";
import {
  checkIdfVersion,
  partitionOf,
  readFlasherArgs,
  sdkconfigFiles,
  writeCommand,
} from "../../tools/lib/chip_build.ts";
import { inputsText } from "../../tools/lib/chip_inputs.ts";
import { ROOT } from "../../tools/lib/paths.ts";
import { SLOW_TEST_MS } from "../support/slow.ts";

setDefaultTimeout(SLOW_TEST_MS);

let folder = "";
let bin = "";
let notes = "";
let buildDir = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hearth-flash-"));
  bin = join(folder, "bin");
  notes = join(folder, "notes.txt");
  buildDir = join(folder, "build");
  mkdirSync(bin);
});
beforeEach(() => {
  rmSync(bin, { recursive: true });
  mkdirSync(bin);
  rmSync(buildDir, { recursive: true, force: true });
  rmSync(notes, { force: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A program on the path that notes its arguments, one call a line, and then does what `body` says. */
function fake(name: string, body: string): void {
  const path = join(bin, name);
  writeFileSync(path, `#!/bin/sh\necho "${name} $*" >> '${notes}'\n${body}\n`);
  chmodSync(path, 0o755);
}

const FLASHER_ARGS = JSON.stringify({
  write_flash_args: ["--flash_mode", "dio", "--flash_size", "4MB", "--flash_freq", "40m"],
  flash_files: { "0x20000": "hearth.bin", "0x1000": "bootloader.bin", "0x8000": "partition-table.bin" },
  extra_esptool_args: { after: "hard_reset", before: "default_reset", stub: true, chip: "esp32" },
});

/** idf.py that builds: it leaves in the build folder what ESP-IDF's does. */
function fakeIdf(version = "ESP-IDF v5.5.5"): void {
  fake(
    "idf.py",
    `[ "$1" = --version ] && { echo '${version}'; exit 0; }
echo "building"
cd "$4" && echo made > sdkconfig && touch hearth.bin bootloader.bin partition-table.bin
cat > flasher_args.json <<'END'\n${FLASHER_ARGS}\nEND`,
  );
}

async function flash(...args: string[]): Promise<{ code: number; out: string; err: string; calls: string[] }> {
  const path = [bin, dirname(process.execPath), "/usr/local/bin", "/usr/bin", "/bin"].join(":");
  const env = { ...process.env, PATH: path, NO_COLOR: "1", SERIAL_PORT: "", IDF_PATH: "" };
  const command = [process.execPath, join(ROOT, "tools", "flash.ts"), ...args];
  const child = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe", env });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  const calls = existsSync(notes) ? readFileSync(notes, "utf8").trimEnd().split("\n") : [];
  return { code: await child.exited, out, err, calls };
}

test("builds, then writes the image and the bundle in one go, then says how to bring the configuration", async () => {
  fakeIdf();
  fake("esptool.py", "");
  const { code, out, calls } = await flash("energy", "--build-dir", buildDir, "--port", "/dev/ttyTEST");
  expect(code).toBe(0);
  const [version, build, found, write] = calls;
  expect([version, found]).toEqual(["idf.py --version", "esptool.py version"]);
  expect(build).toBe(
    `idf.py -C ${ROOT} -B ${buildDir} -DIDF_TARGET=esp32 -DSDKCONFIG=${buildDir}/sdkconfig -DSDKCONFIG_DEFAULTS=${ROOT}/sdkconfig.defaults build`,
  );
  const bundles = join(ROOT, "build", "chip", "bundles");
  expect(write).toBe(
    "esptool.py --chip esp32 --port /dev/ttyTEST --baud 460800 --before default_reset --after hard_reset write_flash " +
      `--flash_mode dio --flash_size 4MB --flash_freq 40m 0x1000 ${buildDir}/bootloader.bin 0x8000 ${buildDir}/partition-table.bin ` +
      `0x20000 ${buildDir}/hearth.bin 0x320000 ${bundles}/energy.bin 0x350000 ${bundles}/blank.bin`,
  );
  expect(out).toContain("bun run pcp_conf devices/NAME.txt --profile energy --port /dev/ttyTEST");
});

test("makes what idf.py needs before it runs: engine, ids, names and the recovery bundles", async () => {
  const inputs = join(ROOT, "build", "chip", "inputs.cmake");
  const { code, out, calls } = await flash("--prepare");
  expect([code, out.trim(), calls]).toEqual([0, inputs, []]);
  const text = readFileSync(inputs, "utf8");
  const values = new Map([...text.matchAll(/^set\((\w+) "(.*)"\)$/gm)].map((match) => [match[1], match[2] ?? ""]));
  expect(existsSync(join(values.get("HEARTH_QUICKJS_DIR") ?? "", "quickjs.c"))).toBe(true);
  expect(readFileSync(values.get("HEARTH_NAMES") ?? "").includes("prototype")).toBe(true);
  for (const [name, profile] of [
    ["HEARTH_RECOVERY_BUNDLE", "recovery"],
    ["HEARTH_RECOVERY_ESPNOW_BUNDLE", "recovery_espnow"],
  ] as const) {
    const header = decodeHeader(new Uint8Array(readFileSync(values.get(name) ?? "")));
    if (typeof header === "string") throw new Error(header);
    expect(header).toMatchObject({
      profile,
      engineId: values.get("HEARTH_ENGINE_ID") ?? "",
      apiHash: values.get("HEARTH_API_HASH") ?? "",
    });
  }
  expect(readFileSync(join(ROOT, "CMakeLists.txt"), "utf8")).toContain("build/chip/inputs.cmake");
});

test("the bundle lies in slot 0 as a device would have it, on trial, and slot 1 counts no more", async () => {
  writePrebuilt();
  fake("esptool.py", "");
  expect((await flash("energy", "--image", buildDir)).code).toBe(0);
  const slot = readFileSync(join(ROOT, "build", "chip", "bundles", "energy.bin"));
  const header = decodeHeader(new Uint8Array(slot.subarray(0, 256)));
  expect(header).toMatchObject({ profile: "energy" });
  expect(slot.readUInt32LE(244)).toBe(1); // sequence
  expect(slot.subarray(256, 4096).every((byte) => byte === 0xff)).toBe(true); // no mark
  expect(slot.length % 4096).toBe(0);
  const blank = readFileSync(join(ROOT, "build", "chip", "bundles", "blank.bin"));
  expect([blank.length, blank.every((byte) => byte === 0xff)]).toEqual([4096, true]);
});

function writePrebuilt(): void {
  mkdirSync(buildDir, { recursive: true });
  for (const file of ["hearth.bin", "bootloader.bin", "partition-table.bin"]) writeFileSync(join(buildDir, file), "");
  writeFileSync(join(buildDir, "flasher_args.json"), FLASHER_ARGS);
}

test("a prebuilt image needs esptool only, by either name", async () => {
  writePrebuilt();
  fake("esptool", "");
  const { code, calls } = await flash("energy", "--image", buildDir, "--erase", "--baud", "115200");
  expect(code).toBe(0);
  expect(calls[0]).toBe("esptool version");
  expect(calls[1]).toStartWith("esptool --chip esp32 --baud 115200 ");
  expect(calls[1]).toContain(" --erase-all 0x1000 ");
});

test("--dry-run prints the commands and runs nothing", async () => {
  fakeIdf();
  fake("esptool.py", "");
  const { code, out, calls } = await flash(
    "energy",
    "--dry-run",
    "--chip",
    "esp32s3",
    "--8mb",
    "--build-dir",
    buildDir,
  );
  expect([code, calls, existsSync(buildDir)]).toEqual([0, [], false]);
  const [build, write] = out.split("\n");
  expect(build).toContain(`'-DSDKCONFIG_DEFAULTS=${ROOT}/sdkconfig.defaults;${ROOT}/sdkconfig.8mb' build`);
  expect(build).toContain("-DIDF_TARGET=esp32s3");
  expect(write).toStartWith("esptool.py --chip esp32s3 --baud 460800");
  expect(write).toContain(" 0x500000 ");
});

test("--json gives one object per step, and nothing else on standard output", async () => {
  fakeIdf();
  fake("esptool.py", "echo written");
  const { code, out, err } = await flash("energy", "--json", "--build-dir", buildDir);
  expect(code).toBe(0);
  const steps = out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { step: string; command: string[] });
  expect(steps.map((each) => each.step)).toEqual(["build", "write", "next"]);
  expect(steps[1]?.command[0]).toBe("esptool.py");
  expect(err).toContain("written");
});

test("--build-only writes nothing, --qemu takes the emulator's settings last", async () => {
  fakeIdf();
  const { code, calls } = await flash("--build-only", "--qemu", "--chip", "esp32c3", "--build-dir", buildDir);
  expect(code).toBe(0);
  expect(calls.length).toBe(2);
  expect(calls[1]).toContain(`-DSDKCONFIG_DEFAULTS=${ROOT}/sdkconfig.defaults;${ROOT}/sdkconfig.qemu build`);
});

test("an sdkconfig that is older than what it is made from is made anew", async () => {
  fakeIdf();
  mkdirSync(buildDir, { recursive: true });
  const sdkconfig = join(buildDir, "sdkconfig");
  writeFileSync(sdkconfig, "old");
  fake(
    "idf.py",
    `[ "$1" = --version ] && { echo 'ESP-IDF v6.0.2'; exit 0; }\ncat '${sdkconfig}' >> '${notes}' 2>/dev/null; exit 0`,
  );
  expect((await flash("--build-only", "--build-dir", buildDir)).calls.at(-1)).toBe("old");
  utimesSync(sdkconfig, 1, 1);
  expect((await flash("--build-only", "--build-dir", buildDir)).calls.at(-1)).toStartWith("idf.py ");
});

test("without ESP-IDF it says what to install and what to type", async () => {
  const { code, err } = await flash("energy", "--chip", "esp32c3", "--build-dir", buildDir);
  expect(code).toBe(1);
  for (const part of ["there is no idf.py on the path", "git clone", "install.sh esp32c3", "export.sh"])
    expect(err).toContain(part);
});

test("a failing step says which, and what to look at", async () => {
  fake("idf.py", `[ "$1" = --version ] && { echo 'ESP-IDF v5.5.5'; exit 0; }\nexit 2`);
  const build = await flash("energy", "--build-dir", buildDir);
  expect([build.code, build.err]).toEqual([1, expect.stringContaining('the step "build" failed (exit code 2)')]);
  writePrebuilt();
  fake("esptool.py", '[ "$1" = version ] || exit 1');
  const write = await flash("energy", "--image", buildDir);
  expect([write.code, write.err]).toEqual([1, expect.stringContaining("may you use it (on Linux: group dialout)")]);
});

test("--config sends the configuration when all is written", async () => {
  writePrebuilt();
  fake("esptool.py", "");
  const sample = join(ROOT, "profiles", "energy", "config.sample.txt");
  const { code, out, err } = await flash("energy", "--image", buildDir, "--port", "/dev/ttyNONE", "--config", sample);
  expect(out).toContain(`pcp_conf.ts ${sample} --profile energy --port /dev/ttyNONE`);
  expect(err).toContain("/dev/ttyNONE"); // pcp_conf's own message
  expect([code, err]).toEqual([1, expect.stringContaining("only the configuration is missing")]);
});

test.each([
  ["no profile", [], "which profile?"],
  ["no such profile", ["nosuch"], "there is no profile nosuch"],
  ["no such chip", ["energy", "--chip", "esp8266"], "--chip esp8266: one of esp32, esp32c3"],
  ["a baud rate that is none", ["energy", "--baud", "fast"], "--baud fast: a number"],
  ["an emulator's serial port", ["energy", "--qemu"], "add --build-only"],
  ["no such configuration", ["energy", "--config", "/nosuch.txt"], "there is no file /nosuch.txt"],
])("%s is wrong usage", async (_what, args, message) => {
  const { code, err } = await flash(...args);
  expect([code, err]).toEqual([2, expect.stringContaining(message)]);
});

test("an image for another chip is refused", async () => {
  writePrebuilt();
  const { code, err } = await flash("energy", "--image", buildDir, "--chip", "esp32c3");
  expect([code, err]).toEqual([2, expect.stringContaining("is for esp32: add --chip esp32")]);
});

test("folders that are no image are refused with a reason", () => {
  expect(() => readFlasherArgs(folder)).toThrow("there is no");
  mkdirSync(buildDir, { recursive: true });
  writeFileSync(join(buildDir, "flasher_args.json"), "{}");
  expect(() => readFlasherArgs(buildDir)).toThrow("is not what ESP-IDF's build writes");
  writeFileSync(join(buildDir, "flasher_args.json"), FLASHER_ARGS);
  expect(() => readFlasherArgs(buildDir)).toThrow("bootloader.bin, which is not there");
});

test("releases of ESP-IDF from 5.5 on and below 7 are taken", () => {
  expect(checkIdfVersion("ESP-IDF v5.5")).toBe("v5.5");
  expect(checkIdfVersion("ESP-IDF v6.0-rc1-12-gabcdef\n")).toBe("v6.0-rc1-12-gabcdef");
  expect(checkIdfVersion("something")).toBeUndefined();
  expect(() => checkIdfVersion("ESP-IDF v5.4.2")).toThrow("of ESP-IDF v5.4.2: Hearth needs v5.5 or later");
  expect(() => checkIdfVersion("ESP-IDF v7.0")).toThrow("before v7");
});

test("the bundle's place comes from the partition table of the flash size", () => {
  expect(partitionOf(false, "app_0")).toEqual({ offset: 0x320000, size: 0x30000 });
  expect(partitionOf(true, "app_1")).toEqual({ offset: 0x580000, size: 0x80000 });
  expect(() => partitionOf(false, "app_9")).toThrow("app_9");
});

test("without a port esptool looks for one itself", () => {
  const args = { settings: [], files: [], chip: "esp32", before: "default_reset", after: "hard_reset" };
  const command = writeCommand(args, { esptool: "esptool", port: undefined, baud: 9600, erase: false, more: [] });
  expect(command).not.toContain("--port");
});

test("every chip has its settings beside the common ones", () => {
  for (const chip of ["esp32", "esp32c3", "esp32s3", "esp32c6"] as const) {
    const [common] = sdkconfigFiles({ chip, large: false, qemu: false, folder: "" });
    expect(existsSync(`${common}.${chip}`)).toBe(true);
  }
});

test("the chip's build embeds all that the host's does", () => {
  const embedded = (file: string) => {
    const call =
      /COMMAND "\$\{CMAKE_COMMAND\}"([^)]*)-P /.exec(readFileSync(join(ROOT, "native", file), "utf8"))?.[1] ?? "";
    return [...call.matchAll(/-D(\w+)=/g)].map((match) => match[1]);
  };
  expect(embedded("CMakeLists.txt")).toContain("NAMES");
  expect(embedded("esp32/component.cmake").sort()).toEqual(embedded("CMakeLists.txt").sort());
});

test("paths of any system survive CMake's quoting", () => {
  expect(inputsText({ A: 'C:\\a b\\"c"' })).toEndWith('set(A "C:/a b/\\"c\\"")\n');
});
