#!/usr/bin/env bun
// Stands in for Espressif's QEMU in tests: joins the sockets that it is told, talks like a chip's ROM on UART 0, and sends on UART 1 what
// the test has put into the flash file's place for the bundle. What comes in on the monitor goes out on UART 0, and every command but the
// machine protocol's first one is refused.

import { openSync, readSync } from "node:fs";
import { connect, type Socket } from "node:net";

const args = process.argv.slice(2);
if (args.join(" ") === "-machine help") {
  console.log(
    "Supported machines are:\nesp32                Espressif ESP32 machine\nnone                 empty machine",
  );
  process.exit(0);
}

function join(id: string): Promise<Socket> {
  const device = args.find((arg) => arg.startsWith(`socket,id=${id},`)) ?? "";
  const socket = connect(device.split("path=")[1] ?? "");
  return new Promise((done) => socket.on("connect", () => done(socket)));
}

const [monitor, console_, uart1] = await Promise.all([join("monitor"), join("uart0"), join("uart1")]);
monitor.write('{"QMP": {"version": {}}}\r\n');
monitor.on("data", (words) => {
  for (const line of `${words}`.trim().split("\n")) {
    console_.write(`monitor: ${line}\r\n`);
    const refused = '{"error": {"class": "DeviceNotFound", "desc": "Device is not here"}}';
    monitor.write(`${line.includes("qmp_capabilities") ? '{"return": {}}' : refused}\r\n`);
  }
});
uart1.on("data", (bytes) => console_.write(`uart1: ${(bytes as Buffer).toString("hex")}\r\n`));
const flash = (args.find((arg) => arg.startsWith("file=")) ?? "").slice(5).split(",")[0] ?? "";
const magic = Buffer.alloc(4);
readSync(openSync(flash, "r"), magic, 0, 4, 0x320000);
const resets = (process.env["FAKE_QEMU_RESETS"] ?? "0x1").split(" ");
for (const reset of resets) {
  if (reset.startsWith("0x")) console_.write(`rst:${reset} (X),boot:0x12\r\n`);
  else console_.write(reset === "deadline" ? "watchdog: the deadline has passed\r\n" : `${reset} was called\r\n`);
}
console_.write(`bundle ${magic.toString("hex")}\r\n`);
uart1.write(Buffer.from("f80400000001", "hex"));
